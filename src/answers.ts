/** What a backend gave, made safe to work with: anybody may write one. */
import type { Delivery, Result } from "./backend.ts";
import { MelangeError, probe } from "./errors.ts";
import { isRecord } from "./json.ts";
import type { ReceivedMessage } from "./message.ts";

/**
 * One result per item, in order. What is no result, or is missing, stands for an unknown outcome
 * that may be tried again.
 */
export function soundResults<T>(answer: unknown, count: number): Result<T>[] {
  const results = Array.isArray(answer) ? answer : [];
  return Array.from({ length: count }, (_, index) => {
    const result = probe(() => results[index]) as Result<T> | undefined;
    if (probe(() => result?.ok === true)) return result as Result<T>;
    const error = probe(() => result?.ok === false ? result.error : undefined);
    return { ok: false, error: soundError(error) };
  });
}

/** An error of a backend: what is none, or asks for no length of time, stands for an unknown outcome. */
export function soundError(error: unknown): MelangeError {
  const isSound = probe(() => error instanceof MelangeError && isWait(error.retryAfterMs));
  if (isSound) return error as MelangeError;
  return new MelangeError("OUTCOME_UNKNOWN", "Cannot tell the outcome: no result was given", {
    retryable: true,
    cause: error,
  });
}

/**
 * The deliveries of a receive, those without a receipt left out.
 * @throws {TypeError} if there is no list of them
 */
export function soundDeliveries(answer: unknown, receivedAt: Date): Delivery[] {
  if (!Array.isArray(answer)) {
    throw new TypeError("Cannot receive as the backend gave no array of deliveries");
  }
  return answer.flatMap((delivery: Delivery) => {
    const { receipt, message } = delivery ?? {};
    if (typeof receipt !== "string" || !isRecord(message)) return [];
    const sound = soundMessage(message, receivedAt);
    return [sound === message ? delivery : { receipt, message: sound }];
  });
}

/**
 * A message whose parts are what they should be, as everything that handles it relies on that. A
 * date that is none becomes the time of the receive, a count that is none 1, a missing part empty.
 */
export function soundMessage(message: ReceivedMessage, receivedAt: Date): ReceivedMessage {
  const { id, body, attributes, sentAt, attempt, group } = message;
  const sound = typeof id === "string" && typeof body === "string" && isRecord(attributes) &&
    isDate(sentAt) && isCount(attempt) && (group === undefined || typeof group === "string");
  if (sound) return message;
  const { group: _, ...others } = message;
  return {
    ...others,
    id: typeof id === "string" ? id : "",
    body: typeof body === "string" ? body : "",
    attributes: isRecord(attributes) ? attributes : {},
    sentAt: isDate(sentAt) ? sentAt : receivedAt,
    attempt: isCount(attempt) ? attempt : 1,
    ...(typeof group === "string" ? { group } : {}),
  };
}

function isWait(value: unknown): boolean {
  return value === undefined || (typeof value === "number" && value >= 0);
}

function isDate(value: unknown): boolean {
  return probe(() => Number.isFinite((value as Date).getTime())) === true;
}

/** Tells whether a value counts from 1. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}
