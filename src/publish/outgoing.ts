import { MelangeError } from "../support/errors.ts";
import { type AnyEventType, type Event, eventTypeOf, invalidEvent } from "../event/event.ts";
import { encode } from "../wire/format.ts";
import { carriedData } from "../wire/json_data.ts";
import type { Format } from "../wire/packed.ts";
import {
  type Attributes,
  checkedFor,
  type Destination,
  isFifo,
  nameOf,
  type OutgoingMessage,
  refusal,
} from "../wire/message.ts";
import type { LaneFacts } from "./lane.ts";
import { validate, type Validation } from "../event/schema.ts";
import type { Writers } from "../wire/serializer.ts";

/**
 * Options of every publish.
 *
 * @category Publishing
 */
export interface CommonPublishOptions {
  /** The message group. Default: what the event type says, for FIFO destinations. */
  group?: string;
  /**
   * FIFO destinations drop a second message with this id for five minutes. `false` sends none: the
   * destination goes by the content, if it is declared with `contentBasedDeduplication`, and refuses
   * the event if it is not. Default: the event's id, which beats the content, so that only the same
   * event is dropped and not an equal one.
   */
  deduplicationId?: string | false;
  /** Sent along, for filters and handlers; six at the most. Default: none. */
  attributes?: Attributes;
  /**
   * Gives this event up. Before it is sent: rejects with the signal's reason; while it is on the
   * wire: `OUTCOME_UNKNOWN`. Others in the same batch are not touched; a request that all its
   * callers gave up is ended. Default: never.
   */
  signal?: AbortSignal;
}

/**
 * Options of a publish to a topic.
 *
 * @category Publishing
 */
export interface PublishToTopic extends CommonPublishOptions {
  /** The topic. Default: the event's own. */
  topic?: string;
  /** Not together with a topic. */
  queue?: never;
  /** Not for topics. */
  delayMs?: never;
}

/**
 * Options of a publish to one queue.
 *
 * @category Publishing
 */
export interface PublishToQueue extends CommonPublishOptions {
  /** The queue. */
  queue: string;
  /** Not together with a queue. */
  topic?: never;
  /** How long the queue hides the event first, in milliseconds; not in FIFO queues. Default: the queue's own. */
  delayMs?: number;
}

/**
 * Where and how an event is published.
 *
 * @category Publishing
 */
export type PublishOptions = PublishToTopic | PublishToQueue;

/**
 * What many events have in common: all but the deduplication id, unless none is sent.
 *
 * @category Publishing
 */
export type PublishAllOptions =
  & (Omit<PublishToTopic, "deduplicationId"> | Omit<PublishToQueue, "deduplicationId">)
  & { deduplicationId?: false };

/**
 * Where an event goes.
 * @throws {MelangeError} `INVALID_EVENT` if it is no event, `INVALID_MESSAGE` if nothing says where
 */
export function destinationOf(event: Event, options: PublishOptions): Destination {
  if (!isEvent(event)) {
    throw new MelangeError(
      "INVALID_EVENT",
      "Cannot publish as the value is not an event: create it with an event type of defineEvent()",
    );
  }
  if (options.topic !== undefined && options.queue !== undefined) {
    throw new MelangeError(
      "INVALID_MESSAGE",
      `Cannot publish "${event.type}" to a topic and a queue at once: publish it twice`,
    );
  }
  if (options.queue !== undefined) return { queue: options.queue };
  const topic = options.topic ?? event.topic;
  if (topic !== undefined) return { topic };
  throw new MelangeError(
    "INVALID_MESSAGE",
    `Cannot publish "${event.type}" as it has no topic: give the event type one, or pass { topic } or { queue }`,
  );
}

function isEvent(value: Event | null | undefined): boolean {
  const texts = [value?.type, value?.id];
  return texts.every((text) => typeof text === "string" && text !== "") &&
    value?.occurredOn instanceof Date && !Number.isNaN(value.occurredOn.getTime());
}

/** How a publisher writes events. */
export interface Writing {
  /** The format. */
  format: Format;
  /** Where the serializer is found. */
  serializers: Writers;
}

/**
 * The message that carries an event to a destination; a promise if the schema gives one. It keeps
 * the rules of messages, with the limits of the sender: not every sender checks them.
 * @throws {MelangeError} `INVALID_EVENT` if it cannot be written, `INVALID_MESSAGE` if it cannot be sent
 */
export function outgoing(
  event: Event,
  { options, lane, writing }: { options: PublishOptions; lane: LaneFacts; writing: Writing },
): OutgoingMessage | Promise<OutgoingMessage> {
  const type = eventTypeOf(event);
  const { attributes } = options;
  const { destination, limits } = lane;
  const toQueue = "queue" in destination;
  const check = (valid: Validation) => {
    if (!valid.ok) throw invalidEvent(event, `data violates the schema at ${valid.paths}`);
  };
  const write = (): OutgoingMessage => {
    const message = {
      ...encode(event, { ...writing, toQueue, attributes }),
      ...placement(event, type, { options, destination }),
    };
    const error = refusal(message, destination, limits);
    if (error) throw error;
    checkedFor.set(message, lane);
    return message;
  };
  const data = carriedData(event, writing.serializers);
  const valid = type ? validate(type.schema, data) : { ok: true, value: data } as const;
  if (valid instanceof Promise) {
    // Now: until the schema answers, the caller may have changed the data.
    const message = write();
    return valid.then((valid) => (check(valid), message));
  }
  check(valid);
  return write();
}

/** What the message needs beside body and attributes: group, deduplication id, delay. */
function placement(
  event: Event,
  type: AnyEventType | undefined,
  { options, destination }: { options: PublishOptions; destination: Destination },
): Pick<OutgoingMessage, "group" | "deduplicationId" | "delayMs"> {
  const fifo = isFifo(nameOf(destination));
  const group = options.group ?? (fifo ? groupOf(event, type) : undefined);
  const { delayMs, deduplicationId = fifo && event.id } = options;
  return {
    ...(group === undefined ? {} : { group }),
    ...(deduplicationId === false ? {} : { deduplicationId }),
    ...(delayMs === undefined ? {} : { delayMs }),
  };
}

function groupOf(event: Event, type: AnyEventType | undefined): string | undefined {
  try {
    const group = (type?.group as ((data: unknown) => string) | undefined)?.(event.data);
    // A promise is refused as no text; nobody waits for it, so it must not end the process.
    if (typeof group === "object") Promise.resolve(group).catch(() => {});
    return group;
  } catch {
    throw invalidEvent(event, "group cannot be told: the group function threw");
  }
}
