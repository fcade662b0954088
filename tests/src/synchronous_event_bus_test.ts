import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import * as v from "valibot";
import { MelangeError } from "../../src/support/errors.ts";
import { defineEvent, type Event, typed } from "../../src/event/event.ts";
import type { HandlerContext } from "../../src/handle/handler.ts";
import { SynchronousEventBus } from "../../src/synchronous_event_bus.ts";
import { SerializerRegistry } from "../../src/wire/serializer_registry.ts";

const Ping = defineEvent("Ping", { schema: typed<{ at: number }>() });
const Order = defineEvent("Order", {
  schema: v.object({ id: v.string(), lines: v.array(v.object({ price: v.number() })) }),
});

describe("SynchronousEventBus", () => {
  it("publish() returns when every subscriber to the type has run, in their order", () => {
    const bus = new SynchronousEventBus();
    const seen: string[] = [];
    bus.subscribe(Ping, () => void seen.push("first"));
    bus.subscribe(Order, () => void seen.push("other"));
    bus.subscribe({ listensTo: [Order, Ping], process: () => void seen.push("object") });
    bus.subscribeAll(() => void seen.push("all"));
    assertStrictEquals(bus.publish(Ping({ at: 1 })), undefined);
    assertEquals(seen, ["first", "object", "all"]);
  });

  it("publish() to nobody does nothing", () => {
    new SynchronousEventBus().publish(Ping({ at: 1 }));
  });

  it("subscribe() returns the function that unsubscribes", () => {
    const bus = new SynchronousEventBus();
    const seen: string[] = [];
    const offs = [
      bus.subscribe(Ping, () => void seen.push("a")),
      bus.subscribe({ listensTo: Ping, process: () => void seen.push("b") }),
      bus.subscribeAll(() => void seen.push("c")),
    ];
    offs.forEach((off) => off());
    bus.publish(Ping({ at: 1 }));
    assertEquals(seen, []);
  });

  it("hands the event over by reference, also where a validator makes a copy that says the same", () => {
    const bus = new SynchronousEventBus();
    const seen: Event[] = [];
    bus.subscribeAll((event) => void seen.push(event));
    const events = [Ping({ at: 1 }), Order({ id: "o", lines: [{ price: 1 }] })];
    for (const event of events) bus.publish(event);
    seen.forEach((event, index) => assertStrictEquals(event, events[index]));
    seen.forEach((event, index) => assertStrictEquals(event.data, events[index]!.data));
  });

  it("hands over what a schema makes of the data where only its class is another", () => {
    class Money {
      readonly amount: number;
      constructor(amount: number) {
        this.amount = amount;
      }
    }
    const bus = new SynchronousEventBus();
    const seen: unknown[] = [];
    bus.subscribeAll(({ data }) => void seen.push(data));
    const money = v.pipe(
      v.object({ amount: v.number() }),
      v.transform(({ amount }) => new Money(amount)),
    );
    bus.publish(defineEvent("Paid", { schema: money })({ amount: 1 }));
    const list = v.pipe(v.object({}), v.transform((): unknown => []));
    bus.publish(defineEvent("Listed", { schema: list })({}));
    assert(seen[0] instanceof Money);
    assertEquals(seen[1], []);
  });

  it("hands over what a schema makes of an object whose facts are no properties", () => {
    const Due = { id: 7, serialize: () => "0", deserialize: () => new Date(0) };
    const serializers = new SerializerRegistry({ byType: { Due } });
    const bus = new SynchronousEventBus({ serializers });
    const seen: unknown[] = [];
    bus.subscribeAll(({ data }) => void seen.push(data));
    const later = v.pipe(v.date(), v.transform((date) => new Date(date.getTime() + 1)));
    bus.publish(defineEvent("Due", { schema: later })(new Date(0)));
    assertEquals(seen, [new Date(1)]);
  });

  it("hands over the output of a schema that changes the data, with all other facts", () => {
    const Measured = defineEvent("Measured", {
      schema: v.object({
        value: v.pipe(v.string(), v.transform(Number)),
        unit: v.optional(v.string(), "m"),
      }),
    });
    const bus = new SynchronousEventBus();
    const seen: unknown[] = [];
    bus.subscribe(Measured, ({ data, id }) => void seen.push([data, id]));
    const event = Measured({ value: "5" }, { id: "e-1" });
    bus.publish(event);
    assertEquals(seen, [[{ value: 5, unit: "m" }, "e-1"]]);
    assertEquals(event.data, { value: "5" });
  });

  it("publish() throws INVALID_EVENT with the path, never the value, and nobody has run", () => {
    const bus = new SynchronousEventBus();
    let ran = false;
    bus.subscribe(Order, () => void (ran = true));
    const bad = Order({ id: "o", lines: [{ price: "s3cret" as unknown as number }] });
    const error = assertThrows(() => bus.publish(bad), MelangeError, "lines.0.price");
    assertEquals([(error as MelangeError).code, error.cause, ran], [
      "INVALID_EVENT",
      undefined,
      false,
    ]);
    assert(!`${error.stack}`.includes("s3cret"));
  });

  it("publish() throws what one handler threw, when the others have run", () => {
    const bus = new SynchronousEventBus();
    const boom = new Error("boom");
    let ran = 0;
    bus.subscribe(Ping, () => {
      throw boom;
    });
    bus.subscribe(Ping, () => void ran++);
    assertStrictEquals(assertThrows(() => bus.publish(Ping({ at: 1 }))), boom);
    assertEquals(ran, 1);
  });

  it("publish() throws an AggregateError of what several handlers threw", () => {
    const bus = new SynchronousEventBus();
    for (const text of ["a", "b"]) {
      bus.subscribe(Ping, () => {
        throw new Error(text);
      });
    }
    const error = assertThrows(() => bus.publish(Ping({ at: 1 })), AggregateError, "2 handlers");
    assertEquals((error as AggregateError).errors.map(({ message }) => message), ["a", "b"]);
  });

  it("publish() refuses a handler that returns a promise, and reports it nowhere else", async () => {
    const bus = new SynchronousEventBus();
    let ran = 0;
    bus.subscribe(Ping, () => Promise.reject(new Error("late")));
    bus.subscribe(Ping, () => ({ then() {} }) as unknown as Promise<void>);
    bus.subscribe(Ping, () => void ran++);
    const error = assertThrows(() => bus.publish(Ping({ at: 1 })), AggregateError);
    for (const each of (error as AggregateError).errors) {
      assert(each instanceof TypeError);
      assert(each.message.includes("EventBus on MemoryBackend"));
    }
    assertEquals(ran, 1);
    await new Promise((resolve) => setTimeout(resolve, 0));
  });

  it("publish() refuses a schema that returns a promise, and nobody has run", () => {
    const Slow = defineEvent("Slow", {
      schema: v.pipeAsync(v.string(), v.checkAsync(() => Promise.resolve(true))),
    });
    const bus = new SynchronousEventBus();
    let ran = false;
    bus.subscribe(Slow, () => void (ran = true));
    assertThrows(() => bus.publish(Slow("a")), TypeError, 'schema of "Slow"');
    assertEquals(ran, false);
  });

  it("lets a handler publish, subscribe and unsubscribe", () => {
    const bus = new SynchronousEventBus();
    const seen: string[] = [];
    const off = bus.subscribe(Ping, ({ data }) => {
      seen.push(`ping ${data.at}`);
      off();
      bus.subscribe(Ping, ({ data }) => void seen.push(`late ${data.at}`));
      bus.publish(Ping({ at: 2 }));
    });
    bus.publish(Ping({ at: 1 }));
    assertEquals(seen, ["ping 1", "late 2"]);
  });

  it("asks anew who listens after each change, also one made after a publish", () => {
    const bus = new SynchronousEventBus();
    const seen: string[] = [];
    bus.publish(Ping({ at: 0 }));
    const offs = [
      bus.subscribe(Ping, () => void seen.push("type")),
      bus.subscribeAll(() => void seen.push("all")),
    ];
    bus.publish(Ping({ at: 1 }));
    assertEquals(seen, ["type", "all"]);
    for (const off of offs) {
      off();
      bus.publish(Ping({ at: 2 }));
    }
    assertEquals(seen, ["type", "all", "all"]);
  });

  it("gives each handler a context of its own, whose facts stay the same", () => {
    const bus = new SynchronousEventBus();
    const contexts: HandlerContext[] = [];
    bus.subscribe(Ping, (_, context) => void contexts.push(context));
    bus.subscribeAll((_, context) => void contexts.push(context));
    const before = Date.now();
    bus.publish(Ping({ at: 1 }));
    const [first, second] = contexts as [HandlerContext, HandlerContext];
    assert(first.signal !== second.signal && first.message !== second.message);
    assertStrictEquals(first.signal, first.signal);
    assertStrictEquals(first.receivedAt, first.receivedAt);
    assert(first.receivedAt.getTime() >= before && !first.signal.aborted);
  });

  it("gives handlers a context as on every host, with no lock to extend", async () => {
    const bus = new SynchronousEventBus();
    let extended: Promise<void> | undefined;
    bus.subscribe(Ping, (event, { attempt, message, signal, extend }) => {
      assertEquals([attempt, message.id, signal.aborted], [1, event.id, false]);
      extended = extend(5).catch((error) => assertEquals(error.code, "UNSUPPORTED"));
    });
    bus.publish(Ping({ at: 1 }));
    await extended;
  });
});
