/** Makes the answers of backends safe to work with: anybody may write a backend. */
import type { Delivery } from "../backend.ts";
import { failed, type Result } from "../support/result.ts";
import { MelangeError, outcomeUnknown, probe } from "../support/errors.ts";
import { isRecord } from "../wire/json.ts";
import type { Attributes, ReceivedMessage } from "../wire/message.ts";

/**
 * Returns one result per item, in order. A missing or malformed entry becomes an unknown outcome
 * that may be tried again.
 */
export function soundResults<T>(answer: unknown, count: number): Result<T>[] {
  const results = Array.isArray(answer) ? answer : [];
  return Array.from({ length: count }, (_, index) => {
    const result = probe(() => results[index]) as Result<T> | undefined;
    if (probe(() => result?.ok === true)) return result as Result<T>;
    const error = probe(() => result?.ok === false ? result.error : undefined);
    return failed(soundError(error));
  });
}

/**
 * Returns an error of a backend. An unreadable error, any other value, and an error with an invalid
 * length of time become an unknown outcome.
 */
export function soundError(error: unknown): MelangeError {
  if (probe(() => error instanceof MelangeError && isReadable(error))) return error as MelangeError;
  return outcomeUnknown("as no result was given", { retryable: true, cause: error });
}

/**
 * Returns the deliveries of a receive, except deliveries without a receipt.
 * @throws {TypeError} if the answer is no list
 */
export function soundDeliveries(answer: unknown, receivedAt: Date): Delivery[] {
  if (!Array.isArray(answer)) {
    throw new TypeError("Cannot receive as the backend gave no array of deliveries");
  }
  return answer.flatMap((delivery: Delivery) =>
    // One that cannot be read costs its neighbours nothing.
    probe(() => soundDelivery(delivery, receivedAt)) ?? []
  );
}

function soundDelivery({ receipt, message }: Delivery, receivedAt: Date): Delivery[] {
  if (typeof receipt !== "string" || !isRecord(message)) return [];
  return [{ receipt, message: soundMessage(message, receivedAt) }];
}

/**
 * Returns a message with sound parts, because all code that handles messages relies on them. An
 * invalid date becomes the time of the receive, an invalid count 1, a missing part empty. An
 * attribute without a value is left out.
 */
export function soundMessage(message: ReceivedMessage, receivedAt: Date): ReceivedMessage {
  // All that is read of it later is read here, where what throws is caught.
  const { id, body, attributes, sentAt, attempt, group, lockedUntil: _until, origin: _origin } =
    message;
  const sound = typeof id === "string" && typeof body === "string" && areSound(attributes) &&
    isDate(sentAt) && isCount(attempt) && (group === undefined || typeof group === "string");
  if (sound) return message;
  const { group: _, ...others } = message;
  return {
    ...others,
    id: typeof id === "string" ? id : "",
    body: typeof body === "string" ? body : "",
    attributes: soundAttributes(attributes),
    sentAt: isDate(sentAt) ? sentAt : receivedAt,
    attempt: isCount(attempt) ? attempt : 1,
    ...(typeof group === "string" ? { group } : {}),
  };
}

/** Tells whether the properties of an error can be read: a subclass of others may have getters. */
function isReadable({ code, message, retryable, retryAfterMs }: MelangeError): boolean {
  return typeof code === "string" && typeof message === "string" &&
    typeof retryable === "boolean" && isWait(retryAfterMs);
}

function isWait(value: unknown): boolean {
  return value === undefined || (typeof value === "number" && value >= 0);
}

function areSound(attributes: unknown): boolean {
  return isRecord(attributes) && Object.values(attributes).every(isAttribute);
}

/** Keeps the attributes that have a value: an attribute without any could not even be dead-lettered. */
function soundAttributes(attributes: unknown): Attributes {
  const all = isRecord(attributes) ? Object.entries(attributes) : [];
  return Object.fromEntries(all.filter(([, value]) => isAttribute(value))) as Attributes;
}

function isAttribute(value: unknown): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value === "string" || value instanceof Uint8Array) return true;
  return isRecord(value) && typeof value.type === "string" &&
    (typeof value.value === "string" || value.value instanceof Uint8Array);
}

function isDate(value: unknown): boolean {
  return probe(() => Number.isFinite((value as Date).getTime())) === true;
}

/** Tells whether a value counts from 1. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}
