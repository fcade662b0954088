/**
 * A serializer of almost any object: dates, maps, sets, big integers, typed arrays, patterns, URLs,
 * errors, circles, `undefined` and `NaN`. The safe counterpart of Python's pickle: to read a text
 * calls no code that the text names, and reaches no prototype.
 *
 * The module is the only one that needs the package `devalue`. Install it beside this one:
 * `npm install devalue@6`.
 *
 * ```ts
 * import { defineEvent, EventBus, SerializerRegistry, typed } from "@melange/melange";
 * import { MemoryBackend } from "@melange/melange/memory";
 * import { anySerializer } from "@melange/melange/serializers/any";
 *
 * const Visited = defineEvent("Visited", {
 *   topic: "visits",
 *   schema: typed<{ at: Date; pages: Map<string, bigint> }>(),
 * });
 * const serializers = new SerializerRegistry({ bindings: [[Visited, anySerializer()]] });
 * const bus = new EventBus({ backend: new MemoryBackend(), queue: "statistics", serializers });
 * const seen = new Promise((resolve) => bus.subscribe(Visited, (event) => resolve(event.data.pages.get("/"))));
 * await bus.declare();
 * bus.start();
 * await bus.publish(Visited({ at: new Date(), pages: new Map([["/", 2n]]) }));
 * if (await seen !== 2n) throw new Error("unexpected");
 * await bus.stop();
 * ```
 *
 * @module
 */
import { stringify, unflatten } from "devalue";
import type { Serializer } from "../serializer.ts";

/**
 * A class of yours, as {@linkcode anySerializer} writes it.
 *
 * @category Serializers
 */
export interface AnyType {
  /** Returns the parts of a value of the class; `undefined` for every other value. */
  write(value: unknown): unknown;
  /** Creates a value of the class from its parts. The parts come out of a message: check them. */
  read(parts: unknown): unknown;
}

/**
 * Options of {@linkcode anySerializer}.
 *
 * @category Serializers
 */
export interface AnySerializerOptions {
  /** The number of the serializer. Every reader must know it by the same. Default: 3. */
  id?: number;
  /** Classes of yours by name. Writers and readers need the same names. Default: none. */
  types?: Readonly<Record<string, AnyType>>;
}

/**
 * Creates a serializer of almost any object. Objects of other classes are refused, as are functions,
 * symbols and keys named `__proto__`. An error keeps its name, its message and its cause, and leaves
 * its stack at home; other fields of an error are lost. An array with gaps keeps them up to 100,000
 * places.
 *
 * @example
 * ```ts
 * import { anySerializer } from "@melange/melange/serializers/any";
 *
 * class Money {
 *   readonly cents: bigint;
 *   constructor(cents: bigint) {
 *     this.cents = cents;
 *   }
 * }
 * const { serialize, deserialize } = anySerializer({
 *   types: {
 *     Money: {
 *       write: (value) => value instanceof Money ? value.cents : undefined,
 *       read: (cents) => new Money(BigInt(cents as bigint)),
 *     },
 *   },
 * });
 * const text = await serialize({ price: new Money(500n) }, "OrderPlaced");
 * const { price } = deserialize(text, "OrderPlaced") as { price: Money };
 * if (price.cents !== 500n) throw new Error("unexpected");
 * ```
 *
 * @category Serializers
 */
export function anySerializer(options: AnySerializerOptions = {}): Serializer {
  const { id = 3, types = {} } = options;
  const writers: Record<string, (value: unknown) => unknown> = Object.create(null);
  const readers: Record<string, (parts: [unknown]) => unknown> = Object.create(null);
  for (const [name, type] of [...Object.entries(types), ["Error", ERROR] as const]) {
    writers[name] = (value) => {
      const parts = type.write(value);
      // In a list: parts may be false or 0, which would read as another class.
      return parts === undefined ? undefined : [parts];
    };
    readers[name] = ([parts]) => type.read(parts);
  }
  return {
    id,
    serialize: (data) => stringify(data, writers),
    deserialize(text) {
      const values: unknown = JSON.parse(text);
      checkGaps(values);
      return unflatten(values as number | unknown[], readers);
    },
  };
}

/** The mark and the most places of an array with gaps. A few bytes could name four billion places. */
const SPARSE = -7;
const MOST_PLACES = 100_000;

function checkGaps(values: unknown): void {
  if (!Array.isArray(values)) return;
  for (const value of values) {
    if (!Array.isArray(value) || value[0] !== SPARSE || value[1] <= MOST_PLACES) continue;
    throw new RangeError(`Cannot read an array of more than ${MOST_PLACES} places with gaps`);
  }
}

/** The classes of errors that a text may name; any other name is that of an `Error`. */
const ERRORS: ReadonlyMap<unknown, ErrorConstructor> = new Map(
  [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError]
    .map((type) => [type.name, type as ErrorConstructor]),
);

const ERROR: AnyType = {
  write(value) {
    if (!(value instanceof Error)) return undefined;
    const { name, message } = value;
    const causes = Object.hasOwn(value, "cause") ? [value.cause] : [];
    const errors = value instanceof AggregateError ? [...value.errors] : undefined;
    return { name: String(name), message: String(message), causes, errors };
  },
  read(parts) {
    const { name, message, causes, errors } = Object(parts);
    if (typeof name !== "string" || typeof message !== "string" || !Array.isArray(causes)) {
      throw new TypeError("Cannot read an error as its parts are no texts");
    }
    const options = causes.length > 0 ? { cause: causes[0] } : {};
    if (Array.isArray(errors)) return new AggregateError(errors, message, options);
    const error = new (ERRORS.get(name) ?? Error)(message, options);
    if (error.name !== name) {
      Object.defineProperty(error, "name", { value: name, configurable: true, writable: true });
    }
    return error;
  },
};
