import type { Receiver } from "../backend.ts";
import { type Clock, type Random, systemClock } from "../support/clock.ts";
import { checkRanges } from "../support/range.ts";
import type { Backoff } from "../support/retry.ts";
import type { KillSwitch } from "../handle/middleware/kill_switch.ts";
import type { Telemetry } from "../support/telemetry.ts";

/**
 * Settings of a consumer for any queue.
 *
 * @category Consuming
 */
export interface ConsumerSettings {
  /**
   * Slots: messages that are handled at once, one of each FIFO group. FIFO groups hold up to ten
   * more messages for each slot, and one message for each slot may wait for its acknowledgement.
   * Default: 10.
   */
  concurrency?: number;
  /**
   * Time of the lock on a message, in milliseconds; extended while handlers run. Default: 30 000.
   */
  visibilityTimeoutMs?: number;
  /** Time that a receive waits for a message, in milliseconds. Default: 20 000. */
  waitMs?: number;
  /** Time that a stop waits for handlers, in milliseconds. Default: 10 000. */
  drainMs?: number;
  /**
   * Time that fewer free slots than a receive can fill (ten) wait for more free slots, in
   * milliseconds. Slots wait only under load, after a full answer, and only while messages of that
   * answer are handled. A longer time saves receives where the time of handlers varies, and leaves
   * slots empty for longer. Default: 20.
   */
  refillMs?: number;
  /**
   * Time that acknowledgements wait for more of them to share a request, in milliseconds. On FIFO
   * queues acknowledgements do not wait. Default: 20.
   */
  ackLingerMs?: number;
  /** Time that a failed message stays hidden: full jitter, doubling with each attempt. Default: 1 s to 15 min. */
  redelivery?: Partial<Backoff>;
  /** Source of time. Default: the machine's clock. */
  clock?: Clock;
  /** Source of jitter. Default: `Math.random`. */
  random?: Random;
  /** Traces and metrics, such as `openTelemetry()`. Default: none. */
  telemetry?: Telemetry;
  /**
   * Messages of one group that are handled at once on a standard queue. The others of the group
   * wait under their lock, beside the slots, and messages of other groups go first. Default: no
   * limit.
   */
  concurrencyPerGroup?: number;
  /**
   * Limiter of the rate of a started consumer, which workers may share. Asked for one message
   * before each call of the handlers; the message keeps its slot and its lock. Default: none.
   */
  limiter?: Limiter;
  /** Stops receiving while too many messages fail: `killSwitch()`. Default: none. */
  killSwitch?: KillSwitch;
}

/**
 * Limiter of a rate. Several consumers and processes may share one.
 *
 * @category Consuming
 */
export interface Limiter {
  /**
   * Resolves when `count` messages may be handled. The signal aborts when the consumer stops. A
   * rejection is logged, and the limiter is asked again after a second.
   */
  take(count: number, signal: AbortSignal): Promise<unknown> | void;
}

/** Settings that have no default. */
type Optional = "telemetry" | "concurrencyPerGroup" | "limiter" | "killSwitch";

/** Settings with a value for each of them. */
export type CompleteSettings =
  & Required<Omit<ConsumerSettings, Optional>>
  & { redelivery: Backoff }
  & { [Name in Optional]: ConsumerSettings[Name] | undefined };

/** Time that a stop waits for handlers by default, in milliseconds. */
export const DRAIN_MS = 10_000;
const REDELIVERY: Backoff = { baseMs: 1_000, maxMs: 900_000 };

/**
 * Completes settings by the defaults.
 * @throws {RangeError} if a setting is out of its range
 */
export function settingsOf(
  options: ConsumerSettings,
  { limits }: Pick<Receiver, "limits">,
): CompleteSettings {
  const { queue } = limits;
  const cannot = "create a consumer";
  const { concurrency = 10, visibilityTimeoutMs = 30_000, waitMs = queue.waitMs } = options;
  const { drainMs = DRAIN_MS, refillMs = 20, ackLingerMs = 20 } = options;
  const { clock = systemClock, random = Math.random } = options;
  const { concurrencyPerGroup, limiter, killSwitch } = options;
  const redelivery = { ...REDELIVERY, ...options.redelivery };
  checkRanges({ concurrency }, { cannot, min: 1, max: 10_000, integer: true });
  checkRanges({ visibilityTimeoutMs }, { cannot, min: 1_000, max: queue.visibilityMs });
  checkRanges({ waitMs }, { cannot, min: 0, max: queue.waitMs });
  checkRanges({ drainMs }, { cannot, min: 0, max: 86_400_000 });
  checkRanges({ refillMs }, { cannot, min: 0, max: 60_000 });
  checkRanges({ ackLingerMs }, { cannot, min: 0, max: 1_000 });
  if (concurrencyPerGroup !== undefined) {
    checkRanges({ concurrencyPerGroup }, { cannot, min: 1, max: 10_000, integer: true });
  }
  if (limiter !== undefined && typeof limiter?.take !== "function") {
    throw new TypeError(`Cannot ${cannot} as its limiter has no function \`take\``);
  }
  if (killSwitch !== undefined && typeof killSwitch?.handled !== "function") {
    throw new TypeError(`Cannot ${cannot} as its killSwitch is none of killSwitch()`);
  }
  const { baseMs, maxMs } = redelivery;
  checkRanges({ "redelivery.baseMs": baseMs, "redelivery.maxMs": maxMs }, { cannot, min: 0 });
  return {
    concurrency,
    visibilityTimeoutMs,
    waitMs,
    drainMs,
    refillMs,
    ackLingerMs,
    redelivery,
    clock,
    random,
    telemetry: options.telemetry,
    concurrencyPerGroup,
    limiter,
    killSwitch,
  };
}
