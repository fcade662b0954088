/** Messages that name no type of ours, read as the options of a dispatcher say. */
import type { AnyEventType } from "../event/event.ts";
import { undecodable } from "../wire/cloud_event.ts";
import { type LazyEvent, read } from "../wire/format.ts";
import type { ReceivedMessage } from "../wire/message.ts";

/** The options about messages of others. */
export interface ForeignOptions {
  readonly typeOf?: (message: ReceivedMessage) => string | undefined;
  readonly dataOf?: (message: ReceivedMessage) => unknown;
  readonly defaultEvent?: AnyEventType;
}

/**
 * Reads a message of any writer. A message that names no type gets type and data by the options.
 * @throws {MelangeError} `UNDECODABLE`, without a cause, if `typeOf` fails
 */
export function readAny(message: ReceivedMessage, options: ForeignOptions): LazyEvent {
  const event = read(message);
  if (event.facts.type !== undefined || event.isAway) return event;
  const { typeOf, dataOf, defaultEvent } = options;
  const named: unknown = typeOf && ask(() => typeOf(message), "typeOf");
  const type = named ?? defaultEvent?.type;
  if (type !== undefined && (typeof type !== "string" || type === "")) {
    throw undecodable("typeOf returned no name of a type");
  }
  return {
    ...event,
    isForeign: true,
    facts: { ...event.facts, type },
    ...(dataOf ? { data: () => ask(() => dataOf(message), "dataOf") } : {}),
  };
}

/** Calls a function of the user. What it throws may quote the message, and is told to nobody. */
export function ask(call: () => unknown, what: string): unknown {
  let answer: unknown;
  try {
    answer = call();
    if (!isThenable(answer)) return answer;
    // Nobody waits for the promise, so it must not end the process.
    answer.then(undefined, () => {});
  } catch {
    throw undecodable(`${what} threw`);
  }
  throw undecodable(`${what} returned a promise`);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === "function";
}
