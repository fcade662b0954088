import { MelangeError } from "../support/errors.ts";
import type { Event } from "../event/event.ts";

/**
 * Converter of data to text and back. A serializer throws, or rejects, if it cannot convert the
 * value. Both methods may return a promise. Events keep their order meanwhile. The error of a
 * serializer is neither logged nor thrown on, because it may quote the data.
 *
 * @category Serializers
 */
export interface Serializer {
  /** The number by which readers find it again, from 3: 1 is JSON, 2 is Python's pickle and never read. */
  readonly id: number;
  /**
   * Turns data into a text, which must not be empty. The manifest is the name of the event type. It
   * travels with the text.
   */
  serialize(data: unknown, manifest: string): string | Promise<string>;
  /** Turns text back into data, or a promise of data. */
  deserialize(text: string, manifest: string): unknown;
}

/**
 * The half of a serializer that publishing needs.
 *
 * @category Serializers
 */
export type Writer = Pick<Serializer, "id" | "serialize">;

/** The writer of events: the publisher refuses what is no text itself. */
const jsonWriter: Writer = { id: 1, serialize: (data) => JSON.stringify(data) };

function toJson(data: unknown): string {
  const text = JSON.stringify(data);
  if (text === undefined) throw new TypeError("Cannot serialize as JSON as it holds no value");
  return text;
}

/**
 * JSON, as every language reads it. A key named `__proto__` is dropped when reading.
 *
 * @category Serializers
 */
export const jsonSerializer: {
  /** The number of JSON. */
  readonly id: number;
  /** Turns data into JSON. */
  serialize(data: unknown): string;
  /** Turns JSON into data. */
  deserialize(text: string): unknown;
} = { id: 1, serialize: toJson, deserialize: parseJson };

/**
 * Finder of the serializer that writes an event: a registry, or JSON for everything.
 *
 * @category Serializers
 */
export interface Writers {
  /** Returns the serializer that writes events of this type. */
  forType(type: string): Writer;
  /**
   * Writes the data of an event now. Returns a finder of the written text, or a promise of such a
   * finder, which never rejects. Default: the serializer is called when the message is made.
   */
  written?(event: Event): Writers | Promise<Writers>;
}

/**
 * Finder of the serializer that reads a message: a registry, or JSON for everything.
 *
 * @category Serializers
 */
export interface Readers {
  /**
   * Returns the serializer that reads messages with this id; without an id, the default.
   * @throws {MelangeError} `UNDECODABLE` if no serializer has the id
   */
  byId(id: number | undefined): Serializer;
}

/**
 * JSON for every event. An edge function without another serializer so carries no registry and no
 * reader.
 */
export const jsonOnly: Writers = { forType: () => jsonWriter };

/** JSON for every message. A worker without another serializer so carries no registry. */
export const jsonReaders: Readers = {
  byId(id = 1) {
    if (id === 1) return jsonSerializer;
    throw unknownSerializer(id);
  },
};

/** Creates the error of a message whose serializer nobody registered. */
export function unknownSerializer(id: number): MelangeError {
  const hint = id === 2
    ? "it was written by Python's pickle, which is never executed"
    : `no serializer with the id ${id} is registered: add it to the SerializerRegistry`;
  return new MelangeError("UNDECODABLE", `Cannot read a message as ${hint}`);
}

/**
 * Texts that may hold the key `__proto__`, also spelled with escapes. Other texts need no search.
 */
const MAY_HOLD_PROTO = /__proto__|\\u00/i;

/** Parses JSON; a key named `__proto__` is dropped, since copying it could change a prototype. */
export function parseJson(text: string): unknown {
  const value = JSON.parse(text);
  // A list, and no reviver: that takes a stack frame a level, which deep data has not got.
  const todo = MAY_HOLD_PROTO.test(text) ? [value] : [];
  for (const item of todo) {
    if (typeof item !== "object" || item === null) continue;
    delete item["__proto__"];
    for (const key in item) todo.push(item[key]);
  }
  return value;
}
