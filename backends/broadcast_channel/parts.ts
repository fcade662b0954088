import type * as memory from "../memory/operation.ts";
import type { Operation } from "./operation.ts";
import { isRequest } from "./read_frame.ts";
import { cutToFit, weightOfMessage } from "./weight.ts";

/**
 * Cuts the operation of one call into operations that each fit into one message on the channel, and
 * gives ids to their messages.
 *
 * @throws {TypeError} if the other contexts would drop one of the operations
 */
export function partsOf(operation: memory.Operation, newId: () => string): Operation[] {
  const parts = cut(operation, newId);
  for (const part of parts) checkRequest(part);
  return parts;
}

function cut(operation: memory.Operation, newId: () => string): Operation[] {
  switch (operation.kind) {
    case "send":
      return piecesOf(operation.messages, weightOfMessage).map((messages) => (
        { ...operation, messages, id: newId() }
      ));
    case "deadLetter":
      return piecesOf(operation.copies, ({ copy }) => weightOfMessage(copy)).map((copies) => (
        { ...operation, copies, id: newId() }
      ));
    default:
      return [operation];
  }
}

/** No items are a piece as well: the queue may not exist, and the call must say so. */
function piecesOf<T>(items: readonly T[], weightOf: (item: T) => number): (readonly T[])[] {
  return items.length === 0 ? [[]] : cutToFit(items, { weightOf });
}

/**
 * Refuses an operation that the other contexts would drop, because the call would wait for ever.
 */
function checkRequest(operation: Operation): void {
  if (isRequest(operation)) return;
  throw new TypeError(`Cannot ask for "${operation.kind}" as its arguments have other types`);
}
