/**
 * The envelope of SNS.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
 */
import type { Operation } from "../operation.ts";
import type { Notification, Subscription } from "../world.ts";

/** Beginning of the names of certificates; the rest is hexadecimal. */
export const CERTIFICATE_NAME = "SimpleNotificationService-";

/** The fields of an envelope, in the order of SNS and without a signature. */
export function envelopeFields(
  message: Notification,
  subscription: Subscription,
  { origin }: Pick<Operation, "origin">,
): Record<string, unknown> {
  const { MessageId, SequenceNumber, topicArn, subject, messages, publishedAt, replayed } = message;
  const attributes = shownAttributes(message);
  const unsubscribe = `${origin}/?Action=Unsubscribe&SubscriptionArn=${subscription.arn}`;
  return {
    Type: "Notification",
    MessageId,
    ...(SequenceNumber === undefined ? {} : { SequenceNumber }),
    TopicArn: topicArn,
    ...(subject === undefined ? {} : { Subject: subject }),
    Message: messages[subscription.protocol] ?? messages.default,
    Timestamp: new Date(publishedAt).toISOString(),
    UnsubscribeURL: unsubscribe,
    ...(replayed ? { Replayed: true } : {}),
    ...(attributes ? { MessageAttributes: attributes } : {}),
  };
}

/** A structured message is delivered without its attributes. */
function shownAttributes({ attributes, structured }: Notification) {
  const entries = Object.entries(attributes);
  if (structured || entries.length === 0) return undefined;
  return Object.fromEntries(entries.map(([name, { DataType, StringValue, BinaryValue }]) => [
    name,
    { Type: DataType, Value: StringValue ?? BinaryValue },
  ]));
}

/**
 * Returns the fields of an envelope with its signature. In the messages of queues nobody can check
 * the signature.
 */
export function signedFields(
  fields: Readonly<Record<string, unknown>>,
  { version, signature, certificateUrl }: {
    version: string;
    signature: string;
    certificateUrl: string;
  },
): Record<string, unknown> {
  const { UnsubscribeURL, Replayed, MessageAttributes, ...rest } = fields;
  return {
    ...rest,
    SignatureVersion: version,
    Signature: signature,
    SigningCertURL: certificateUrl,
    ...(UnsubscribeURL === undefined ? {} : { UnsubscribeURL }),
    ...(Replayed === undefined ? {} : { Replayed }),
    ...(MessageAttributes === undefined ? {} : { MessageAttributes }),
  };
}

/** An envelope as SNS writes it: a field a line, with spaces around the colons. */
export function writeEnvelope(fields: Readonly<Record<string, unknown>>): string {
  const lines = Object.entries(fields).map(([name, value]) =>
    `  ${JSON.stringify(name)} : ${
      name === "MessageAttributes" ? writeAttributes(value as object) : JSON.stringify(value)
    }`
  );
  return `{\n${lines.join(",\n")}\n}`;
}

function writeAttributes(attributes: object): string {
  const lines = Object.entries(attributes).map(([name, value]) =>
    `    ${JSON.stringify(name)} : ${JSON.stringify(value)}`
  );
  return `{\n${lines.join(",\n")}\n  }`;
}
