/**
 * What must compile and what must not, with the classes that publish. The compiler does the testing,
 * when `types_deno_test.ts` runs it; nothing in here is called.
 */
import { type } from "npm:arktype@2";
import * as v from "valibot";
import * as z from "npm:zod@4";
import type { Sender } from "../../src/backend.ts";
import type { Claim, DeduplicationStore } from "../../src/handle/deduplication/store.ts";
import type { Middleware } from "../../src/handle/handler.ts";
import type { MelangeError } from "../../src/support/errors.ts";
import { defineEvent, type EventOf, typed } from "../../src/event/event.ts";
import {
  circuitBreaker,
  correlation,
  retry,
  throttle,
  timeout,
} from "../../src/handle/middleware/mod.ts";
import type { PublishOptions } from "../../src/publish/outgoing.ts";
import { MessagePublisher, type PublishEntry } from "../../src/publish/publisher.ts";
import type { Serializer } from "../../src/wire/serializer.ts";
import { SerializerRegistry } from "../../src/wire/serializer_registry.ts";
import type { SynchronousEventBus } from "../../src/synchronous_event_bus.ts";
import { compiles, type Same, same } from "./compiles.ts";

interface Host {
  publisher: MessagePublisher;
  bus: SynchronousEventBus;
  sender: Sender;
  store: DeduplicationStore;
}

const Order = defineEvent("Order", {
  topic: "orders",
  schema: v.object({ id: v.string(), total: v.number() }),
});
const Ping = defineEvent("Ping", { schema: typed<{ at: number }>() });
const event = Order({ id: "o-1", total: 42 });

compiles<Host>("schemas of every library give the same types", ({ bus }) => {
  const ofValibot = defineEvent("E", {
    schema: v.object({ n: v.pipe(v.string(), v.transform(Number)) }),
  });
  const ofZod = defineEvent("E", { schema: z.object({ n: z.string().transform(Number) }) });
  const ofArktype = defineEvent("E", { schema: type({ n: "string.numeric.parse" }) });
  same<Same<EventOf<typeof ofValibot>["data"], { n: number }>>();
  same<Same<EventOf<typeof ofZod>["data"], { n: number }>>();
  same<Same<EventOf<typeof ofArktype>["data"], { n: number }>>();
  for (const create of [ofValibot, ofZod, ofArktype]) create({ n: "5" });
  // @ts-expect-error the input is text
  ofValibot({ n: 5 });
  // @ts-expect-error the input is text
  ofZod({ n: 5 });
  // @ts-expect-error the input is text
  ofArktype({ n: 5 });
  bus.subscribe(ofZod, ({ data }) => same<Same<typeof data.n, number>>());
});

compiles<Host>("MessagePublisher needs a sender, and no more than that", ({ sender }) => {
  new MessagePublisher({ backend: sender, lingerMs: 5, retry: { maxAttempts: 3 } });
  // @ts-expect-error a backend is required
  new MessagePublisher({});
  // @ts-expect-error the format is one of three
  new MessagePublisher({ backend: sender, format: "xml" });
  // @ts-expect-error times are numbers of milliseconds
  new MessagePublisher({ backend: sender, lingerMs: "5ms" });
  // @ts-expect-error there is no such option
  new MessagePublisher({ backend: sender, linger: 5 });
});

compiles<Host>(
  "MessagePublisher takes options for a topic or for a queue, not both",
  ({ publisher }) => {
    publisher.publish(event, { topic: "audit", group: "g", deduplicationId: "d" });
    publisher.publish(event, { queue: "q", delayMs: 5, signal: new AbortController().signal });
    publisher.publish(event, { topic: "audit.fifo", deduplicationId: false });
    publisher.publishAll([{ event, deduplicationId: false }], { deduplicationId: false });
    // @ts-expect-error one id for all would drop all but the first
    publisher.publishAll([event], { deduplicationId: "d" });
    // @ts-expect-error an id, or none
    publisher.publish(event, { deduplicationId: true });
    // @ts-expect-error a topic or a queue
    publisher.publish(event, { topic: "audit", queue: "q" });
    // @ts-expect-error a topic does not delay
    publisher.publish(event, { topic: "audit", delayMs: 5 });
    // @ts-expect-error the event's own topic does not delay
    publisher.publish(event, { delayMs: 5 });
    // @ts-expect-error attributes hold no flags
    publisher.publish(event, { attributes: { urgent: true } });
    // @ts-expect-error what is not given is left out
    publisher.publish(event, { topic: undefined });
  },
);

compiles<Host>(
  "MessagePublisher takes entries with the same options, from any iterable",
  async ({ publisher }) => {
    async function* stream() {
      yield await Promise.resolve(event);
      yield { event, queue: "q", delayMs: 5 };
    }
    await publisher.publishAll(new Set([event, Ping({ at: 1 })]), { topic: "audit" });
    await publisher.publishAll(stream(), { queue: "q" });
    // @ts-expect-error a topic does not delay
    const delayed: PublishEntry = { event, topic: "audit", delayMs: 5 };
    // @ts-expect-error an entry has an event
    const empty: PublishEntry = { topic: "audit" };
    // @ts-expect-error one event is no iterable
    await publisher.publishAll(event);
    // @ts-expect-error data is no event
    await publisher.publishAll([{ id: "o-1", total: 42 }]);
    void [delayed, empty];
  },
);

compiles<Host>(
  "MessagePublisher resolves to an id, or tells success from failure first",
  async ({ publisher }) => {
    const published = await publisher.publish(event);
    same<Same<typeof published.messageId, string>>();
    same<Same<typeof published.sequenceNumber, string | undefined>>();
    const [result] = await publisher.publishAll([event]);
    if (result?.ok === false) same<Same<typeof result.error, MelangeError>>();
    // @ts-expect-error it may have failed
    result?.messageId;
  },
);

compiles<Host>(
  "MessagePublisher has options that cannot be mixed up when they are built before",
  ({ publisher }) => {
    const toQueue = { queue: "q", delayMs: 5 };
    publisher.publish(event, toQueue);
    const both = { queue: "q", topic: "audit" };
    // @ts-expect-error a topic or a queue
    publisher.publish(event, both);
    const either = (queue: boolean): PublishOptions => queue ? { queue: "q" } : { topic: "t" };
    publisher.publish(event, either(true));
  },
);

compiles<Host>(
  "SynchronousEventBus hands typed events to handlers, and publishes at once",
  ({ bus }) => {
    bus.subscribe(Order, ({ data }) => same<Same<typeof data.total, number>>());
    bus.subscribe({ listensTo: [Order, Ping], process: (event) => void event.data });
    same<Same<ReturnType<typeof bus.publish>, void>>();
    const onOrder = (event: EventOf<typeof Order>) => void event;
    // @ts-expect-error too narrow for what it listens to
    bus.subscribe({ listensTo: [Order, Ping], process: onOrder });
    // @ts-expect-error it wants another event
    bus.subscribe(Ping, onOrder);
    // @ts-expect-error data is no event
    bus.publish({ at: 1 });
    // @ts-expect-error a destination is for those who send
    bus.publish(event, { topic: "t" });
  },
);

compiles<Host>("what others may write serializers, stores and middleware", async ({ store }) => {
  const csv: Serializer = { id: 7, serialize: String, deserialize: (text) => text.split(",") };
  new SerializerRegistry({ byType: { Row: csv } });
  // @ts-expect-error an id is a number
  const unnamed: Serializer = { ...csv, id: "csv" };
  // @ts-expect-error text comes out
  const bytes: Serializer = { ...csv, serialize: () => new Uint8Array(1) };
  const claim: Claim = await store.claim("k", 1_000);
  // @ts-expect-error only a claim that was made has a token
  claim.token;
  if (claim.status === "claimed") same<Same<typeof claim.token, string>>();
  const all: Middleware[] = [
    correlation(),
    retry({ attempts: 5 }),
    timeout({ ms: 5_000 }),
    throttle({ limit: 50 }),
    circuitBreaker({ failures: 3 }),
  ];
  // @ts-expect-error a time is required
  timeout({});
  // @ts-expect-error a limit is required
  throttle({ intervalMs: 5 });
  // @ts-expect-error a middleware returns a handler
  const broken: Middleware = (next) => next({} as never, {} as never);
  void [unnamed, bytes, all, broken];
});
