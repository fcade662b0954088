import type { Clock, Random } from "../../src/support/clock.ts";
import type { BroadcastChannelLike, LocksLike } from "./channel.ts";

/** Options of {@linkcode BroadcastChannelBackend}. */
export interface BroadcastChannelBackendOptions {
  /** The common name of the contexts that share queues; the channel is `melange/<name>`. */
  name: string;
  /**
   * Create a topic at the first publish. With `false`, such a publish is `NOT_FOUND`. Default:
   * `true`.
   */
  createTopics?: boolean;
  /**
   * The silence of the leader after which another context takes over, in milliseconds; all contexts
   * must agree. With Web Locks the end of a leader is noticed at once, and only a hanging leader
   * takes this long. Default: 3 600.
   */
  leaderTimeoutMs?: number;
  /**
   * The silence after which the locks of a context are given to others, in milliseconds: longer than a handler may block its thread. With Web Locks the end of a context is noticed at
   * once. Default: 10 000.
   */
  memberTimeoutMs?: number;
  /**
   * Keep the process running while the backend is open. With `false`, calls still do, but not
   * receives that wait. Node and Bun only: in Deno an open channel always does, and elsewhere there
   * is no process to keep. A clock of your own sees to its timers itself. Default: `true`.
   */
  keepsAlive?: boolean;
  /** Opens a channel. Default: `new BroadcastChannel(name)`. */
  channel?: (name: string) => BroadcastChannelLike;
  /**
   * Web Locks, or `null` to do without. Default: the Web Locks of browsers and Deno, and none
   * elsewhere, because Node 24 fails with four workers or more.
   */
  locks?: LocksLike | null;
  /** The clock; the contexts must agree on it. Default: the clock of the machine. */
  clock?: Clock;
  /** The source of ids. Default: `crypto`. */
  random?: Random;
}

/**
 * Refuses options of a wrong type or range.
 *
 * @throws {TypeError | RangeError}
 */
export function checkOptions(
  { name, leaderTimeoutMs = 1, memberTimeoutMs = 1, keepsAlive = true }:
    BroadcastChannelBackendOptions,
): void {
  if (typeof name !== "string" || name === "") {
    throw new TypeError(
      `Cannot create a BroadcastChannelBackend as its name is text: current value is ${name}`,
    );
  }
  if (typeof keepsAlive !== "boolean") {
    throw new TypeError(
      `Cannot create a BroadcastChannelBackend as keepsAlive is true or false: current value is ${keepsAlive}`,
    );
  }
  for (const [option, value] of Object.entries({ leaderTimeoutMs, memberTimeoutMs })) {
    if (value > 0) continue;
    throw new RangeError(
      `Cannot create a BroadcastChannelBackend as ${option} is above 0: current value is ${value}`,
    );
  }
}
