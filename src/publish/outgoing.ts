import { defined } from "../support/defined.ts";
import { MelangeError } from "../support/errors.ts";
import { type AnyEventType, type Event, eventTypeOf, refusedEvent } from "../event/event.ts";
import { encode } from "../wire/format.ts";
import { carriedData } from "../wire/json_data.ts";
import type { Format, MessageFormat } from "../wire/packed.ts";
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
import type { RetryOptions } from "../support/retry.ts";
import { observed, type PublishWatch } from "../support/telemetry.ts";
import type { PayloadOptions } from "../wire/payloads/options.ts";
import type { Writers } from "../wire/serializer.ts";

/**
 * Options of every publish.
 *
 * @category Publishing
 */
export interface CommonPublishOptions {
  /** The message group. Default: the group of the event type, for FIFO destinations. */
  group?: string;
  /**
   * Deduplication id. FIFO destinations drop a second message with the same id for five minutes.
   * With `false` no id is sent: the destination compares the content, if declared with
   * `contentBasedDeduplication`, and otherwise refuses the event. Default: the event's id, which
   * beats the content, so that only the same event is dropped, and no equal event.
   */
  deduplicationId?: string | false;
  /** Sent along, for filters and handlers; six at the most. Default: none. */
  attributes?: Attributes;
  /**
   * A signal to give up this event. Before sending, the publish rejects with the signal's reason;
   * while the event is on the wire, with `OUTCOME_UNKNOWN`. Other events of the batch go on. A
   * request ends when all of its callers gave up. Default: never.
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
  /**
   * Time that the queue hides the event first, in milliseconds; not in FIFO queues. Default: the
   * queue's own.
   */
  delayMs?: number;
}

/**
 * The destination of one event, and the options of its publish.
 *
 * @category Publishing
 */
export type PublishOptions = PublishToTopic | PublishToQueue;

/**
 * Options for many events. The only deduplication id is `false`: no id is sent.
 *
 * @category Publishing
 */
export type PublishAllOptions =
  & (Omit<PublishToTopic, "deduplicationId"> | Omit<PublishToQueue, "deduplicationId">)
  & { deduplicationId?: false };

/**
 * Returns the destination of an event.
 * @throws {MelangeError} `INVALID_EVENT` if the value is no event, `INVALID_MESSAGE` if no
 * destination is given
 */
export function destinationOf(event: Event, options: PublishOptions): Destination {
  if (!isEvent(event)) {
    throw new MelangeError(
      "INVALID_EVENT",
      "Cannot publish as the value is not an event: create it with an event type of defineEvent()",
    );
  }
  if (options.topic !== undefined && options.queue !== undefined) {
    throw refusedEvent(event, "it has a topic and a queue: publish it twice", "INVALID_MESSAGE");
  }
  if (options.queue !== undefined) return { queue: options.queue };
  const topic = options.topic ?? event.topic;
  if (topic !== undefined) return { topic };
  const rule = "it has no topic: give the event type one, or pass { topic } or { queue }";
  throw refusedEvent(event, rule, "INVALID_MESSAGE");
}

function isEvent(value: Event | null | undefined): boolean {
  const texts = [value?.type, value?.id];
  return texts.every((text) => typeof text === "string" && text !== "") &&
    value?.occurredOn instanceof Date && !Number.isNaN(value.occurredOn.getTime());
}

/** Settings for writing events. */
export interface Writing {
  /** The format. */
  format: Format | MessageFormat;
  /** Serializers by the type of an event. */
  serializers: Writers;
  /** The store and the codecs of bodies that do not travel as they are. */
  payloads: PayloadOptions | undefined;
  /** The clock and the jitter of the store, too. */
  readonly retry: RetryOptions;
}

/**
 * Makes the message that carries an event to a destination. Returns a promise if the schema or the
 * serializer does, or if there is a store of payloads, which is asked last. The message keeps the
 * rules of messages and the limits of the sender, because some senders check neither.
 * @throws {MelangeError} `INVALID_EVENT` if the event cannot be written, `INVALID_MESSAGE` if the
 * message cannot be sent
 */
export function outgoing(
  event: Event,
  { options, lane, writing, watch }: {
    options: PublishOptions;
    lane: LaneFacts;
    writing: Writing;
    watch?: PublishWatch | undefined;
  },
): OutgoingMessage | Promise<OutgoingMessage> {
  const type = eventTypeOf(event);
  const { payloads, retry, serializers } = writing;
  const { attributes } = options;
  const { destination, limits } = lane;
  const toQueue = "queue" in destination;
  const check = (valid: Validation) => {
    if (!valid.ok) throw refusedEvent(event, `its data violates the schema at ${valid.paths}`);
  };
  const write = (serializers: Writers, placed: Placed): OutgoingMessage => {
    const message = {
      ...encode(event, { ...writing, serializers, toQueue, attributes }),
      ...placed,
    };
    return observed(() => watch?.carry?.(message)) || message;
  };
  const finish = (message: OutgoingMessage) => {
    if (payloads) {
      return payloads.store.offload(message, { ...options, ...retry, ...payloads, ...lane });
    }
    const error = refusal(message, destination, limits);
    if (error) throw error;
    checkedFor.set(message, lane);
    return message;
  };
  const place = () => placement(event, type, { options, destination });
  const data = carriedData(event, serializers);
  const valid = type ? validate(type.schema, data) : { ok: true, value: data } as const;
  const ready = serializers.written?.(event) ?? serializers;
  if (!(ready instanceof Promise || valid instanceof Promise)) {
    check(valid);
    return finish(write(ready, place()));
  }
  // At once: until a schema or a serializer answers, the caller may have changed the data.
  const placed = place();
  const message = ready instanceof Promise ? undefined : write(ready, placed);
  return (async () => {
    check(await valid);
    return finish(message ?? write(await ready, placed));
  })();
}

type Placed = Pick<OutgoingMessage, "group" | "deduplicationId" | "delayMs">;

/** Returns the parts of a message beside body and attributes: group, deduplication id, delay. */
function placement(
  event: Event,
  type: AnyEventType | undefined,
  { options, destination }: { options: PublishOptions; destination: Destination },
): Placed {
  const fifo = isFifo(nameOf(destination));
  const group = options.group ?? (fifo ? groupOf(event, type) : undefined);
  const { delayMs, deduplicationId = fifo && event.id } = options;
  return defined({
    group,
    deduplicationId: deduplicationId === false ? undefined : deduplicationId,
    delayMs,
  });
}

function groupOf(event: Event, type: AnyEventType | undefined): string | undefined {
  try {
    const group = (type?.group as ((data: unknown) => string) | undefined)?.(event.data);
    // A promise is refused as no text; nobody waits for it, so it must not end the process.
    if (typeof group === "object") Promise.resolve(group).catch(() => {});
    return group;
  } catch {
    throw refusedEvent(event, "its group cannot be told: the group function threw");
  }
}
