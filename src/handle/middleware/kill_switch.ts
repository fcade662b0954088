import { checkRange } from "../../support/range.ts";
import type { Outcome } from "../dispatch.ts";

/** Options of {@linkcode killSwitch}. */
export interface KillSwitchOptions {
  /** The share of failures at which the consumer stops receiving, above 0 and at most 1. Default: 0.5. */
  failures?: number;
  /** The number of latest messages that the share is of. Fewer messages never trip the switch. Default: 20. */
  of?: number;
  /** The time without receives, in milliseconds. Default: 30 000. */
  pauseMs?: number;
}

/**
 * A switch that a consumer asks after each message: the option `killSwitch`.
 *
 * @category Consuming
 */
export interface KillSwitch {
  /** Takes note of an outcome. Returns the time to receive nothing for, in milliseconds. */
  handled(outcome: Outcome): number | undefined;
}

/**
 * Creates the option `killSwitch` of a consumer, which stops receiving while too many messages
 * fail. So the messages of an outage stay in the queue and use up no attempts. A `DeadLetter` is no
 * failure, because its cause is the message, and neither is a stop. After the pause the consumer
 * receives again and counts from the beginning. Create one switch for each consumer.
 * @throws {RangeError} if an option is out of its range
 *
 * @example
 * ```ts
 * import { MessageConsumer } from "@melange/melange";
 * import { MemoryBackend } from "@melange/melange/memory";
 * import { killSwitch } from "@melange/melange/middleware";
 *
 * const consumer = new MessageConsumer({
 *   backend: new MemoryBackend(),
 *   queue: "bills",
 *   killSwitch: killSwitch({ failures: 0.5, of: 20, pauseMs: 30_000 }),
 * });
 * if (consumer.status().paused) throw new Error("unexpected");
 * ```
 */
export function killSwitch(options: KillSwitchOptions = {}): KillSwitch {
  const { failures = 0.5, of = 20, pauseMs = 30_000 } = options;
  const cannot = "create a kill switch";
  checkRange(failures, { cannot, name: "failures", min: Number.MIN_VALUE, max: 1 });
  checkRange(of, { cannot, name: "of", min: 1, max: 10_000, integer: true });
  checkRange(pauseMs, { cannot, name: "pauseMs", min: 0, max: 86_400_000 });
  let latest: boolean[] = [];
  return {
    handled(outcome) {
      if (outcome.outcome === "retry" && outcome.uncounted) return undefined;
      latest.push(outcome.outcome === "retry");
      if (latest.length > of) latest.shift();
      const failed = latest.filter(Boolean).length;
      if (latest.length < of || failed < failures * of) return undefined;
      latest = [];
      return pauseMs;
    },
  };
}
