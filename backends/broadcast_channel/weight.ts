/**
 * How much things take on the channel: the characters of all text and numbers, and of the names of
 * fields. An estimate that is never too low, as a limit is made of it.
 */
import type { OutgoingMessage } from "../../src/wire/message.ts";
import type { Operation } from "./operation.ts";

/** How much one message on the channel holds, unless one entry alone has more. */
export const FRAME_WEIGHT = 256_000;
/** What is in a frame beside its items. */
const ENVELOPE = 500;
/** What the rest of an operation or a message takes: the numbers and ids around it. */
const OVERHEAD = 200;
const NUMBER = 24;

/** What an operation takes, with the entry or request that it is part of. */
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

/** What a message takes. */
export function weightOfMessage(message: OutgoingMessage): number {
  const { body, attributes, group = "", deduplicationId = "" } = message;
  let sum = OVERHEAD + body.length + group.length + deduplicationId.length;
  for (const name in attributes) sum += name.length + charactersOf(attributes[name]);
  return sum;
}

/** The characters in plain data, the names of its fields included. */
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
  /** What an item takes. */
  weightOf: (item: T) => number;
  /** How many there may be. Default: any number. */
  max?: number;
  /** What they may take together. Default: what one message on the channel holds. */
  weight?: number;
}

/** How many of the first items go together: at least one, however much it takes, if there is one. */
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

/** Cuts a list into pieces of which each fits. */
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
