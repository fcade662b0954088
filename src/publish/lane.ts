import type { Limits, SendResult } from "../backend.ts";
import type { Batcher } from "../support/batcher.ts";
import { MelangeError } from "../support/errors.ts";
import type { Destination, OutgoingMessage } from "../wire/message.ts";

/** A message in a lane, which waits for a request or a result. */
export interface Item {
  readonly message: OutgoingMessage;
  readonly signal: AbortSignal | undefined;
}

/** A place in the order of a lane. */
export type Place = Record<never, never>;

/** Facts of a lane, common to its events. */
export interface LaneFacts {
  /** One object for all events. */
  readonly destination: Destination;
  readonly limits: Limits;
}

/** Options of {@linkcode createLane}. */
export interface LaneOptions extends LaneFacts {
  readonly batcher: Batcher<Item, SendResult>;
  /** Tells whether somebody flushes, so that nothing waits for more to come. */
  isUrgent(): boolean;
}

/**
 * All events to one destination. The events share requests and keep the order of their calls. An
 * event takes a place at its call. The lane sends the event from that place, once the events before
 * it have been sent or given up.
 */
export interface Lane extends LaneFacts {
  readonly batcher: Batcher<Item, SendResult>;
  /** Takes the last place. */
  enter(): Place;
  /**
   * Sends a message from a place, in turn. An abort takes the message back; if the message is on
   * the wire by then, the outcome is unknown.
   */
  send(place: Place, item: Item): Promise<SendResult>;
  /** Gives a place up, unless a message was sent from it. */
  leave(place: Place): void;
  /** Tells whether nothing is in line, waits or is under way. */
  isIdle(): boolean;
}

/** Creates an empty lane. */
export function createLane(options: LaneOptions): Lane {
  const { batcher, isUrgent } = options;
  /** The places in order, each with the function that sends its ready message. */
  const line = new Map<Place, (() => void) | undefined>();

  /** Sends from the ready places in front, in one go, so that the messages share a request. */
  function admit(): void {
    for (const [place, go] of line) {
      if (!go) return;
      line.delete(place);
      go();
    }
  }

  function leave(place: Place): void {
    line.delete(place);
    admit();
  }

  function add(item: Item): Promise<SendResult> {
    const result = batcher.add(item);
    if (isUrgent()) batcher.hurry();
    return result;
  }

  function inTurn(place: Place, item: Item): Promise<SendResult> {
    return new Promise((resolve) => {
      line.set(place, () => resolve(add(item)));
      admit();
    });
  }

  return {
    ...options,
    enter() {
      const place = {};
      line.set(place, undefined);
      return place;
    },
    send(place, item) {
      const { signal } = item;
      if (!signal) return inTurn(place, item);
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        const onAbort = () => {
          const isTakenBack = line.delete(place) || batcher.remove(item);
          reject(isTakenBack ? signal.reason : onTheWire());
        };
        signal.addEventListener("abort", onAbort);
        inTurn(place, item).then(resolve, reject)
          .finally(() => signal.removeEventListener("abort", onAbort));
      });
    },
    leave,
    isIdle: () => line.size === 0 && batcher.isIdle(),
  };
}

function onTheWire(): MelangeError {
  return new MelangeError(
    "OUTCOME_UNKNOWN",
    "Cannot tell the outcome: the publish was aborted while it was on the wire",
  );
}

/** The callers of a batch that still wait for a result. */
export interface Abandonment {
  /** Aborts when all callers have given up; a caller without a signal never gives up. */
  readonly signal: AbortSignal;
  /** Takes note of a result. */
  settled(item: Item): void;
  /** Takes note of the end of the batch. */
  forget(): void;
}

/** Watches the callers of a batch; `undefined` if none of them can give up. */
export function abandonment(items: readonly Item[]): Abandonment | undefined {
  if (!items.some(({ signal }) => signal)) return undefined;
  const waiting = new Set(items);
  const controller = new AbortController();
  const check = () => {
    // Not where all have their results: an abort is an error with a stack.
    if (waiting.size > 0 && [...waiting].every(({ signal }) => signal?.aborted)) controller.abort();
  };
  for (const { signal } of items) signal?.addEventListener("abort", check);
  return {
    signal: controller.signal,
    settled(item) {
      waiting.delete(item);
      check();
    },
    forget: () => items.forEach(({ signal }) => signal?.removeEventListener("abort", check)),
  };
}
