import { MelangeError } from "../support/errors.ts";

/**
 * Converter of data to text and back. A serializer throws if it cannot convert the value.
 *
 * @category Serializers
 */
export interface Serializer {
  /** The number by which readers find it again, from 3: 1 is JSON, 2 is Python's pickle and never read. */
  readonly id: number;
  /** Turns data into a text, which must not be empty. */
  serialize(data: unknown): string;
  /** Turns text back into data. */
  deserialize(text: string): unknown;
}

/** The half of a serializer that publishing needs. */
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
export const jsonSerializer: Serializer = { id: 1, serialize: toJson, deserialize: parseJson };

/** Finder of the serializer that writes an event: a registry, or {@linkcode jsonOnly}. */
export interface Writers {
  /** Returns the serializer that writes events of this type. */
  forType(type: string): Writer;
}

/**
 * JSON for every event. An edge function without another serializer so carries no registry and no
 * reader.
 */
export const jsonOnly: Writers = { forType: () => jsonWriter };

/** The ids of JSON and of pickle. */
const RESERVED_IDS: readonly number[] = [1, 2];

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

/**
 * Options of {@linkcode SerializerRegistry}.
 *
 * @category Serializers
 */
export interface SerializerRegistryOptions {
  /** The serializers that readers may find by id; JSON is always there. Default: none more. */
  serializers?: readonly Serializer[];
  /** The serializer of events that `byType` does not name. Default: JSON. */
  default?: Serializer;
  /** The serializers of events by type. Default: none. */
  byType?: Readonly<Record<string, Serializer>>;
}

/**
 * Registry of serializers. Writers choose a serializer by the name of the event type, readers by
 * the id that travels with the message.
 *
 * @example
 * ```ts
 * import { SerializerRegistry } from "@melange/melange";
 *
 * const csv = { id: 7, serialize: (data: unknown) => String(data), deserialize: (text: string) => text.split(",") };
 * const registry = new SerializerRegistry({ byType: { RowAdded: csv } });
 * if (registry.forType("RowAdded") !== csv || registry.byId(7) !== csv) throw new Error("unexpected");
 * ```
 *
 * @category Serializers
 */
export class SerializerRegistry {
  readonly #byId = new Map<number, Serializer>();
  readonly #byType = new Map<string, Serializer>();
  readonly #default: Serializer;

  /**
   * Creates a registry.
   * @throws {TypeError} if two serializers have the same id, or an id is taken or no positive integer
   */
  constructor(options: SerializerRegistryOptions = {}) {
    const { serializers = [], default: fallback = jsonSerializer, byType = {} } = options;
    this.#default = fallback;
    for (const serializer of [fallback, ...serializers, ...Object.values(byType)]) {
      this.#add(serializer);
    }
    if (!this.#byId.has(jsonSerializer.id)) this.#add(jsonSerializer);
    for (const [type, serializer] of Object.entries(byType)) this.#byType.set(type, serializer);
  }

  #add(serializer: Serializer): void {
    const { id } = serializer;
    if (!Number.isSafeInteger(id) || id < 1) {
      throw new TypeError(
        `Cannot register a serializer as its id must be a positive integer: current value is ${id}`,
      );
    }
    if (RESERVED_IDS.includes(id) && serializer !== jsonSerializer) {
      throw new TypeError(
        `Cannot register a serializer as the ids 1 and 2 are taken, by JSON and pickle: current value is ${id}`,
      );
    }
    const known = this.#byId.get(id);
    if (known && known !== serializer) {
      throw new TypeError(`Cannot register two serializers as they share the id ${id}`);
    }
    this.#byId.set(id, serializer);
  }

  /** Returns the serializer that writes events of this type. */
  forType(type: string): Serializer {
    return this.#byType.get(type) ?? this.#default;
  }

  /**
   * Returns the serializer that reads messages with this id; without an id, the default.
   * @throws {MelangeError} `UNDECODABLE` if no serializer has the id
   */
  byId(id: number | undefined): Serializer {
    if (id === undefined) return this.#default;
    const serializer = this.#byId.get(id);
    if (serializer) return serializer;
    const hint = id === 2
      ? "it was written by Python's pickle, which is never executed"
      : `no serializer with the id ${id} is registered: add it to the SerializerRegistry`;
    throw new MelangeError("UNDECODABLE", `Cannot read a message as ${hint}`);
  }
}
