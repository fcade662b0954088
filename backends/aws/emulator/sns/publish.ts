/** The actions of SNS that publish. */
import { byteLength } from "../../../../src/wire/message.ts";
import { recall, remember } from "../../../memory/recent.ts";
import { DEDUPLICATION_MS } from "../../../memory/queue.ts";
import { sha256 } from "../../../memory/sha256.ts";
import { sequenceNumber } from "../../../memory/stored_message.ts";
import { parseArn } from "../addresses.ts";
import { invalidParameter, missing, notEmulated, snsError } from "../errors.ts";
import { parsed, records, text } from "../input.ts";
import type { Call, Input, Output } from "../operation.ts";
import { batch } from "../sqs/batches.ts";
import type { Notification, Published, TopicRecord } from "../world.ts";
import { archive } from "./archive.ts";
import { deliverAll } from "./deliver.ts";
import { isFifoTopic, topicOf } from "./find.ts";
import { readPublishedAttributes, sizeOfPublished } from "./published_attributes.ts";
import { isContentBased, maximumBytes } from "./topic_attributes.ts";

const MAX_ENTRIES = 10;
const ENTRY_ID = /^[\w-]{1,80}$/;
const TOKEN = /^[!-~]{1,128}$/;
// deno-lint-ignore no-control-regex
const SUBJECT = /^[^\x00-\x1F\x7F]{1,99}$/u;

/** https://docs.aws.amazon.com/sns/latest/api/API_Publish.html */
export function publish(call: Call): Output {
  const { input } = call;
  if (text(input, "PhoneNumber") !== undefined) throw notEmulated("Publishing to a phone number");
  const topic = topicOf(call, "TopicArn" in input ? "TopicArn" : targetOf(input));
  const message = readPublished(topic, input, call);
  if (sizeOfPublished(message) > maximumBytes(topic)) throw invalidParameter("Message too long");
  return { ...published(topic, message, call) };
}

function targetOf(input: Input): string {
  const target = text(input, "TargetArn") ?? "";
  const { service, resource = "" } = parseArn(target) ?? {};
  if (service === "sns" && resource.startsWith("endpoint/")) {
    throw notEmulated("Publishing to a mobile device");
  }
  return "TargetArn" in input ? "TargetArn" : "TopicArn";
}

/** https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html */
export function publishBatch(call: Call): Output {
  const topic = topicOf(call);
  const entries = entriesOf(call.input);
  const attributes = entries.map((entry, place) =>
    readPublishedAttributes(entry, `publishBatchRequestEntries.${place + 1}.member.`)
  );
  const bytes = entries.reduce(
    (sum, entry, place) =>
      sum + byteLength(text(entry, "Message") ?? "") +
      sizeOfPublished({ attributes: attributes[place]!, messages: {} }),
    0,
  );
  if (bytes > maximumBytes(topic)) {
    throw snsError(
      "BatchRequestTooLong",
      "The length of all the messages put together is more than the limit.",
    );
  }
  // One invalid entry refuses the whole request.
  const drafts = new Map(entries.map((entry) => [entry, readPublished(topic, entry, call)]));
  const { Successful = [], Failed = [] } = batch(call, entries, (entry) => {
    return { ...published(topic, drafts.get(entry)!, call) };
  });
  return { Successful, Failed };
}

function entriesOf(input: Input): Input[] {
  const entries = records(input, "PublishBatchRequestEntries");
  if (entries.length === 0) {
    throw snsError("EmptyBatchRequest", "The batch request doesn't contain any entries.");
  }
  if (entries.length > MAX_ENTRIES) {
    throw snsError(
      "TooManyEntriesInBatchRequest",
      "The batch request contains more entries than permissible.",
    );
  }
  const ids = entries.map((entry) => text(entry, "Id") ?? "");
  for (const id of ids) checkId(id);
  if (new Set(ids).size < ids.length) {
    throw snsError(
      "BatchEntryIdsNotDistinct",
      "Two or more batch entries in the request have the same Id.",
    );
  }
  return entries;
}

function checkId(id: string): void {
  if (ENTRY_ID.test(id)) return;
  const fault = id.length > 80
    ? "is too long:"
    : id === ""
    ? "is empty"
    : "contains an impermissible character:";
  throw snsError(
    "InvalidBatchEntryId",
    `The Id of a batch entry in the batch request ${fault} ${id}`.trimEnd(),
  );
}

type Draft = Omit<Notification, "MessageId" | "SequenceNumber">;

function readPublished(topic: TopicRecord, input: Input, call: Call): Draft {
  const subject = text(input, "Subject");
  if (subject !== undefined && !SUBJECT.test(subject)) throw invalidParameter("Subject");
  const attributes = readPublishedAttributes(input);
  const group = text(input, "MessageGroupId");
  const id = deduplicationIdOf(topic, input);
  return {
    topicArn: topic.arn,
    messages: messagesOf(input),
    ...(subject === undefined ? {} : { subject }),
    attributes,
    ...(text(input, "MessageStructure") === "json" ? { structured: true } : {}),
    ...(group === undefined ? {} : { group }),
    ...(id === undefined ? {} : { deduplicationId: id }),
    publishedAt: call.at,
    ...(call.traceHeader === undefined ? {} : { traceHeader: call.traceHeader }),
  };
}

function messagesOf(input: Input): Record<string, string> {
  const message = text(input, "Message");
  if (message === undefined) throw missing("Message");
  if (message === "") throw invalidParameter("Empty message");
  const structure = text(input, "MessageStructure");
  if (structure === undefined || structure === "") return { default: message };
  if (structure !== "json") throw invalidParameter("MessageStructure");
  const given = parsed(message);
  if (!given) {
    throw invalidParameter("Message Structure - JSON message body failed to parse");
  }
  const entries = Object.entries(given)
    .filter((entry): entry is [string, string] => typeof entry[1] === "string");
  const messages = Object.fromEntries(entries);
  if (messages.default === undefined) {
    throw invalidParameter("Message Structure - No default entry in JSON message body");
  }
  return messages;
}

function deduplicationIdOf(topic: TopicRecord, input: Input): string | undefined {
  const group = text(input, "MessageGroupId");
  if (isFifoTopic(topic)) {
    checkFifo(topic, input);
    return text(input, "MessageDeduplicationId") ?? sha256(text(input, "Message") ?? "");
  }
  if (text(input, "MessageDeduplicationId") !== undefined) {
    throw invalidParameter(
      "MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid for this topic type",
    );
  }
  if (group !== undefined) checkToken("MessageGroupId", group);
  return undefined;
}

function checkFifo(topic: TopicRecord, input: Input): void {
  const group = text(input, "MessageGroupId");
  if (group === undefined || group === "") {
    throw invalidParameter("The MessageGroupId parameter is required for FIFO topics");
  }
  checkToken("MessageGroupId", group);
  const id = text(input, "MessageDeduplicationId");
  if (id !== undefined) return checkToken("MessageDeduplicationId", id);
  if (isContentBased(topic)) return;
  throw invalidParameter(
    "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
  );
}

function checkToken(name: string, value: string): void {
  if (TOKEN.test(value)) return;
  throw invalidParameter(
    `${name} Reason: ${name} can only include alphanumeric and punctuation characters. 1 to 128 in length`,
  );
}

/** Delivers a message, unless a FIFO topic took the same one in the last five minutes. */
function published(topic: TopicRecord, draft: Draft, call: Call): Published {
  if (!isFifoTopic(topic)) {
    const message = { ...draft, MessageId: call.newId() };
    deliverAll(message, call);
    return { MessageId: message.MessageId };
  }
  const perGroup = topic.attributes.FifoThroughputScope === "MessageGroup";
  const key = perGroup ? `${draft.group} ${draft.deduplicationId}` : `${draft.deduplicationId}`;
  const before = recall(topic.deduplication, key, call.at);
  if (before) return before;
  const SequenceNumber = sequenceNumber(topic.nextOrdinal++);
  const value = { MessageId: call.newId(), SequenceNumber };
  remember(topic.deduplication, { key, value, until: call.at + DEDUPLICATION_MS });
  const message = { ...draft, ...value };
  archive(topic, message, call);
  deliverAll(message, call);
  return value;
}
