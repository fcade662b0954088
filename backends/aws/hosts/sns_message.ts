import type { ReceivedMessage } from "../../../src/wire/message.ts";

/** The part of an SNS notification that hosts use. */
export interface SnsNotification {
  readonly MessageId: string;
  readonly TopicArn: string;
  readonly Message: string;
  readonly Subject?: string | null | undefined;
  readonly Timestamp?: string | null | undefined;
  readonly MessageAttributes?: unknown;
}

/**
 * Makes a message of a notification, in its envelope. Every host opens envelopes in the same place,
 * and only once, so a published text that looks like an envelope stays a message.
 */
export function snsMessage(notification: SnsNotification, now: number): ReceivedMessage {
  const { MessageId, TopicArn, Message, Subject, MessageAttributes, Timestamp } = notification;
  const sentAt = Date.parse(Timestamp ?? "");
  return {
    id: MessageId,
    body: JSON.stringify({
      Type: "Notification",
      MessageId,
      TopicArn,
      Message,
      // `null` where Lambda found none.
      Subject: Subject ?? undefined,
      Timestamp: Timestamp ?? undefined,
      MessageAttributes,
    }),
    attributes: {},
    sentAt: new Date(Number.isNaN(sentAt) ? now : sentAt),
    attempt: 1,
  };
}
