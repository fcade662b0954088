/** Data that is written as JSON: what a reader gets of it. */
import { MelangeError } from "./errors.ts";
import type { Event } from "./event.ts";
import { pathOf } from "./schema.ts";
import { jsonSerializer, type Writers } from "./serializer.ts";

/**
 * The data that a reader gets of an event: the same value, unless JSON leaves something out that a
 * reader may do without (properties that are `undefined` or not enumerable, and the class of an
 * object with fields). A serializer of one's own decides by itself what it can carry.
 * @throws {MelangeError} `INVALID_EVENT`, with the path, if JSON changes or drops a value
 */
export function carriedData(event: Event, serializers: Writers): unknown {
  const { type, data } = event;
  if (serializers.forType(type) !== jsonSerializer) return data;
  const found: Found = { less: false };
  let where = "";
  try {
    const path = changeIn(data, found);
    if (!path) return found.less ? JSON.parse(JSON.stringify(data)) : data;
    where = ` at ${pathOf({ path })}`;
  } catch {
    // A circle, or a getter that throws: its error may quote values.
  }
  throw new MelangeError(
    "INVALID_EVENT",
    `Cannot publish "${type}" as its data cannot be serialized as JSON without loss${where}`,
  );
}

/** What was found beside values that are changed. */
interface Found {
  /** Whether something is left out. */
  less: boolean;
}

/** The path to the first value that JSON changes. */
function changeIn(value: unknown, found: Found): string[] | undefined {
  if (typeof value === "string" || typeof value === "boolean" || value === null) return undefined;
  if (typeof value === "object") return changeInObject(value as Record<string, unknown>, found);
  // What is left is undefined, a function, a symbol, a bigint, or a number that is none.
  return Number.isFinite(value) ? undefined : [];
}

function changeInObject(value: Record<string, unknown>, found: Found): string[] | undefined {
  if (typeof value.toJSON === "function") return [];
  const isList = Array.isArray(value);
  const keys = Object.keys(value);
  if (!isList && !isData(value, keys, found)) return [];
  // A hole in a list has no key.
  const count = isList ? value.length : keys.length;
  for (let at = 0; at < count; at++) {
    const key = isList ? `${at}` : keys[at]!;
    const inner = value[key];
    if (inner === undefined && !isList) {
      found.less = true;
      continue;
    }
    const path = key === "__proto__" ? [] : changeIn(inner, found);
    if (path) return [key, ...path];
  }
  return undefined;
}

/** Tells whether an object is its fields: what is of a class without any has hidden them. */
function isData(value: object, keys: string[], found: Found): boolean {
  const prototype = Object.getPrototypeOf(value);
  // The prototype of plain objects, of any realm, has none itself.
  const isPlain = prototype === null || Object.getPrototypeOf(prototype) === null;
  if (!isPlain || Object.getOwnPropertyNames(value).length > keys.length) found.less = true;
  return isPlain || (keys.length > 0 && `${Object.prototype.toString.call(value)}` === TAG);
}

const TAG = "[object Object]";
