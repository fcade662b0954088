import { type Event, eventTypeOf, refusedEvent } from "../../event/event.ts";
import type { PublishEntry } from "../../publish/publisher.ts";

/** Destination and group of an event; by default its own. */
export type AddOptions =
  & { group?: string; deduplicationId?: string | false }
  & ({ topic?: string; queue?: never } | { queue: string; topic?: never });

/** A row of the table. */
export interface OutboxRow {
  /** The place in the order of the table. */
  readonly id: number;
  /** The group whose order is kept; `null` without one. */
  readonly group: string | null;
  /** The event and its options, as JSON. */
  readonly entry: string;
}

/** The side of a table that a relay works with. */
export interface Outbox {
  /** Reads committed rows after an id, in order. */
  read(afterId: number, limit: number): Promise<OutboxRow[]>;
  /** Deletes rows. */
  remove(ids: readonly number[]): Promise<void>;
}

/**
 * Returns the row of an event. Its data must be JSON.
 * @throws {MelangeError} `INVALID_EVENT` if the data cannot be written as JSON, `INVALID_MESSAGE`
 * without a destination
 */
export function rowOf(event: Event, options: AddOptions): Omit<OutboxRow, "id"> {
  const { topic = event.topic, queue } = options;
  if (topic === undefined && queue === undefined) {
    throw refusedEvent(event, "it has no topic, and no destination is named", "INVALID_MESSAGE");
  }
  const group = options.group ?? groupOf(event) ?? null;
  const isFifo = (queue ?? topic)!.endsWith(".fifo");
  try {
    const publish = { ...options, ...(isFifo && group !== null ? { group } : {}) };
    return { group, entry: JSON.stringify({ event, options: publish }) };
  } catch {
    throw refusedEvent(event, "its data cannot be written as JSON");
  }
}

/** Returns the event of a row, ready to be published. */
export function entryOf({ entry }: OutboxRow): PublishEntry {
  const { event, options } = JSON.parse(entry);
  return { ...options, event: { ...event, occurredOn: new Date(event.occurredOn) } };
}

function groupOf(event: Event): string | undefined {
  return eventTypeOf(event)?.group?.(event.data as never);
}
