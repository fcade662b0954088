/**
 * What must compile and what must not, on the consuming side. The compiler does the testing, when
 * `types_deno_test.ts` runs it; nothing in here is called.
 */
import * as v from "valibot";
import type { Backend, Receiver, Sender } from "../../src/backend.ts";
import { MessageConsumer } from "../../src/consume/consumer.ts";
import type { Health } from "../../src/consume/consumer.ts";
import type { ConsumedDelivery } from "../../src/consume/deliveries.ts";
import type { DeduplicationStore } from "../../src/handle/deduplication/store.ts";
import { dispatch, type Outcome } from "../../src/handle/dispatch.ts";
import { Dispatcher, type DispatcherOptions } from "../../src/handle/dispatcher.ts";
import type { HandlerContext, Middleware, Subscriber } from "../../src/handle/handler.ts";
import { defineEvent, type Event, typed } from "../../src/event/event.ts";
import { EventBus } from "../../src/event_bus.ts";
import type { EventPublisher } from "../../src/publish/publisher.ts";
import { compiles, type Same, same } from "./compiles.ts";

const OrderPlaced = defineEvent("OrderPlaced", {
  topic: "orders",
  schema: v.object({ orderId: v.string(), total: v.number() }),
});
const Ping = defineEvent("Ping", { schema: typed<{ at: number }>() });

interface Host {
  backend: Backend;
  receiver: Receiver;
  sender: Sender;
  bus: EventBus;
  consumer: MessageConsumer;
  dispatcher: Dispatcher;
  store: DeduplicationStore;
  context: HandlerContext;
  delivery: ConsumedDelivery;
}

compiles<Host>("EventBus.subscribe() knows the data of the event", ({ bus }) => {
  const off = bus.subscribe(OrderPlaced, (event) => {
    same<Same<typeof event.type, "OrderPlaced">>();
    same<Same<typeof event.data, { orderId: string; total: number }>>();
    // @ts-expect-error there is no discount
    event.data.discount;
  }, { name: "bill" });
  same<Same<typeof off, () => void>>();
});

compiles<Host>(
  "EventBus.subscribe() tells the data of several types apart by the type",
  ({ bus }) => {
    bus.subscribe({
      name: "audit",
      listensTo: [OrderPlaced, Ping],
      process(event) {
        // @ts-expect-error it may be an order
        event.data.at;
        if (event.type === "Ping") return void event.data.at.toFixed();
        event.data.orderId.length;
        // @ts-expect-error there is no such type here
        if (event.type === "Other") return;
      },
    });
  },
);

compiles<Host>(
  "EventBus.subscribe() refuses a handler that is too narrow, or wants other data",
  ({ bus }) => {
    const onOrder = (_event: Event<"OrderPlaced", { orderId: string; total: number }>) => {};
    bus.subscribe(OrderPlaced, onOrder);
    bus.subscribe({ listensTo: [OrderPlaced], process: onOrder });
    // @ts-expect-error it does not take a Ping
    bus.subscribe(Ping, onOrder);
    // @ts-expect-error it does not take a Ping
    bus.subscribe({ listensTo: [OrderPlaced, Ping], process: onOrder });
    // @ts-expect-error total is a number
    bus.subscribe(OrderPlaced, (event: Event<"OrderPlaced", { total: string }>) => void event);
    // @ts-expect-error it takes only orders
    bus.subscribeAll(onOrder);
    // @ts-expect-error a handler is required
    bus.subscribe(OrderPlaced);
    // @ts-expect-error a subscriber has a process function
    bus.subscribe({ listensTo: OrderPlaced });
    // @ts-expect-error there is no such option
    bus.subscribe(OrderPlaced, onOrder, { nam: "bill" });
    // @ts-expect-error a type is not named by a string
    bus.subscribe({ listensTo: "OrderPlaced", process() {} });
  },
);

compiles<Host>("EventBus.subscribe() takes a subscriber that was declared elsewhere", ({ bus }) => {
  const subscriber: Subscriber<typeof OrderPlaced | typeof Ping> = {
    listensTo: [OrderPlaced, Ping],
    process: (event) => void event.data,
  };
  bus.subscribe(subscriber);
  class Billing implements Subscriber<typeof OrderPlaced> {
    readonly name = "billing";
    readonly listensTo = OrderPlaced;
    readonly process = (event: Event<"OrderPlaced", { total: number }>) => void event.data.total;
  }
  bus.subscribe(new Billing());
  // @ts-expect-error process is read-only
  subscriber.process = () => {};
});

compiles<Host>("a handler's context has exactly what is documented", ({ context }) => {
  same<
    Same<
      keyof HandlerContext,
      | "message"
      | "attempt"
      | "queue"
      | "receivedAt"
      | "signal"
      | "logger"
      | "extend"
      | "publisher"
    >
  >();
  same<Same<typeof context.publisher, EventPublisher | undefined>>();
  // @ts-expect-error there may be no publisher
  context.publisher.publish(Ping({ at: 1 }));
  // @ts-expect-error a context is read-only
  context.attempt = 2;
  // @ts-expect-error milliseconds are a number
  context.extend("5s");
});

compiles("options name the three things that can be done with what cannot be handled", () => {
  const options: DispatcherOptions[] = [
    { onUnknown: "retry", onUndecodable: "deadLetter" },
    { onUnknown: "acknowledge" },
  ];
  // @ts-expect-error there is no fourth
  const wrong: DispatcherOptions = { onUnknown: "ignore" };
  void [options, wrong];
});

compiles<Host>("options need a store where de-duplication is on", ({ store }) => {
  new Dispatcher({ deduplication: { store, onFailure: "process" } });
  // @ts-expect-error there is no store
  new Dispatcher({ deduplication: { leaseMs: 1 } });
  // @ts-expect-error there is no such way
  new Dispatcher({ deduplication: { store, onFailure: "ignore" } });
});

compiles("options of a middleware are a handler each way", () => {
  const middleware: Middleware = (next) => async (event, context) => {
    same<Same<typeof event.data, unknown>>();
    await next(event, context);
  };
  // @ts-expect-error a middleware returns a handler
  const wrong: Middleware = async (event) => await event;
  new Dispatcher({ middleware: [middleware] });
  void wrong;
});

compiles<Host>(
  "options of a consumer need a receiver and a queue, of a bus a whole backend",
  ({ receiver, sender, backend, dispatcher }) => {
    new MessageConsumer({ backend: receiver, queue: "billing", dispatcher });
    // @ts-expect-error it cannot receive
    new MessageConsumer({ backend: sender, queue: "billing" });
    // @ts-expect-error a queue is required
    new MessageConsumer({ backend });
    // @ts-expect-error it is called visibilityTimeoutMs
    new MessageConsumer({ backend, queue: "billing", visibilityTimeout: 30 });
    new EventBus({ backend, queues: ["a", "b"], concurrency: 5, lingerMs: 5, maxAttempts: 3 });
    // @ts-expect-error it cannot send
    new EventBus({ backend: receiver, queue: "billing" });
  },
);

compiles<Host>(
  "what a consumer gives is an outcome, told apart by its name",
  async ({ consumer, dispatcher }) => {
    const outcome = await consumer.consumeEvent();
    same<Same<typeof outcome, Outcome | undefined>>();
    if (outcome?.outcome === "deadLetter") same<Same<typeof outcome.facts.reason, string>>();
    // @ts-expect-error it may be another outcome
    outcome?.facts;
    same<Same<ReturnType<typeof consumer.health>, Health>>();
    same<Same<Health, "running" | "draining" | "stalled" | "stopped">>();
    // @ts-expect-error a status is read-only
    consumer.status().running = 5;
    // @ts-expect-error the queue is required
    await dispatch(dispatcher, {} as ConsumedDelivery["message"], {});
  },
);

compiles<Host>(
  "what a consumer gives are deliveries with four verbs, whose data nobody checked",
  async ({ consumer }) => {
    for await (const delivery of consumer.deliveries({ drainMs: 5_000 })) {
      same<Same<typeof delivery, ConsumedDelivery>>();
      const event = delivery.event();
      same<Same<typeof event.data, unknown>>();
      if (OrderPlaced.is(event)) event.data.total.toFixed();
      await delivery.ack();
      await delivery.retry(5_000);
      await delivery.deadLetter("expired");
      await delivery.extend(60_000);
      // @ts-expect-error a reason is required
      await delivery.deadLetter();
      // @ts-expect-error milliseconds are required
      await delivery.extend();
      // @ts-expect-error there is no such verb
      await delivery.nack();
    }
  },
);
