import type { Event } from "../event/event.ts";
import { Batcher } from "../support/batcher.ts";
import { abortable, type Clock, systemClock } from "../support/clock.ts";
import { checkMs } from "../support/duration.ts";
import { checkRange } from "../support/range.ts";
import type { Handler, HandlerContext, SubscribeOptions } from "./handler.ts";

/**
 * The verdict on one event of a batch. Nothing acknowledges the event, a `DeadLetter` gives the
 * event up, and any other value makes the event come again.
 *
 * @category Handling
 */
export type BatchVerdict = unknown;

/**
 * Handles several events at once. Returning nothing acknowledges all of them, throwing fails all of
 * them. A list has one verdict for each event, in order; an event without a place in the list comes
 * again. The context at the same place belongs to the event.
 *
 * @category Handling
 */
export type BatchHandler<E extends Event = Event> = (
  events: readonly E[],
  contexts: readonly HandlerContext[],
) => void | readonly BatchVerdict[] | Promise<void | readonly BatchVerdict[]>;

/**
 * Options of {@linkcode Dispatcher.subscribeBatch}.
 *
 * @category Handling
 */
export interface BatchOptions extends SubscribeOptions {
  /** The most events of a batch. A batch that is full runs at once. Default: 10. */
  maxEvents?: number;
  /** The time that the first event of a batch waits for others, in milliseconds. Default: 100. */
  maxWaitMs?: number;
  /** The source of time. Default: the machine's clock. */
  clock?: Clock;
}

/** Gives the slot of a message back while the message waits for others; present in workers only. */
export const LEAVE_SLOT = Symbol("leaveSlot");

/** An event that waits for its batch. */
interface Member {
  readonly event: Event;
  readonly context: HandlerContext & { [LEAVE_SLOT]?: () => void };
}

/**
 * Returns a handler of single events that gathers them into batches. The first event of a batch
 * keeps its slot, the others give theirs back.
 * @throws {RangeError} if an option is out of its range
 */
export function inBatches(handler: BatchHandler<never>, options: BatchOptions): Handler {
  const { maxEvents = 10, maxWaitMs = 100, clock = systemClock } = options;
  const cannot = "gather events";
  checkRange(maxEvents, { cannot, name: "maxEvents", min: 1, max: 10_000, integer: true });
  checkMs(maxWaitMs, { cannot, name: "maxWaitMs" });
  let gathered = 0;
  const batcher = new Batcher<Member, unknown>({
    maxItems: maxEvents,
    lingerMs: maxWaitMs,
    maxInFlight: Infinity,
    clock,
    async run(members, settle) {
      gathered -= members.length;
      const events = members.map(({ event }) => event);
      const contexts = members.map(({ context }) => context);
      const verdicts = await (handler as BatchHandler)(events, contexts) ?? events.map(() => {});
      members.forEach((member, at) => settle(member, at in verdicts ? verdicts[at] : MISSING));
    },
  });
  return async (event, context: Member["context"]) => {
    const { signal } = context;
    const member = { event, context };
    const giveUp = () => void (batcher.remove(member) && (gathered -= 1));
    if (gathered > 0) context[LEAVE_SLOT]?.();
    gathered += 1;
    signal.addEventListener("abort", giveUp);
    try {
      const verdict = await abortable(batcher.add(member), signal);
      if (verdict !== undefined && verdict !== null) throw verdict;
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  };
}

/** The verdict on an event that the list of the handler has no place for. */
const MISSING = /* @__PURE__ */ new TypeError(
  "Cannot acknowledge an event as its batch handler returned no verdict for it",
);
