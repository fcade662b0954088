import type { Dispatcher } from "../../../../src/handle/dispatcher.ts";
import { dispatchAll } from "../../../../src/handle/push.ts";
import { MelangeError } from "../../../../src/support/errors.ts";
import { type AnyEventType, type EventOf, linked } from "../../../../src/event/event.ts";
import { openEnvelope } from "../../../../src/wire/sns_envelope.ts";
import { isRecord } from "../../../../src/wire/json.ts";
import { readAny } from "../../../../src/handle/foreign.ts";
import { upToDate } from "../../../../src/handle/upcast.ts";
import { undecodable } from "../../../../src/wire/cloud_event.ts";
import type { ReceivedMessage } from "../../../../src/wire/message.ts";
import { validate } from "../../../../src/event/schema.ts";
import { jsonReaders } from "../../../../src/wire/serializer.ts";
import type { SerializerRegistry } from "../../../../src/wire/serializer_registry.ts";
import type { LambdaContext } from "./deadline.ts";
import { readSnsEvent, readSqsEvent } from "./events.ts";
import { invocationSettings, invoke, type LambdaOptions } from "./invocation.ts";

/** Options of {@linkcode snsHandler}. */
export type SnsHandlerOptions = LambdaOptions;

/** A Lambda function behind SNS. */
export type SnsHandler = (event: unknown, context?: LambdaContext) => Promise<void>;

/**
 * Returns a Lambda function that handles the messages of topics. The function throws
 * `HANDLER_FAILED` if a message must be delivered again: the handler threw, was not finished when
 * the invocation was about to end, gave the message up (`DeadLetter`), or the record is malformed.
 * Lambda then retries, twice unless configured otherwise, and hands the event to the function's
 * on-failure destination or dead-letter queue. The error names no value of a message. For an event
 * from elsewhere the function throws `UNDECODABLE` before any handler runs. The function keeps no
 * state between invocations.
 *
 * @throws {TypeError} if there is no dispatcher, or `marginMs` is no number
 * @throws {RangeError} if `marginMs` is negative
 *
 * @example
 * ```ts
 * import { Dispatcher } from "@melange/melange";
 * import { snsHandler } from "@melange/melange/lambda";
 *
 * const seen: string[] = [];
 * const dispatcher = new Dispatcher();
 * dispatcher.subscribeAll((event) => void seen.push(event.type));
 * const handler = snsHandler(dispatcher);
 * const Sns = {
 *   MessageId: "m-1",
 *   TopicArn: "arn:aws:sns:eu-west-1:123456789012:pings",
 *   Message: '{"at":1}',
 *   MessageAttributes: { manifest: { Type: "String", Value: "Ping" } },
 * };
 * await handler({ Records: [{ EventSource: "aws:sns", Sns }] });
 * if (seen[0] !== "Ping") throw new Error("unexpected");
 * ```
 */
export function snsHandler(dispatcher: Dispatcher, options: SnsHandlerOptions = {}): SnsHandler {
  const settings = invocationSettings(dispatcher, options);
  return async (event, context) => {
    const records = readSnsEvent(event, settings.clock.now());
    const outcomes = await invoke(
      context,
      settings,
      (hooks) => dispatchAll(dispatcher, records, hooks),
    );
    const failed = outcomes.filter(({ outcome }) => outcome !== "acknowledge").length;
    if (failed > 0) throw again(failed, records.length);
  };
}

function again(failed: number, all: number): MelangeError {
  return new MelangeError(
    "HANDLER_FAILED",
    `Cannot finish ${failed} of ${all} messages of SNS: the invocation must be retried`,
    { retryable: true },
  );
}

/** Options of {@linkcode parseEventFromSns}. */
export interface ParseEventOptions<T extends AnyEventType = AnyEventType> {
  /** The allowed event types, such as `[OrderPlaced]` or `dispatcher.eventTypes`. */
  types: readonly T[];
  /** Reads the data. Default: JSON. */
  serializers?: SerializerRegistry;
  /** As the option of the same name of a `Dispatcher`. Default: none. */
  typeOf?: (message: ReceivedMessage) => string | undefined;
  /** As the option of the same name of a `Dispatcher`. Default: the body. */
  dataOf?: (message: ReceivedMessage) => unknown;
  /** The type of messages without a type name. Default: such messages are an error. */
  defaultEvent?: NoInfer<T>;
}

/**
 * Reads the event from the input of a Lambda function behind SNS, or behind an SQS queue with a
 * subscription to a topic, and checks the event against its schema. The function is for code
 * without a dispatcher. The argument is one record, or a whole Lambda event with one record (events
 * of SNS have one).
 *
 * @throws {MelangeError} `UNDECODABLE` if there is not exactly one record, the record is malformed,
 * its type is not among `types`, or its data cannot be read or violates the schema
 *
 * @example
 * ```ts
 * import { defineEvent, typed } from "@melange/melange";
 * import { parseEventFromSns } from "@melange/melange/lambda";
 *
 * const Ping = defineEvent("Ping", { schema: typed<{ at: number }>() });
 * const Sns = {
 *   MessageId: "m-1",
 *   TopicArn: "arn:aws:sns:eu-west-1:123456789012:pings",
 *   Message: '{"at":1}',
 *   MessageAttributes: { manifest: { Type: "String", Value: "Ping" } },
 * };
 * const event = await parseEventFromSns({ Records: [{ EventSource: "aws:sns", Sns }] }, { types: [Ping] });
 * if (event.data.at !== 1) throw new Error("unexpected");
 * ```
 */
export async function parseEventFromSns<const T extends AnyEventType>(
  event: unknown,
  options: ParseEventOptions<T>,
): Promise<EventOf<T>> {
  const { types, serializers = jsonReaders, defaultEvent } = options;
  const read = readAny(openEnvelope(messageOf(event)), options);
  const { facts } = read;
  const type = types.find((known) => known.type === facts.type) ??
    (read.isForeign && facts.type === defaultEvent?.type ? defaultEvent : undefined);
  if (!type) {
    throw undecodable(facts.type === undefined ? "it names no event type" : "its type is unknown");
  }
  const current = upToDate(type, read, await read.data(serializers, type.type));
  const result = await validate(type.schema, current.data);
  if (!result.ok) {
    throw undecodable(`its data violates the schema of "${type.type}" at ${result.paths}`);
  }
  const { value: data } = result;
  return linked(type, { ...facts, ...current, type: type.type, data }) as EventOf<T>;
}

function messageOf(event: unknown): ReceivedMessage {
  const whole = isRecord(event) && Object.hasOwn(event, "Records") ? event : { Records: [event] };
  const [first] = Array.isArray(whole.Records) ? whole.Records : [];
  const reader = isRecord(first) && Object.hasOwn(first, "Sns") ? readSnsEvent : readSqsEvent;
  const records = reader(whole, Date.now());
  const [record] = records;
  if (record?.message && records.length === 1) return record.message;
  throw undecodable(
    records.length === 1
      ? `its record is malformed at ${record?.wrong}`
      : `its event has ${records.length} records: pass one of them`,
  );
}
