import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { MemoryDeduplicationStore } from "../../../src/handle/deduplication/store.ts";
import { Dispatcher, type DispatcherOptions } from "../../../src/handle/dispatcher.ts";
import { defineEvent, typed } from "../../../src/event/event.ts";
import { Job } from "../../fakes/world.ts";

const Order = defineEvent("Order", { schema: typed<{ total: number }>() });

describe("new Dispatcher(), subscribe()", () => {
  it("refuse what cannot work", () => {
    const create = (options: object) => () => new Dispatcher(options);
    assertThrows(create({ middleware: ["retry"] }), TypeError, "middleware must be functions");
    assertThrows(create({ deduplication: {} }), TypeError, "pass { store }");
    for (const wrong of [undefined, null, "Job", 5]) {
      assertThrows(() => new Dispatcher().subscribe(wrong as never), TypeError, "defineEvent()");
    }
    const broken = new Dispatcher({ middleware: [() => undefined as never] });
    assertThrows(() => broken.subscribe(Job, () => {}), TypeError, "must return a function");
  });
});

describe("Dispatcher", () => {
  it("refuses options that make no sense", () => {
    const wrong = { onUnknown: "ignore" } as unknown as DispatcherOptions;
    assertThrows(() => new Dispatcher(wrong), TypeError, "current value is ignore");
    for (const value of [0, -1, NaN]) {
      assertThrows(() => new Dispatcher({ maxAttempts: value }), RangeError, `${value}`);
      assertThrows(() => new Dispatcher({ handlerTimeoutMs: value }), RangeError, `${value}`);
    }
  });

  it("refuses subscribers that make no sense", () => {
    const dispatcher = new Dispatcher();
    const name = "bill";
    dispatcher.subscribe(Job, () => {}, { name });
    assertThrows(() => dispatcher.subscribe(Job, () => {}, { name }), TypeError, "taken");
    assertThrows(() => dispatcher.subscribeAll(() => {}, { name }), TypeError, "taken");
    assertThrows(() => dispatcher.subscribe(Job, undefined as never), TypeError, "function");
    assertThrows(() => dispatcher.subscribe({ listensTo: [], process() {} }), TypeError, "types");
    assertThrows(
      () => dispatcher.subscribe({ listensTo: ["Job"] as never, process() {} }),
      TypeError,
      "defineEvent",
    );
  });

  it("needs names where de-duplication is on", () => {
    const deduplication = { store: new MemoryDeduplicationStore() };
    const dispatcher = new Dispatcher({ deduplication });
    assertThrows(() => dispatcher.subscribe(Job, () => {}), TypeError, "name");
    assertThrows(() => dispatcher.subscribeAll(() => {}), TypeError, "name");
    dispatcher.subscribe(Job, () => {}, { name: "a" });
  });

  it("knows the types and who takes them, until they unsubscribe", () => {
    const dispatcher = new Dispatcher();
    const off = dispatcher.subscribe({ name: "a", listensTo: [Job, Order], process() {} });
    dispatcher.subscribe(Job, () => {}, { name: "b" });
    assertEquals(dispatcher.eventTypes.map(({ type }) => type), ["Job", "Order"]);
    assertEquals(dispatcher.subscriptionsTo("Job").map(({ name }) => name), ["a", "b"]);
    assert(!dispatcher.takesEverything);
    off();
    off();
    assertEquals(dispatcher.eventTypes.map(({ type }) => type), ["Job"]);
    assertEquals(dispatcher.subscriptionsTo("Order"), []);
    dispatcher.subscribeAll(() => {}, { name: "c" });
    assert(dispatcher.takesEverything);
    assertEquals(dispatcher.subscriptionsTo("Order").map(({ name }) => name), ["c"]);
    dispatcher.subscribe(Order, () => {}, { name: "a" });
  });

  it("names the subscriber that makes no sense, if it has a name", () => {
    const dispatcher = new Dispatcher();
    const named = () => dispatcher.subscribe(Job, undefined as never, { name: "bill" });
    assertThrows(named, TypeError, 'the subscriber "bill"');
    assertThrows(() => dispatcher.subscribe(Job, undefined as never), TypeError, "a subscriber as");
  });

  it("refuses a middleware that is no function, also beside one that is", () => {
    const middleware = [(next: unknown) => next, "log"] as never;
    assertThrows(() => new Dispatcher({ middleware }), TypeError, "middleware must be functions");
  });
});
