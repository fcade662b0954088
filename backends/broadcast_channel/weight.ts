/**
 * Weights on the channel: the characters of all text and numbers, and of the names of fields. A
 * weight is never too low, as frames are limited by it.
 */
import type { OutgoingMessage } from "../../src/wire/message.ts";
import type { Operation } from "./operation.ts";

/** Highest weight of one message on the channel, unless one entry alone has more. */
export const FRAME_WEIGHT = 256_000;
/** The weight of a frame beside its items. */
const ENVELOPE = 500;
/** The weight of an operation or message beside its text: the numbers and ids around it. */
const OVERHEAD = 200;
const NUMBER = 24;

/** Weighs an operation, with the entry or request around it. */
export function weightOf(operation: Operation): number {
  switch (operation.kind) {
    case "send":
      return operation.messages.reduce(
        (sum, message) => sum + weightOfMessage(message),
        2 * OVERHEAD,
      );
    case "acknowledge":
      return operation.receipts.reduce((sum, { length }) => sum + length, 2 * OVERHEAD);
    case "receive":
      return 2 * OVERHEAD + operation.queue.length;
    default:
      return OVERHEAD + charactersOf(operation);
  }
}

/** Weighs a message. */
export function weightOfMessage(message: OutgoingMessage): number {
  const { body, attributes, group = "", deduplicationId = "" } = message;
  let sum = OVERHEAD + body.length + group.length + deduplicationId.length;
  for (const name in attributes) sum += name.length + charactersOf(attributes[name]);
  return sum;
}

/** Counts the characters in plain data, the names of its fields included. */
export function charactersOf(value: unknown): number {
  if (typeof value === "string" || value instanceof Uint8Array) return value.length;
  if (typeof value !== "object" || value === null) return NUMBER;
  let sum = value instanceof Date ? NUMBER : 0;
  if (Array.isArray(value)) { for (const item of value) sum += charactersOf(item); }
  else for (const [name, item] of Object.entries(value)) sum += name.length + charactersOf(item);
  return sum;
}

/** Options of {@linkcode countThatFits}. */
export interface FitOptions<T> {
  /** Weighs an item. */
  weightOf: (item: T) => number;
  /** The most items. Default: any number. */
  max?: number;
  /** Highest weight together. Default: the weight of one message on the channel. */
  weight?: number;
}

/**
 * Counts the first items that fit together: at least one item if there are items, however heavy.
 */
export function countThatFits<T>(items: readonly T[], options: FitOptions<T>): number {
  const { weightOf, max = Infinity, weight: limit = FRAME_WEIGHT } = options;
  let weight = ENVELOPE;
  let count = 0;
  for (const item of items) {
    weight += weightOf(item);
    if (count > 0 && (count === max || weight > limit)) break;
    count++;
  }
  return count;
}

/** Cuts a list into pieces that each fit. */
export function cutToFit<T>(items: readonly T[], options: FitOptions<T>): T[][] {
  const pieces: T[][] = [];
  for (let from = 0; from < items.length;) {
    const rest = items.slice(from);
    const piece = rest.slice(0, countThatFits(rest, options));
    pieces.push(piece);
    from += piece.length;
  }
  return pieces;
}
