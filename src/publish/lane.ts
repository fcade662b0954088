import type { Limits, Sender, SendResult } from "../backend.ts";
import { Batcher, type BatcherOptions } from "../support/batcher.ts";
import { outcomeUnknown } from "../support/errors.ts";
import { retryEach, type RetryOptions } from "../support/retry.ts";
import { sendApart } from "../support/send_apart.ts";
import { observed, type Telemetry, watched } from "../support/telemetry.ts";
import { type Destination, isFifo, kindOf, nameOf, type OutgoingMessage } from "../wire/message.ts";

/** A message in a lane, which waits for a request or a result. */
export interface Item {
  readonly message: OutgoingMessage;
  readonly signal: AbortSignal | undefined;
}

/** A place in the order of a lane, with the function that sends its message once the message is ready. */
export interface Place {
  go?: () => void;
}

/** Facts of a lane, common to its events. */
export interface LaneFacts {
  /** One object for all events. */
  readonly destination: Destination;
  readonly limits: Limits;
}

/** Settings that all lanes of a publisher share. */
export interface LaneSettings
  extends Pick<BatcherOptions<Item, SendResult>, "lingerMs" | "maxInFlight" | "gathers" | "clock"> {
  readonly backend: Sender;
  readonly retry: RetryOptions;
  /** Told of each request. Default: none. */
  readonly telemetry?: Telemetry | undefined;
  /** Tells whether somebody flushes, so that nothing waits for more to come. */
  isUrgent(): boolean;
}

/**
 * All events to one destination. The events share requests and keep the order of their calls. An
 * event takes a place at its call. The lane sends the event from that place, once the events before
 * it have been sent or given up.
 */
export interface Lane extends LaneFacts {
  /** Takes the last place. */
  enter(): Place;
  /**
   * Sends a message from a place, in turn. An abort takes the message back; if the message is on
   * the wire by then, the outcome is unknown.
   */
  send(place: Place, item: Item): Promise<SendResult>;
  /** Gives a place up, unless a message was sent from it. */
  leave(place: Place): void;
  /** Sends the waiting messages without further waiting. */
  hurry(): void;
  /** Tells whether nothing is in line, waits or is under way. */
  isIdle(): boolean;
}

/** Creates an empty lane. */
export function createLane(destination: Destination, settings: LaneSettings): Lane {
  const { backend, isUrgent } = settings;
  const limits = backend.limits[kindOf(destination)];
  const groupOf = isFifo(nameOf(destination)) && (({ message }: Item) => message.group);
  const line = new Set<Place>();
  const batcher = new Batcher<Item, SendResult>({
    ...settings,
    maxItems: limits.entries,
    maxBytes: limits.batchBytes,
    sizeOf: ({ message }) => backend.sizeOf(message, destination),
    ...(groupOf && { keyOf: groupOf }),
    run: (...batch) => sendBatch(batch, { ...settings, destination, groupOf }),
  });

  /** Sends from the ready places in front, in one go, so that the messages share a request. */
  function admit(): void {
    for (const place of line) {
      if (!place.go) return;
      line.delete(place);
      place.go();
    }
  }

  return {
    destination,
    limits,
    enter() {
      const place = {};
      line.add(place);
      return place;
    },
    send: (place, item) =>
      new Promise((resolve, reject) => {
        const { signal } = item;
        if (signal?.aborted) return reject(signal.reason);
        const onAbort = () => {
          const isTakenBack = line.delete(place) || batcher.remove(item);
          reject(
            isTakenBack ? signal?.reason : outcomeUnknown("as the publish was aborted on the wire"),
          );
        };
        signal?.addEventListener("abort", onAbort);
        place.go = () => {
          const sent = batcher.add(item).then(resolve, reject);
          // Only here: a further promise for each message under way is memory that is felt.
          if (signal) sent.finally(() => signal.removeEventListener("abort", onAbort));
          if (isUrgent()) batcher.hurry();
        };
        admit();
      }),
    leave(place) {
      line.delete(place);
      admit();
    },
    hurry: () => batcher.hurry(),
    isIdle: () => line.size < 1 && batcher.idle,
  };
}

/** Sends a batch until each message has a result. The batch ends when all its callers gave up. */
function sendBatch(
  [items, settle, answered]: Parameters<BatcherOptions<Item, SendResult>["run"]>,
  { backend, retry, destination, groupOf, telemetry }: LaneSettings & {
    destination: Destination;
    groupOf: false | ((item: Item) => string | undefined);
  },
): Promise<void> {
  const waiting = new Set(items);
  // None where nobody can give up: a signal costs the backend time.
  const ending = items.some(({ signal }) => signal) && new AbortController();
  const signal = ending ? ending.signal : undefined;
  const check = () => {
    // Not where all have their results: an abort is an error with a stack.
    if (!ending || waiting.size < 1) return;
    if ([...waiting].every(({ signal }) => signal?.aborted)) ending.abort();
  };
  for (const { signal } of items) signal?.addEventListener("abort", check);
  const send = (going: Item[]) => {
    const messages = going.map(({ message }) => message);
    const watch = observed(() => telemetry?.send?.(destination, messages));
    return watched(watch, backend.send(destination, messages, { signal }));
  };
  const sendAll = (pending: Item[]) => sendApart(pending, { send, groupOf }).finally(answered);
  const tell = (item: Item, result: SendResult) => {
    settle(item, result);
    waiting.delete(item);
    check();
  };
  return retryEach(items, sendAll, tell, { ...retry, signal })
    .finally(() => items.forEach(({ signal }) => signal?.removeEventListener("abort", check)));
}
