/** The recipes of docs/foreign_messages.md: a test sees that the page has the same lines. */
import type { DispatcherOptions } from "../../../src/handle/dispatcher.ts";

const utf8 = (base64: string) =>
  new TextDecoder().decode(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));

/** Amazon EventBridge, with a queue as target. */
export const eventBridge: DispatcherOptions = {
  typeOf: ({ body }) => JSON.parse(body)["detail-type"],
  dataOf: ({ body }) => JSON.parse(body).detail,
};

/** Notifications of S3, and the one that S3 sends when they are set up. */
export const s3: DispatcherOptions = {
  typeOf: ({ body }) => JSON.parse(body).Records?.[0].eventName ?? JSON.parse(body).Event,
  dataOf: ({ body }) => JSON.parse(body).Records,
};

/** MassTransit. */
export const massTransit: DispatcherOptions = {
  typeOf: ({ body }) => JSON.parse(body).messageType[0].replace("urn:message:", ""),
  dataOf: ({ body }) => JSON.parse(body).message,
};

/** NServiceBus. */
export const nServiceBus: DispatcherOptions = {
  typeOf: ({ body }) => JSON.parse(body).Headers["NServiceBus.EnclosedMessageTypes"].split(",")[0],
  dataOf: ({ body }) => JSON.parse(utf8(JSON.parse(body).Body)),
};

/** Spring Cloud AWS. */
export const spring: DispatcherOptions = {
  typeOf: ({ attributes: { JavaType } }) => typeof JavaType === "string" ? JavaType : undefined,
};

/** Jobs of Laravel. */
export const laravel: DispatcherOptions = {
  typeOf: ({ body }) => JSON.parse(body).displayName,
  dataOf: ({ body }) => JSON.parse(body).data,
};

/** Tasks of Celery. */
export const celery: DispatcherOptions = {
  typeOf: ({ body }) => JSON.parse(utf8(body)).headers.task,
  dataOf: ({ body }) => JSON.parse(utf8(JSON.parse(utf8(body)).body)),
};

/** The subject of a publish to SNS. */
export const snsSubject: DispatcherOptions = {
  typeOf: ({ origin }) => origin?.subject,
};
