/** The posts of SNS, and the rules for checks without a request. Pure but for the clock. */
import { type AllowedTopic, isCertificateUrl, isSubscribeUrl } from "./addresses.ts";

/** A POST that is answered with a status of 400 and more. */
export class Refusal extends Error {
  /** The status of the answer. */
  readonly status: number;

  /** Creates a refusal; the reason names no value of the request. */
  constructor(status: number, reason: string) {
    super(reason);
    this.name = "Refusal";
    this.status = status;
  }
}

/** A message of SNS whose signature is still to be verified. */
export interface SnsPost {
  readonly Type: SnsType;
  readonly MessageId: string;
  readonly TopicArn: string;
  readonly Message: string;
  readonly Subject?: string;
  readonly Timestamp: string;
  readonly Token?: string;
  readonly SubscribeURL?: string;
  readonly Signature: string;
  readonly SignatureVersion: SignatureVersion;
  readonly SigningCertURL: string;
  /** The attributes, which are not signed. */
  readonly MessageAttributes?: unknown;
  /** The topic, out of the allow-list. */
  readonly topic: AllowedTopic;
}

/** The kinds of messages that SNS posts. */
export type SnsType = "Notification" | "SubscriptionConfirmation" | "UnsubscribeConfirmation";

/** 1 is RSA with SHA-1, 2 is RSA with SHA-256. */
export type SignatureVersion = "1" | "2";

/** The rules for a post. */
export interface PostRules {
  /** The topics by ARN. */
  readonly topics: ReadonlyMap<string, AllowedTopic>;
  readonly signatureVersions: readonly SignatureVersion[];
  readonly windowMs: number;
  /** Tells that the certificate is given, so that the address of the certificate does not count. */
  readonly pinned?: boolean;
}

const TYPES: readonly string[] = [
  "Notification",
  "SubscriptionConfirmation",
  "UnsubscribeConfirmation",
];
/**
 * Form of a message id. The form is narrow on purpose: the signature joins fields with line feeds,
 * so only the message may hold a line feed.
 */
export const MESSAGE_ID = /^[\w-]{1,100}$/;
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/;
const SUBJECT = /^[^\p{Cc}]*$/u;
const TOKEN = /^[\w-]{1,1024}$/;
const SIGNATURE = /^[A-Za-z0-9+/]{1,2048}={0,2}$/;

/**
 * Reads the body of a POST.
 * @throws {Refusal} for the first broken rule
 */
export function readPost(
  text: string,
  { rules, type, now }: { rules: PostRules; type: string | null; now: number },
): SnsPost {
  const fields = ownFields(text);
  const Type = required(fields, "Type");
  if (!TYPES.includes(Type)) throw new Refusal(400, "the type is unknown");
  if (type !== null && type !== Type) {
    throw new Refusal(400, "the type is not that of the header x-amz-sns-message-type");
  }
  const topic = rules.topics.get(required(fields, "TopicArn"));
  if (!topic) throw new Refusal(403, "the topic is not allowed");
  const post = {
    Type: Type as SnsType,
    TopicArn: topic.arn,
    topic,
    Message: required(fields, "Message"),
    MessageId: matching(fields, "MessageId", MESSAGE_ID),
    Timestamp: matching(fields, "Timestamp", TIMESTAMP),
    Signature: matching(fields, "Signature", SIGNATURE),
    SigningCertURL: required(fields, "SigningCertURL"),
    SignatureVersion: signatureVersion(fields, rules),
    MessageAttributes: fields.get("MessageAttributes"),
    ...(fields.has("Subject") ? { Subject: matching(fields, "Subject", SUBJECT) } : {}),
  };
  checkTime(post.Timestamp, { windowMs: rules.windowMs, now });
  if (!rules.pinned && !isCertificateUrl(post.SigningCertURL, topic)) {
    throw new Refusal(403, "SigningCertURL is not one of SNS in the region of the topic");
  }
  return Type === "Notification" ? post : { ...post, ...confirmation(fields, topic) };
}

/** Reads the fields of the object, without inherited fields. */
function ownFields(text: string): ReadonlyMap<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Refusal(400, "the body is not JSON");
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return new Map(Object.entries(value));
  }
  throw new Refusal(400, "the body is not a JSON object");
}

function required(fields: ReadonlyMap<string, unknown>, name: string): string {
  const value = fields.get(name);
  if (typeof value === "string") return value;
  throw new Refusal(400, `${name} is missing, or not a string`);
}

function matching(fields: ReadonlyMap<string, unknown>, name: string, pattern: RegExp): string {
  const value = required(fields, name);
  if (pattern.test(value)) return value;
  throw new Refusal(400, `${name} is malformed`);
}

function signatureVersion(
  fields: ReadonlyMap<string, unknown>,
  { signatureVersions }: PostRules,
): SignatureVersion {
  const given = required(fields, "SignatureVersion");
  const allowed = signatureVersions.find((version) => version === given);
  if (allowed) return allowed;
  throw new Refusal(403, "the signature version is not allowed");
}

function checkTime(timestamp: string, { windowMs, now }: { windowMs: number; now: number }): void {
  const time = Date.parse(timestamp);
  if (Number.isNaN(time)) throw new Refusal(400, "Timestamp is malformed");
  if (Math.abs(now - time) > windowMs) throw new Refusal(403, "Timestamp is not within the window");
}

function confirmation(fields: ReadonlyMap<string, unknown>, topic: AllowedTopic) {
  const Token = matching(fields, "Token", TOKEN);
  const SubscribeURL = required(fields, "SubscribeURL");
  if (isSubscribeUrl(SubscribeURL, Token, topic)) return { Token, SubscribeURL };
  throw new Refusal(403, "SubscribeURL does not confirm the subscription to the topic");
}
