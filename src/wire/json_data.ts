/** Data that is written as JSON, as a reader gets it. */
import { type Event, refusedEvent } from "../event/event.ts";
import type { Writers } from "./serializer.ts";

/**
 * Returns the data that a reader gets of an event: the same value, unless JSON leaves out parts
 * that a reader may do without (properties that are `undefined`, inherited, named by a symbol or
 * not enumerable, the class of an object with fields or of an array, and the sign of zero). A
 * serializer of the user decides alone about the data that it carries.
 * @throws {MelangeError} `INVALID_EVENT`, with the path, if JSON changes or drops a value
 */
export function carriedData(event: Event, serializers: Writers): unknown {
  const { data } = event;
  // By its id: another copy of this module has another object for JSON.
  if (serializers.forType(event.type).id !== 1) return data;
  const found: Found = { less: false };
  let path: string | undefined = "";
  try {
    path = changeIn(data, found);
    if (path === undefined) return found.less ? JSON.parse(JSON.stringify(data)) : data;
  } catch {
    // A circle, or a getter that throws: its error may quote values.
  }
  const where = path?.slice(1) || "(the whole)";
  throw refusedEvent(event, `its data cannot be serialized as JSON without loss at ${where}`);
}

/** Findings beside changed values. */
interface Found {
  /** Tells that JSON leaves a part out. */
  less: boolean;
}

/** Returns the path to the first value that JSON changes, with a dot before each part. */
function changeIn(value: unknown, found: Found): string | undefined {
  if (typeof value === "string" || typeof value === "boolean" || value === null) return undefined;
  // What is no object here is undefined, a function, a symbol, a bigint, or a number.
  if (typeof value !== "object") {
    if (Object.is(value, -0)) found.less = true;
    return Number.isFinite(value) ? undefined : "";
  }
  const object = value as Record<string, unknown>;
  if (typeof object.toJSON === "function") return "";
  return Array.isArray(value) ? changeInList(value, found) : changeInFields(object, found);
}

function changeInList(list: unknown[], found: Found): string | undefined {
  if (Object.getPrototypeOf(list) !== Array.prototype) found.less = true;
  for (let at = 0; at < list.length; at++) {
    const path = changeIn(list[at], found);
    if (path !== undefined) return `.${at}${path}`;
  }
  return undefined;
}

function changeInFields(object: Record<string, unknown>, found: Found): string | undefined {
  const prototype = Object.getPrototypeOf(object);
  const isPlain = prototype === Object.prototype || prototype === null || isOfObjects(prototype);
  // A class that is built in, or whose objects have no fields, has hidden what it holds.
  if (!isPlain && Object.prototype.toString.call(object) !== "[object Object]") return "";
  const fields = isPlain ? object : { ...object };
  let count = 0;
  // Of all ways through an object this one takes the least time by far.
  for (const key in fields) {
    count += 1;
    const path = fields[key] === undefined ? undefined : changeIn(fields[key], found);
    if (path !== undefined || key === "__proto__") return `.${key.slice(0, 64)}${path ?? ""}`;
    if (fields[key] === undefined) found.less = true;
  }
  // Asked for both at once, Reflect.ownKeys takes three times as long.
  if (!isPlain || Object.getOwnPropertyNames(object).length > count) found.less = true;
  if (Object.getOwnPropertySymbols(object).length > 0) found.less = true;
  return isPlain || count > 0 ? undefined : "";
}

/**
 * Tells whether a prototype is the prototype of plain objects, of any realm. Only that prototype
 * owns `hasOwnProperty`.
 */
function isOfObjects(prototype: object): boolean {
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, "hasOwnProperty");
}
