import { soundError, soundResults } from "../handle/answers.ts";
import type { ExtendResult, Extension, Receiver } from "../backend.ts";
import { type Clock, limited, reading } from "../support/clock.ts";
import { MelangeError } from "../support/errors.ts";

/** Parts that an extension needs. */
export interface ExtensionOptions {
  /** Receiver whose locks are extended. */
  receiver: Receiver;
  /** Queue of the messages. */
  queue: string;
  /** Source of time. */
  clock: Clock;
  /** Signal that ends extensions under way. */
  signal: AbortSignal;
}

/** Result of an extension, with its request. */
export interface Answer {
  /** Reading of the clock at which the request left. */
  readonly askedAt: number;
  /** Time that was asked for, in milliseconds. */
  readonly visibilityMs: number;
  /** Result for this message. */
  readonly result: ExtendResult;
}

/**
 * Sends one request for several extensions. Never rejects. An answer after `limitMs` counts as
 * none, although the service may still extend the locks.
 */
export async function sendExtensions(
  { receiver, queue, clock, signal }: ExtensionOptions,
  extensions: Extension[],
  limitMs: number,
): Promise<Answer[]> {
  const askedAt = reading(clock);
  const end = new AbortController();
  const ask = async () => await receiver.extend(queue, extensions, { signal: end.signal });
  let results: ExtendResult[];
  try {
    const answer = await limited(ask(), { clock, ms: limitMs, signal });
    results = soundResults(answer, extensions.length);
  } catch (cause) {
    results = extensions.map(() => ({ ok: false, error: soundError(cause) }));
    end.abort();
  }
  return extensions.map(({ visibilityMs }, index) => ({
    askedAt,
    visibilityMs,
    result: results[index] ?? NOT_HELD,
  }));
}

/** Result for a lock that nobody may extend any more. */
export const NOT_HELD: ExtendResult = {
  ok: false,
  error: /* @__PURE__ */ new MelangeError(
    "LOCK_LOST",
    "Cannot extend a lock that is lost or being settled",
  ),
};
