/** The way of a published message through each subscription. */
import type { OutgoingMessage, TypedAttribute } from "../../../../src/wire/message.ts";
import type { Call } from "../operation.ts";
import type { AttributeInput, Notification, Subscription } from "../world.ts";
import { CERTIFICATE_NAME, envelopeFields, signedFields, writeEnvelope } from "./envelope.ts";
import { subscriptionsTo } from "./find.ts";
import { postNotification } from "./posts.ts";
import { isRaw, letsThrough } from "./subscription_attributes.ts";
import { bury, toQueue } from "./to_queue.ts";

/**
 * Signature in the messages of queues. No key can sign a message that is stored at once, and nobody
 * verifies the messages of a queue.
 */
const UNSIGNED = btoa("not signed: this broker signs what it posts");

/** Delivers a message to all subscriptions with a matching filter. */
export function deliverAll(message: Notification, call: Call): void {
  for (const subscription of subscriptionsTo(call, message.topicArn)) {
    deliver(message, subscription, call);
  }
}

/**
 * Delivers a message to a subscription, if the subscription is confirmed and its filter lets the
 * message through.
 */
export function deliver(message: Notification, subscription: Subscription, call: Call): void {
  if (subscription.pending || !letsThrough(subscription, message, call.at)) return;
  if (subscription.protocol !== "sqs") return postNotification(message, subscription, call);
  const outgoing = messageFor(message, subscription, call);
  const isStored = toQueue(call.world.queues.get(subscription.endpoint), outgoing, {
    call,
    topicArn: message.topicArn,
    traceHeader: message.traceHeader,
  });
  if (!isStored) bury(outgoing, subscription, call);
}

/** Makes the message of SQS for a published message and a subscription. */
function messageFor(
  message: Notification,
  subscription: Subscription,
  call: Call,
): OutgoingMessage {
  const toFifo = subscription.endpoint.endsWith(".fifo");
  const isFifo = message.topicArn.endsWith(".fifo");
  const { group, deduplicationId } = message;
  // A standard queue of a FIFO topic hears nothing of groups.
  const isGrouped = group !== undefined && isFifo === toFifo;
  const grouping = {
    ...(isGrouped ? { group } : {}),
    ...(toFifo && deduplicationId !== undefined ? { deduplicationId } : {}),
  };
  if (isRaw(subscription)) {
    const body = message.messages[subscription.protocol] ?? message.messages.default ?? "";
    return { body, attributes: message.structured ? {} : typed(message.attributes), ...grouping };
  }
  const fields = envelopeFields(message, subscription, call);
  const version = call.world.topics.get(message.topicArn)?.attributes.SignatureVersion ?? "1";
  const certificateUrl = `${call.origin}/${CERTIFICATE_NAME}00.pem`;
  const whole = isFifo
    ? fields
    : signedFields(fields, { version, signature: UNSIGNED, certificateUrl });
  return { body: writeEnvelope(whole), attributes: {}, ...grouping };
}

function typed(
  attributes: Readonly<Record<string, AttributeInput>>,
): Record<string, TypedAttribute> {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, { DataType, StringValue, BinaryValue = "" }]) => [
      name,
      { type: DataType, value: StringValue ?? BinaryValue },
    ]),
  );
}
