import type { Event } from "../event/event.ts";
import {
  jsonSerializer,
  type Readers,
  type Serializer,
  unknownSerializer,
  type Writers,
} from "./serializer.ts";

/**
 * The event types that a serializer is bound to: a type of `defineEvent()`, the name of a type, or
 * the beginning of names and a `*`, such as `"billing.*"`. `"*"` alone is every type.
 *
 * @category Serializers
 */
export type SerializerBinding = readonly [
  type: string | { readonly type: string },
  serializer: Serializer,
];

/**
 * Options of {@linkcode SerializerRegistry}.
 *
 * @category Serializers
 */
export interface SerializerRegistryOptions {
  /** The serializers that readers may find by id; JSON is always there. Default: none more. */
  serializers?: readonly Serializer[];
  /** The serializer of events that no binding names. Default: JSON. */
  default?: Serializer;
  /**
   * Bindings of event types to serializers. The most specific binding of a type wins: the whole name
   * before a beginning, and the longer beginning before the shorter. Default: none.
   */
  bindings?: readonly SerializerBinding[];
  /** Bindings by the name of the type, or the beginning of names and a `*`. Default: none. */
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
 * const registry = new SerializerRegistry({ bindings: [["rows.*", csv]] });
 * if (registry.forType("rows.Added") !== csv || registry.byId(7) !== csv) throw new Error("unexpected");
 * ```
 *
 * @category Serializers
 */
export class SerializerRegistry implements Writers, Readers {
  readonly #byId = new Map<number, Serializer>();
  readonly #byType = new Map<string, Serializer>();
  /** The serializers of types that begin so, the longest beginning first. */
  readonly #byStart: (readonly [start: string, serializer: Serializer])[];
  readonly #default: Serializer;

  /**
   * Creates a registry.
   * @throws {TypeError} if two serializers have the same id, an id is taken or no positive integer, a
   * type is bound to two serializers, or a serializer lacks a method
   */
  constructor(options: SerializerRegistryOptions = {}) {
    const { serializers = [], default: fallback = jsonSerializer, byType = {} } = options;
    const bindings = [...Object.entries(byType), ...options.bindings ?? []].map(named);
    this.#default = fallback;
    for (const serializer of [fallback, ...serializers, ...bindings.map(([, bound]) => bound)]) {
      this.#add(serializer);
    }
    if (!this.#byId.has(jsonSerializer.id)) this.#add(jsonSerializer);
    for (const [type, serializer] of bindings) this.#bind(type, serializer);
    this.#byStart = [...this.#byType].filter(([type]) => type.endsWith("*"))
      .map(([type, serializer]) => [type.slice(0, -1), serializer] as const)
      .sort(([one], [other]) => other.length - one.length);
  }

  #bind(type: string, serializer: Serializer): void {
    const bound = this.#byType.get(type);
    if (bound && bound !== serializer) {
      throw new TypeError(
        `Cannot bind "${type}" to two serializers as neither is more specific: current values are ${bound.id} and ${serializer.id}`,
      );
    }
    this.#byType.set(type, serializer);
  }

  #add(serializer: Serializer): void {
    const { id, serialize, deserialize } = serializer ?? {};
    if (typeof serialize !== "function" || typeof deserialize !== "function") {
      throw new TypeError(
        "Cannot register a serializer as it must have the methods serialize and deserialize",
      );
    }
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
    const exact = type.endsWith("*") ? undefined : this.#byType.get(type);
    return exact ?? this.#byStart.find(([start]) => type.startsWith(start))?.[1] ?? this.#default;
  }

  /** Returns the serializer of the event's type with the text at hand, or a promise of both. */
  written({ type, data }: Event): Writers | Promise<Writers> {
    const serializer = this.forType(type);
    const { id } = serializer;
    // JSON is written when the message is made; the function that does it checks the data first.
    if (id === jsonSerializer.id) return this;
    try {
      const text: unknown = serializer.serialize(data, type);
      if (!isThenable(text)) return written(id, text);
      return Promise.resolve(text).then((text) => written(id, text), () => written(id, undefined));
    } catch {
      // The error may quote the data. A text that is missing is told as any other.
      return written(id, undefined);
    }
  }

  /**
   * Returns the serializer that reads messages with this id; without an id, the default.
   * @throws {MelangeError} `UNDECODABLE` if no serializer has the id
   */
  byId(id: number | undefined): Serializer {
    if (id === undefined) return this.#default;
    const serializer = this.#byId.get(id);
    if (serializer) return serializer;
    throw unknownSerializer(id);
  }
}

/** The ids of JSON and of pickle. */
const RESERVED_IDS: readonly number[] = [1, 2];

function named([type, serializer]: SerializerBinding): readonly [string, Serializer] {
  const name = typeof type === "string" ? type : type?.type;
  if (typeof name === "string") return [name, serializer];
  throw new TypeError(
    "Cannot bind a serializer as it must be bound to a type of defineEvent() or to a text",
  );
}

/** Returns the writers of one event whose text is there, or is no text: that is refused later. */
function written(id: number, text: unknown): Writers {
  return { forType: () => ({ id, serialize: () => text as string }) };
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null &&
    typeof (value as { then?: unknown }).then === "function";
}
