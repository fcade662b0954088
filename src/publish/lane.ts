import type { SendResult } from "../backend.ts";
import type { Batcher } from "../support/batcher.ts";
import { MelangeError } from "../support/errors.ts";
import type { OutgoingMessage } from "../wire/message.ts";

/** A message that waits for its turn or its answer. */
export interface Item {
  readonly message: OutgoingMessage;
  readonly signal: AbortSignal | undefined;
}

/** All events to one destination: they share requests, and keep their order. */
export interface Lane {
  readonly batcher: Batcher<Item, SendResult>;
  /** The events that have their place in the order but are not in the batcher yet. */
  readonly places: Set<Place>;
}

/** An event that needs time before it can be added, or stands behind one that does. */
interface Place {
  /** Adds it; set when it is ready. */
  enter: (() => void) | undefined;
}

/** Adds a message when all that were placed before it have been added, or given up. */
export function inOrder<T>(
  lane: Lane,
  prepared: OutgoingMessage | Promise<OutgoingMessage>,
  { signal, add }: {
    signal: AbortSignal | undefined;
    add: (message: OutgoingMessage) => Promise<T>;
  },
): Promise<T> {
  if (!(prepared instanceof Promise) && lane.places.size === 0) return add(prepared);
  const place: Place = { enter: undefined };
  lane.places.add(place);
  return new Promise((resolve, reject) => {
    const leave = (reason: unknown) => {
      signal?.removeEventListener("abort", onAbort);
      lane.places.delete(place);
      admit(lane);
      reject(reason);
    };
    const onAbort = () => leave(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    Promise.resolve(prepared).then((message) => {
      place.enter = () => {
        signal?.removeEventListener("abort", onAbort);
        resolve(add(message));
      };
      admit(lane);
    }, leave);
  });
}

/** Adds those in front that are ready, in one go, so that they share a request. */
function admit({ places }: Lane): void {
  for (const place of places) {
    if (!place.enter) return;
    places.delete(place);
    place.enter();
  }
}

/** Adds a message; when its signal aborts, it is taken back, or its outcome is unknown. */
export function addTo(lane: Lane, item: Item): Promise<SendResult> {
  const { signal } = item;
  if (!signal) return lane.batcher.add(item);
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const onAbort = () => reject(lane.batcher.remove(item) ? signal.reason : abortedOnTheWire());
    signal.addEventListener("abort", onAbort, { once: true });
    lane.batcher.add(item)
      .then(resolve, reject)
      .finally(() => signal.removeEventListener("abort", onAbort));
  });
}

function abortedOnTheWire(): MelangeError {
  return new MelangeError(
    "OUTCOME_UNKNOWN",
    "Cannot tell the outcome: the publish was aborted while it was on the wire",
  );
}

/** Whether anybody still waits for the results of a batch. */
export interface Abandonment {
  /** Aborts when nobody does. */
  readonly signal: AbortSignal;
  /** An item has its result. */
  settled(item: Item): void;
  /** The batch has ended. */
  forget(): void;
}

/** A signal that aborts when every caller that still waits for its result has given up. */
export function abandonment(items: readonly Item[]): Abandonment {
  const waiting = new Set(items);
  const controller = new AbortController();
  const check = () => {
    if ([...waiting].every(({ signal }) => signal?.aborted)) controller.abort();
  };
  for (const { signal } of items) signal?.addEventListener("abort", check);
  return {
    signal: controller.signal,
    settled(item: Item) {
      waiting.delete(item);
      check();
    },
    forget: () => items.forEach(({ signal }) => signal?.removeEventListener("abort", check)),
  };
}
