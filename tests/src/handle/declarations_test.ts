import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Dispatcher } from "../../../src/handle/dispatcher.ts";
import { defineEvent, typed } from "../../../src/event/event.ts";
import { declarationFor, subscriptionsFor } from "../../../src/handle/declarations.ts";

const schema = typed<unknown>();
const Placed = defineEvent("Placed", { topic: "orders", schema });
const Paid = defineEvent("Paid", { topic: "orders", schema });
const Shipped = defineEvent("Shipped", { topic: "shipping", schema });
const Local = defineEvent("Local", { schema });

function listening(...types: typeof Placed[]) {
  const dispatcher = new Dispatcher();
  for (const type of types) dispatcher.subscribe(type, () => {});
  return dispatcher;
}

describe("subscriptionsFor()", () => {
  it("is nothing where nobody listens", () => {
    assertEquals(subscriptionsFor(new Dispatcher(), "plain"), []);
  });

  it("is one subscription per topic, filtered by the types of its handlers", () => {
    const dispatcher = new Dispatcher();
    dispatcher.subscribe({ listensTo: [Placed, Shipped], process() {} });
    dispatcher.subscribe(Paid, () => {});
    dispatcher.subscribe(Placed, () => {});
    assertEquals(subscriptionsFor(dispatcher, "plain"), [
      { topic: "orders", events: ["Placed", "Paid"] },
      { topic: "shipping", events: ["Shipped"] },
    ]);
  });

  it("leaves types without a topic out", () => {
    const dispatcher = new Dispatcher();
    dispatcher.subscribe(Local, () => {});
    assertEquals(subscriptionsFor(dispatcher, "plain"), []);
  });

  it("filters nothing where somebody takes everything", () => {
    const dispatcher = listening(Placed);
    dispatcher.subscribeAll(() => {});
    assertEquals(subscriptionsFor(dispatcher, "plain"), [{ topic: "orders" }]);
  });

  it("forgets a type when its last subscriber is removed", () => {
    const dispatcher = new Dispatcher();
    const off = dispatcher.subscribe(Placed, () => {});
    off();
    assertEquals(subscriptionsFor(dispatcher, "plain"), []);
  });

  it("asks for the envelope where the format needs it", () => {
    const [subscription] = subscriptionsFor(listening(Placed), "melange");
    assertEquals(subscription, { topic: "orders", events: ["Placed"], raw: false });
    assertEquals(subscriptionsFor(listening(Placed), "cloudevents")[0]?.raw, undefined);
  });
});

describe("declarationFor()", () => {
  it("adds what the handlers need to what the caller asks for", () => {
    const options = { deadLetterQueue: "dead", subscribeTo: ["audit"] };
    assertEquals(declarationFor(listening(Placed), options, "plain"), {
      deadLetterQueue: "dead",
      subscribeTo: ["audit", { topic: "orders", events: ["Placed"] }],
    });
  });

  it("leaves a topic alone that the caller subscribes to", () => {
    const byName = { subscribeTo: ["orders"] };
    assertEquals(declarationFor(listening(Placed), byName, "plain"), byName);
    const filtered = { subscribeTo: [{ topic: "orders", filter: { tenant: ["a"] } }] };
    assertEquals(declarationFor(listening(Placed), filtered, "plain"), filtered);
  });
});
