/** The path of an event: a place, a message, a lane, a result, in this order and once each. */
import type { SendResult } from "../backend.ts";
import { type Event, refusedEvent } from "../event/event.ts";
import { abortable } from "../support/clock.ts";
import { MelangeError } from "../support/errors.ts";
import { DEADLINE_MS } from "../support/retry.ts";
import { Semaphore } from "../support/semaphore.ts";
import { observed, type PublishWatch, watched } from "../support/telemetry.ts";
import { type Destination, kindOf, nameOf } from "../wire/message.ts";
import { createLane, type Lane, type LaneSettings } from "./lane.ts";
import { destinationOf, outgoing, type PublishOptions, type Writing } from "./outgoing.ts";

/** Settings of {@linkcode createSending}. */
export interface SendingSettings extends Omit<LaneSettings, "isUrgent">, Writing {
  /** The most events without a result; further ones wait. */
  readonly maxPending: number;
}

/** The events of a publisher that are under way. */
export interface Sending {
  /** Sends an event. The event takes its place in the order before the function returns. */
  send(event: Event, options: PublishOptions): Promise<SendResult>;
  /** Resolves when a further event would not have to wait; `undefined` if it would not now. */
  room(): Promise<void> | undefined;
  /** Sends the waiting events; resolves when every event so far has a result. Never rejects. */
  flush(): Promise<void>;
  /** Takes no more events. */
  close(): void;
}

/** Creates a sending without events. */
export function createSending(settings: SendingSettings): Sending {
  const { maxPending, telemetry } = settings;
  const places = new Semaphore(maxPending);
  const lanes = createLanes({ ...settings, isUrgent: () => flushes > 0 });
  const pending = new Set<Promise<SendResult>>();
  let flushes = 0;
  let isClosed = false;

  async function sendInOrder(event: Event, options: PublishOptions, watch?: PublishWatch) {
    if (isClosed) throw new MelangeError("CLOSED", "Cannot publish as the publisher is closed");
    const { signal } = options;
    signal?.throwIfAborted();
    const lane = lanes.at(destinationOf(event, options));
    const place = lane.enter();
    try {
      const wait = places.acquire(signal);
      if (wait) await wait;
      try {
        const prepared = outgoing(event, { options, lane, writing: settings, watch });
        const message = prepared instanceof Promise
          ? await inTime(event, prepared, { ...settings, signal })
          : prepared;
        return await lane.send(place, { message, signal });
      } finally {
        places.release();
      }
    } finally {
      lane.leave(place);
    }
  }

  return {
    send(event, options) {
      const watch = observed(() => telemetry?.publish?.(event, options));
      const result = watched(watch, sendInOrder(event, options, watch));
      const forget = () => pending.delete(result);
      pending.add(result);
      result.then(forget, forget);
      return result;
    },
    room: () => places.full ? places.acquire()?.then(() => places.release()) : undefined,
    async flush() {
      flushes += 1;
      lanes.hurry();
      await Promise.allSettled(pending);
      flushes -= 1;
    },
    close() {
      isClosed = true;
    },
  };
}

/** Keeps a lane for each destination that has events under way. */
function createLanes(settings: LaneSettings) {
  const lanes = new Map<string, Lane>();
  return {
    at(destination: Destination): Lane {
      const key = kindOf(destination) + nameOf(destination);
      const known = lanes.get(key);
      if (known) return known;
      for (const [key, lane] of lanes) if (lane.isIdle()) lanes.delete(key);
      const lane = createLane(destination, settings);
      lanes.set(key, lane);
      return lane;
    },
    hurry(): void {
      for (const lane of lanes.values()) lane.hurry();
    },
  };
}

/** Ends the wait for a schema without an answer, because later events wait behind this event. */
function inTime<T>(
  event: Event,
  message: Promise<T>,
  { clock, retry, signal }: SendingSettings & { signal: AbortSignal | undefined },
): Promise<T> {
  // A second at least: a policy without retries has a deadline of 0.
  const ms = Math.max(retry.deadlineMs ?? DEADLINE_MS, 1_000);
  const ending = new AbortController();
  const cancel = clock.after(ms, () => {
    ending.abort(refusedEvent(event, "no answer came in time", "TIMEOUT"));
  });
  return abortable(abortable(message, ending.signal), signal).finally(cancel);
}
