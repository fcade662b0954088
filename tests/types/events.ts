/**
 * What must compile and what must not, of event types, handlers and publishers. The compiler does the
 * testing, when `types_deno_test.ts` runs it; nothing in here is called.
 */
import * as v from "valibot";
import type { Dispatcher } from "../../src/handle/dispatcher.ts";
import type { Handler, Subscriber } from "../../src/handle/handler.ts";
import {
  type AnyEventType,
  defineEvent,
  type Event,
  type EventOf,
  typed,
} from "../../src/event/event.ts";
import type { Attributes, Destination, OutgoingMessage } from "../../src/wire/message.ts";
import type { MelangeErrorCode } from "../../src/support/errors.ts";
import type { PublishOptions } from "../../src/publish/outgoing.ts";
import type { EventPublisher, PublishEntry } from "../../src/publish/publisher.ts";
import { compiles, type Same, same } from "./compiles.ts";

const OrderPlaced = defineEvent("OrderPlaced", {
  topic: "orders",
  schema: v.object({ orderId: v.string(), total: v.number() }),
});
const Ping = defineEvent("Ping", { schema: typed<{ at: number }>() });
/** What is sent is text, what is received a number. */
const Measured = defineEvent("Measured", {
  schema: v.object({ value: v.pipe(v.string(), v.transform(Number)) }),
});

interface Host {
  dispatcher: Dispatcher;
  publisher: EventPublisher;
}

const order = { orderId: "o-1", total: 42 };

compiles("event types know their name and their data", () => {
  const event = OrderPlaced(order);
  same<Same<typeof event, Event<"OrderPlaced", { orderId: string; total: number }>>>();
  same<Same<typeof OrderPlaced.type, "OrderPlaced">>();
  same<Same<EventOf<typeof Ping>, Event<"Ping", { at: number }>>>();
  const types: AnyEventType[] = [OrderPlaced, Ping, Measured];
  void types;
});

compiles(
  "an upcast may name the older shape, and the attributes of CloudEvents have values",
  () => {
    const Paid = defineEvent("Paid", {
      version: 3,
      schema: typed<{ cents: number }>(),
      upcast: {
        1: (data: { euros: number }) => ({ total: data.euros }),
        2: (data) => data,
      },
    });
    const types: AnyEventType[] = [Paid];
    void types;
    const event = Paid({ cents: 1 }, { cloudEvent: { source: "/a", subject: "b", tenant: 5 } });
    same<Same<typeof event, Event<"Paid", { cents: number }>>>();
    // @ts-expect-error an attribute is no list
    Paid({ cents: 1 }, { cloudEvent: { tenant: [] } });
    // @ts-expect-error a source is text
    Paid({ cents: 1 }, { cloudEvent: { source: 5 } });
    // @ts-expect-error a version is a number
    defineEvent("Paid", { schema: typed(), version: 2, upcast: { first: String } });
    // @ts-expect-error a function is called with data
    defineEvent("Paid", { schema: typed(), version: 2, upcast: { 1: 5 } });
  },
);

compiles("event types send the input of their schema and hand out its output", () => {
  same<Same<ReturnType<typeof Measured>["data"], { value: string }>>();
  same<Same<EventOf<typeof Measured>["data"], { value: number }>>();
  Measured({ value: "5" });
  // @ts-expect-error the input is text
  Measured({ value: 5 });
});

compiles("event types refuse data that their schema refuses", () => {
  // @ts-expect-error total is missing
  OrderPlaced({ orderId: "o-1" });
  // @ts-expect-error total is a number
  OrderPlaced({ orderId: "o-1", total: "42" });
  // @ts-expect-error there is no discount
  OrderPlaced({ ...order, discount: 1 });
  // @ts-expect-error data is required
  OrderPlaced();
  // @ts-expect-error nothing is no data
  Ping(undefined);
});

compiles("event types refuse overrides that there are not", () => {
  OrderPlaced(order, { id: "e-1", occurredOn: new Date(), topic: "audit" });
  // @ts-expect-error the type cannot be overridden
  OrderPlaced(order, { type: "Other" });
  // @ts-expect-error the data cannot be overridden
  OrderPlaced(order, { data: order });
  // @ts-expect-error a queue is named when publishing
  OrderPlaced(order, { queue: "billing" });
  // @ts-expect-error a moment is a Date
  OrderPlaced(order, { occurredOn: "2026-01-01" });
  // @ts-expect-error what is not overridden is left out
  OrderPlaced(order, { id: undefined });
});

compiles("event types refuse options that contradict their schema", () => {
  const schema = typed<{ at: number }>();
  defineEvent("A", { schema, group: (data) => String(data.at) });
  // @ts-expect-error a schema is required
  defineEvent("A", { topic: "a" });
  // @ts-expect-error a Standard Schema is required
  defineEvent("A", { schema: { validate: () => true } });
  // @ts-expect-error the data has no id
  defineEvent("A", { schema, group: (data) => data.id });
  // @ts-expect-error a group is text
  defineEvent("A", { schema, group: (data) => data.at });
});

compiles("event types narrow an event with is()", () => {
  const event: Event = OrderPlaced(order);
  // @ts-expect-error the data is unknown
  event.data.total;
  if (OrderPlaced.is(event)) same<Same<typeof event.data.total, number>>();
});

compiles("event types create events that cannot be changed", () => {
  const event = OrderPlaced(order);
  // @ts-expect-error an event is read-only
  event.id = "other";
  // @ts-expect-error an event is read-only
  event.type = "OrderPlaced";
});

compiles<Host>("handlers receive the output of the schema", ({ dispatcher }) => {
  dispatcher.subscribe(Measured, (event) => same<Same<typeof event.data.value, number>>());
  dispatcher.subscribe(OrderPlaced, async (event, { attempt, signal }) => {
    same<Same<typeof event.type, "OrderPlaced">>();
    await Promise.resolve([attempt satisfies number, signal satisfies AbortSignal]);
  }, { name: "charge-card" });
});

compiles<Host>(
  "handlers are refused where they want other data than the type has",
  ({ dispatcher }) => {
    // @ts-expect-error it wants another event
    dispatcher.subscribe(Ping, (event: EventOf<typeof OrderPlaced>) => void event);
    // @ts-expect-error the value that is received is a number
    dispatcher.subscribe(Measured, ({ data }) => void data.value.length);
    // @ts-expect-error a handler returns nothing
    dispatcher.subscribe(Ping, () => 5);
    // @ts-expect-error a type is not named by a string
    dispatcher.subscribe("Ping", () => {});
  },
);

compiles<Host>(
  "handlers of several types are refused where they are too narrow",
  ({ dispatcher }) => {
    dispatcher.subscribe({
      name: "audit",
      listensTo: [OrderPlaced, Ping],
      process: (event) => {
        if (event.type === "Ping") same<Same<typeof event.data, { at: number }>>();
        // @ts-expect-error it may be a Ping
        event.data.total;
      },
    });
    const onOrder: Handler<EventOf<typeof OrderPlaced>> = () => {};
    dispatcher.subscribe({ listensTo: OrderPlaced, process: onOrder });
    // @ts-expect-error it does not take a Ping
    dispatcher.subscribe({ listensTo: [OrderPlaced, Ping], process: onOrder });
    // @ts-expect-error it does not take a Ping
    const subscriber: Subscriber<typeof Ping> = { listensTo: Ping, process: onOrder };
    void subscriber;
  },
);

compiles<Host>("handlers of everything receive data that is unknown", ({ dispatcher }) => {
  dispatcher.subscribeAll((event) => same<Same<typeof event.data, unknown>>());
  // @ts-expect-error it takes only orders
  dispatcher.subscribeAll((event: EventOf<typeof OrderPlaced>) => void event);
});

const event = OrderPlaced(order);

compiles<Host>(
  "publishing goes to the event's topic, another topic, or a queue",
  ({ publisher }) => {
    publisher.publish(event);
    publisher.publish(event, { topic: "audit", attributes: { tenant: "a" } });
    publisher.publish(event, { queue: "billing", delayMs: 5_000 });
    publisher.publishAll([event, { event, queue: "billing" }], { topic: "audit" });
  },
);

compiles<Host>(
  "publishing refuses both, a delay without a queue, and what is no event",
  ({ publisher }) => {
    // @ts-expect-error a topic or a queue
    publisher.publish(event, { topic: "audit", queue: "billing" });
    // @ts-expect-error a topic cannot delay
    publisher.publish(event, { topic: "audit", delayMs: 5 });
    // @ts-expect-error the event's topic cannot delay
    publisher.publish(event, { delayMs: 5 });
    // @ts-expect-error data is no event
    publisher.publish(order);
    // @ts-expect-error a type is no event
    publisher.publish({ ...OrderPlaced });
    // @ts-expect-error there is no such option
    publisher.publish(event, { delay: 5 });
    // @ts-expect-error a topic or a queue
    const entry: PublishEntry = { event, topic: "audit", queue: "billing" };
    const options: PublishOptions = { queue: "billing" };
    void [entry, options];
  },
);

compiles<Host>(
  "publishing tells success from failure before it gives the message id",
  async ({ publisher }) => {
    const [result] = await publisher.publishAll([event]);
    // @ts-expect-error there may be no such result
    result.ok;
    if (!result) return;
    // @ts-expect-error it may have failed
    result.messageId;
    if (result.ok) same<Same<typeof result.messageId, string>>();
    else same<Same<typeof result.error.code, MelangeErrorCode>>();
  },
);

compiles("messages hold text, and attributes that can travel", () => {
  const attributes: Attributes = { a: "b", n: 5, b: new Uint8Array(1) };
  const message: OutgoingMessage = { body: "text", attributes };
  // @ts-expect-error a body is text
  const bytes: OutgoingMessage = { body: new Uint8Array(1), attributes };
  // @ts-expect-error a flag cannot travel
  const flag: Attributes = { a: true };
  // @ts-expect-error neither topic nor queue
  const nowhere: Destination = {};
  void [message, bytes, flag, nowhere];
});
