/**
 * Frames as they travel: entries, operations and receives go as rows instead of objects, because the
 * names of fields would take more room than their values, and Deno needs 30 ns for each byte.
 */
import { nameOf, type OutgoingMessage } from "../../src/wire/message.ts";
import type { Content } from "./frame.ts";
import type { Want } from "./operation.ts";
import type { Operation } from "./operation.ts";
import type { Entry } from "./state.ts";

type Row = readonly unknown[];

/** No list of rows is longer: a forged one may claim to have billions. */
const LONGEST = 1_000;

/** Writes the lists of a frame as rows. */
export function toRows(content: Content): object {
  if (content.kind === "entries") return { ...content, entries: content.entries.map(entryRow) };
  if (content.kind !== "request") return content;
  const { operations, wants } = content;
  return { ...content, operations: operations.map(operationRow), wants: wants.map(wantRow) };
}

/** Reads the rows of a message as the lists of a frame, which nobody has checked yet. */
export function fromRows(message: object): object {
  const { kind, entries, operations, wants } = message as Record<string, unknown>;
  if (kind === "entries") return { ...message, entries: each(entries, entryOf) };
  if (kind !== "request") return message;
  return { ...message, operations: operationsOf(operations), wants: each(wants, wantOf) };
}

/**
 * Converts the rows of a list. Any other value, and too long a list, stays unchanged for the check
 * to refuse.
 */
function each(list: unknown, convert: (row: Row) => unknown): unknown {
  if (!Array.isArray(list) || list.length > LONGEST) return list;
  return list.map((row: unknown) => Array.isArray(row) ? convert(row) : undefined);
}

function entryRow({ seq, epoch, now, member, number, done, operation }: Entry): Row {
  return [seq, epoch, now, member, number, ...done, operationRow(operation)];
}

function entryOf(row: Row): unknown {
  const [seq, epoch, now, member, number, others, receives, operation] = row;
  if (row.length !== 8) return undefined;
  const done = [others, receives];
  return { seq, epoch, now, member, number, done, operation: operationOf(operation) };
}

function operationRow(operation: Operation): unknown {
  switch (operation.kind) {
    case "send": {
      const { kind, destination, create, id, messages } = operation;
      const where = "topic" in destination ? "topic" : "queue";
      return [kind, where, nameOf(destination), create, id, messages.map(messageRow)];
    }
    case "receive":
      return [operation.kind, operation.queue, operation.max, operation.visibilityMs];
    case "acknowledge":
      return [operation.kind, operation.queue, operation.receipts];
    default:
      return operation;
  }
}

function operationsOf(list: unknown): unknown {
  return Array.isArray(list) && list.length <= LONGEST ? list.map(operationOf) : list;
}

/** Operations of most kinds are so few that they go as objects. */
function operationOf(row: unknown): unknown {
  if (!Array.isArray(row)) return isRowKind(row) ? undefined : row;
  const kind: unknown = row[0];
  if (kind === "send" && row.length === 6) {
    const [, where, name, create, id, messages] = row;
    const destination = where === "topic" || where === "queue" ? { [where]: name } : undefined;
    return { kind, destination, create, id, messages: each(messages, messageOf) };
  }
  if (kind === "receive" && row.length === 4) {
    return { kind, queue: row[1], max: row[2], visibilityMs: row[3] };
  }
  if (kind === "acknowledge" && row.length === 3) return { kind, queue: row[1], receipts: row[2] };
  return undefined;
}

function isRowKind(operation: unknown): boolean {
  const { kind } = operation as Partial<Operation>;
  return kind === "send" || kind === "receive" || kind === "acknowledge";
}

function messageRow(message: OutgoingMessage): Row {
  const { body, attributes, group, deduplicationId, delayMs } = message;
  const isPlain = group === undefined && deduplicationId === undefined && delayMs === undefined;
  return isPlain ? [body, attributes] : [body, attributes, group, deduplicationId, delayMs];
}

function messageOf(row: Row): unknown {
  const [body, attributes, group, deduplicationId, delayMs] = row;
  if (row.length === 2) return { body, attributes };
  return row.length === 5 ? { body, attributes, group, deduplicationId, delayMs } : undefined;
}

function wantRow({ number, queue, max, visibilityMs, wait }: Want): Row {
  return [number, queue, max, visibilityMs, wait];
}

function wantOf(row: Row): unknown {
  const [number, queue, max, visibilityMs, wait] = row;
  return row.length === 5 ? { number, queue, max, visibilityMs, wait } : undefined;
}
