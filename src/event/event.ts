import { defined } from "../support/defined.ts";
import { MelangeError, type MelangeErrorCode } from "../support/errors.ts";
import type { InputOf, OutputOf, Schema } from "./schema.ts";

/**
 * A fact that publishers send and handlers receive.
 *
 * @category Events
 */
export interface Event<Type extends string = string, Data = unknown> {
  /** The name of the event type; on the wire the `manifest` attribute. */
  readonly type: Type;
  /** The topic of the event, unless a call names another destination. */
  readonly topic?: string;
  /** The facts of the event, in the shape that the schema of the type describes. */
  readonly data: Data;
  /** Unique id, kept across retries; de-duplication compares ids. */
  readonly id: string;
  /** The time of the event. Events may be delivered in another order; handlers can sort by this time. */
  readonly occurredOn: Date;
  /**
   * The version of the data's schema, where the event type names one. Data that was brought up to
   * date has the version of the handler's event type.
   */
  readonly version?: number;
  /** The id that all events of one story share. */
  readonly correlationId?: string;
  /** The id of the event that caused this one. */
  readonly causationId?: string;
  /** The event's attributes of CloudEvents beside the facts above. Missing where there are none. */
  readonly cloudEvent?: CloudEventAttributes;
}

/**
 * Attributes of CloudEvents that have no field of their own in an event, by the names that they
 * have on the wire. Extensions stand beside the attributes of the specification. A name consists of
 * lower-case letters and digits; a value is a text, a whole number or a boolean.
 *
 * @category Events
 */
export interface CloudEventAttributes {
  /** The context in which the event happened, a URI reference. Default: the topic, as `/orders`. */
  readonly source?: string;
  /** The part of the source that the event is about. Default: none. */
  readonly subject?: string;
  /** The address of the schema of the data. Default: none. */
  readonly dataschema?: string;
  /** An extension. A received event of others has its `datacontenttype` here, too. */
  readonly [extension: string]: string | number | boolean | undefined;
}

/**
 * A function that brings data of one version to the shape of the next. The function must return
 * the data, no promise, and leave its argument as it is.
 *
 * @category Events
 */
export type Upcast = {
  // Declared as a method, so that a function may name the older shape as its parameter.
  upcast(data: unknown): unknown;
}["upcast"];

/**
 * Fields that the creator of an event may set.
 *
 * @category Events
 */
export interface EventOverrides {
  /** Default: a random UUID. */
  id?: string;
  /** Default: now. */
  occurredOn?: Date;
  /** Default: the topic of the event type. */
  topic?: string;
  /** Default: none. */
  correlationId?: string;
  /** Default: none. */
  causationId?: string;
  /**
   * Source, subject, schema and extensions for CloudEvents. Sent in every format. Default: none.
   */
  cloudEvent?: CloudEventAttributes;
}

/**
 * The fields of an event type, without the call signature; lists of event types hold these.
 *
 * @category Events
 */
export interface AnyEventType {
  /** The name, as it travels. */
  readonly type: string;
  /** The default topic. */
  readonly topic?: string;
  /** The schema of the data, of any library that implements https://standardschema.dev. */
  readonly schema: Schema;
  /** The message group of an event, for FIFO queues and topics. */
  readonly group?: (data: never) => string;
  /** The version of the schema. */
  readonly version?: number;
  /** The functions that bring data of an older version, by that version, to the next one. */
  readonly upcast?: Readonly<Record<number, Upcast>>;
}

/**
 * The event that a handler of this event type receives: the schema's output.
 *
 * @category Events
 */
export type EventOf<T extends AnyEventType> = T extends AnyEventType
  ? Event<T["type"], OutputOf<T["schema"]>>
  : never;

/**
 * An event type: call it with data to create an event.
 *
 * @category Events
 */
export interface EventType<
  Name extends string = string,
  S extends Schema = Schema,
> extends AnyEventType {
  /** Creates an event. The data is checked when it is published, not here. */
  (
    data: InputOf<S>,
    overrides?: EventOverrides,
  ): Event<Name, InputOf<S>>;
  /** The name, as it travels. */
  readonly type: Name;
  /** The schema of the data. */
  readonly schema: S;
  /** The message group of an event, for FIFO queues and topics. */
  readonly group?: (data: InputOf<S>) => string;
  /** Tells whether an event is of this type, by name, and narrows the type of the event. */
  is(event: Event): event is Event<Name, OutputOf<S>>;
}

/**
 * Options of {@linkcode defineEvent}.
 *
 * @category Events
 */
export interface DefineEventOptions<S extends Schema> {
  /**
   * The schema, which checks the data at publish and at receipt. {@linkcode typed} checks nothing.
   */
  schema: S;
  /** The topic of events of this type. Default: none, so that each call names a destination. */
  topic?: string;
  /** The message group, needed for FIFO destinations. Default: none, each call names one. */
  group?: (data: InputOf<S>) => string;
  /**
   * The version of the schema, which is sent along. A message of a newer version is `UNDECODABLE`
   * here. Default: none; then no version is sent, and every version is read.
   */
  version?: number;
  /**
   * Functions that bring data of older versions up to date, by the version that they start from:
   * `{ 1: from1to2, 2: from2to3 }` for version 3. They run on receipt, one after the other, before
   * the schema checks the data. A message without a version counts as version 1. A version before
   * the first function is `UNDECODABLE`, and so is data that a function throws at. Default: none;
   * then the schema checks the data of every older version.
   */
  upcast?: Readonly<Record<number, Upcast>>;
}

/**
 * The key of the link from an event to its type; not enumerable, so that an event compares and
 * prints as plain data.
 */
const EVENT_TYPE = Symbol.for("@melange/melange/eventType");

/**
 * Defines an event type: a name, the schema of its data, and where its events go by default.
 *
 * @throws {TypeError} if the name is empty, the schema is not a Standard Schema, or the upcasts
 * leave out a version
 *
 * @example
 * ```ts
 * import { defineEvent } from "@melange/melange";
 * import * as v from "valibot";
 *
 * const OrderPlaced = defineEvent("OrderPlaced", {
 *   topic: "orders",
 *   schema: v.object({ orderId: v.string(), total: v.number() }),
 * });
 * const event = OrderPlaced({ orderId: "o-1", total: 42 });
 * if (!OrderPlaced.is(event) || event.topic !== "orders") throw new Error("unexpected");
 * ```
 *
 * @category Events
 */
export function defineEvent<const Name extends string, S extends Schema>(
  name: Name,
  options: DefineEventOptions<S>,
): EventType<Name, S> {
  if (typeof name !== "string" || name === "") {
    throw new TypeError(`Cannot define an event as its name must be a string that is not empty`);
  }
  if (typeof options?.schema?.["~standard"]?.validate !== "function") {
    throw new TypeError(
      `Cannot define the event "${name}" as its schema must be a Standard Schema (valibot, zod, arktype …) or typed<T>()`,
    );
  }
  const { schema, topic, group, version, upcast } = options;
  if (upcast) checkUpcast(name, options);
  const create = (data: InputOf<S>, overrides: EventOverrides = {}) =>
    linked(eventType, newEvent(eventType, data, overrides));
  const eventType = Object.assign(create, {
    type: name,
    schema,
    ...defined({ topic, group, version, upcast }),
    is: (event: Event): event is Event<Name, OutputOf<S>> => event.type === name,
  }) as EventType<Name, S>;
  Object.defineProperty(eventType, "name", { value: name });
  return eventType;
}

/** Refuses functions that do not lead from version to version, up to the current one. */
function checkUpcast(name: string, { version, upcast = {} }: Partial<AnyEventType>): void {
  let reached: unknown;
  for (const from of [...Object.keys(upcast), version]) {
    if (Number(from) !== (reached ?? Number(from))) {
      throw new TypeError(
        `Cannot define the event "${name}" as its upcasts lead to ${reached}, and not on to ${from}`,
      );
    }
    reached = Number(from) + 1;
  }
}

/** An override that is undefined counts as none. */
function newEvent<Name extends string, Data>(
  { type, topic: usualTopic, version }: { type: Name; topic?: string; version?: number },
  data: Data,
  overrides: EventOverrides,
): Event<Name, Data> {
  const { id, occurredOn, topic = usualTopic, correlationId, causationId, cloudEvent } = overrides;
  return {
    type,
    ...defined({ topic }),
    data,
    id: id ?? crypto.randomUUID(),
    occurredOn: occurredOn ?? new Date(),
    ...defined({ version, correlationId, causationId, cloudEvent }),
  };
}

/**
 * A schema without checks, which only tells the compiler the type of the data.
 *
 * @example
 * ```ts
 * import { defineEvent, typed } from "@melange/melange";
 *
 * const Ping = defineEvent("Ping", { schema: typed<{ at: number }>() });
 * if (Ping({ at: 1 }).data.at !== 1) throw new Error("unexpected");
 * ```
 *
 * @category Events
 */
export function typed<T>(): Schema<T, T> {
  return {
    "~standard": {
      version: 1,
      vendor: "melange",
      validate: (value: unknown) => ({ value: value as T }),
    },
  };
}

/** Returns the type that created an event; `undefined` for an event made by hand. */
export function eventTypeOf(event: Event): AnyEventType | undefined {
  return (event as { [EVENT_TYPE]?: AnyEventType })[EVENT_TYPE];
}

/** Creates the error of an event that cannot be published. The rule that it breaks tells no values. */
export function refusedEvent(
  { type }: Event,
  rule: string,
  code: MelangeErrorCode = "INVALID_EVENT",
): MelangeError {
  return new MelangeError(code, `Cannot publish "${type}" as ${rule}`);
}

/** Marks an event as created by a type. */
export function linked<E extends Event>(type: AnyEventType, event: E): E {
  return Object.defineProperty(event, EVENT_TYPE, { value: type });
}

/** Copies an event with other facts. The copy is still of its type. */
export function derive<E extends Event>(event: E, overrides: EventOverrides): E {
  const type = eventTypeOf(event);
  const copy = { ...event, ...overrides };
  return type ? linked(type, copy) : copy;
}
