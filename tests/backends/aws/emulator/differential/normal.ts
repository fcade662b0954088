/** Answers without what differs from broker to broker and means nothing: ids, handles, times. */
import type { WireAnswer } from "../wire.ts";

/** Numbers the ids of a broker in a sequence, so that equal ids stay equal. */
export type Ids = Map<string, string>;

/** Members whose values are ids: the same value is the same id. */
const IDS = /^(MessageId)$/;
/** Members of which only their being there is compared. */
const ANY =
  /^(ReceiptHandle|NextToken|TaskHandle|SequenceNumber|SenderId|\w*Timestamp|Timestamp|Signature|SigningCertURL|UnsubscribeURL|SubscriptionPrincipal)$/;

/** What of an answer is compared. */
export interface NormalAnswer {
  readonly status: number;
  readonly code: string | undefined;
  readonly output: unknown;
}

/** Returns an answer as it is compared. */
export function normal(answer: WireAnswer, ids: Ids): NormalAnswer {
  const { status, code, shape } = answer;
  const named = (code || shape)?.replace(/^.*#/, "");
  return { status, code: named, output: normalOf("", answer.output, ids) };
}

function normalOf(name: string, value: unknown, ids: Ids): unknown {
  if (Array.isArray(value)) return listOf(value, ids);
  if (typeof value === "object" && value !== null) {
    const envelope = isEnvelope(value);
    const entries = Object.entries(value)
      // The digest of an envelope is that of its ids and times.
      .map(([key, each]) => [key, key === "MD5OfBody" && envelope ? "<md5>" : each] as const)
      // The texts of refusals are for people.
      .map(([key, each]) => [key, key === "Message" && "Code" in value ? "<any>" : each] as const)
      .map(([key, each]) => [key, normalOf(key, each, ids)] as const)
      .filter(([, each]) => !isEmpty(each));
    return Object.fromEntries(entries.sort(([a], [b]) => a < b ? -1 : 1));
  }
  if (typeof value !== "string") return ANY.test(name) ? "<any>" : String(value);
  if (ANY.test(name) && value !== "") return "<any>";
  if (IDS.test(name)) return numbered(value, ids);
  if (name === "SubscriptionArn") return value.includes(":") ? "<subscription>" : value;
  return textOf(value, ids);
}

/** Brokers leave out what is empty, or do not. */
function isEmpty(value: unknown): boolean {
  return (Array.isArray(value) && value.length === 0) ||
    (typeof value === "object" && value !== null && Object.keys(value).length === 0);
}

/** Lists, in an order of their content: that of a standard queue means nothing. */
function listOf(value: readonly unknown[], ids: Ids): unknown {
  const isFifo = value.some((each) => "SequenceNumber" in attributesOf(each));
  if (isFifo) return value.map((each) => normalOf("", each, ids));
  const keyed = value.map((each) => [keyOf(each), each] as const);
  return keyed.sort(([a], [b]) => a < b ? -1 : 1).map(([, each]) => normalOf("", each, ids));
}

function attributesOf(value: unknown): object {
  const { Attributes = {} } = (value ?? {}) as { Attributes?: object };
  return Attributes;
}

function keyOf(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  const { Body, Id, Key, SubscriptionArn, Endpoint, TopicArn } = value as Record<string, unknown>;
  const text = messageIn(Body);
  return String(text ?? Id ?? Key ?? Endpoint ?? SubscriptionArn ?? TopicArn);
}

function messageIn(body: unknown): unknown {
  const fields = parsed(body);
  return fields?.Type === "Notification" ? `${fields.Message}` : body;
}

function isEnvelope(value: object): boolean {
  return "Body" in value && parsed(value.Body)?.Type === "Notification";
}

function numbered(id: string, ids: Ids): string {
  if (!ids.has(id)) ids.set(id, `id ${ids.size}`);
  return ids.get(id)!;
}

/** Texts of JSON are compared as what they say. */
function textOf(value: string, ids: Ids): unknown {
  const fields = parsed(value);
  if (fields) return normalOf("", fields, ids);
  return value
    .replace(/arn:aws:(sqs|sns):[^:]*:\d*:/g, "arn:aws:$1:here:")
    .replace(/arn:aws:iam::\d*:/g, "arn:aws:iam:")
    .replace(/^https?:\/\/.*\/([^/]+)$/, "url of $1")
    .replace(/^\d{12}$/, "<account>");
}

function parsed(text: unknown): Record<string, unknown> | undefined {
  if (typeof text !== "string" || !text.startsWith("{")) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
