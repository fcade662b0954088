import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { MemoryBackend } from "../../../backends/memory/mod.ts";
import { VirtualClock } from "../../../backends/memory/testing.ts";
import { binaryCloudEvents } from "../../../src/wire/binary_cloud_events.ts";
import type { OutgoingMessage } from "../../../src/wire/message.ts";
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

  it("lets messages without a type through to a dispatcher that names them", async () => {
    const clock = new VirtualClock();
    const backend = new MemoryBackend({ clock });
    for (const options of [{ typeOf: () => "Placed" }, { defaultEvent: Placed }]) {
      const dispatcher = new Dispatcher(options);
      dispatcher.subscribe(Placed, () => {});
      const subscribeTo = subscriptionsFor(dispatcher, "plain");
      await backend.declareQueue("billing", { subscribeTo });
      const sent = [{}, { manifest: "Placed" }, { manifest: "json" }, { manifest: "Paid" }];
      const messages = sent.map((attributes) => ({ body: "1", attributes }));
      await backend.send({ topic: "orders" }, messages);
      const receiving = { max: 10, waitMs: 0, visibilityMs: 1_000 };
      const received = await backend.receive("billing", receiving);
      assertEquals(received.map(({ message }) => message.attributes.manifest), [
        undefined,
        "Placed",
        "json",
      ]);
      await backend.deleteQueue("billing");
    }
  });

  it("is not raw beside Python's Melange, also in a format that changes that one", () => {
    const format = { base: "melange", write: (message: OutgoingMessage) => message } as const;
    for (const each of ["melange", format] as const) {
      assertEquals(subscriptionsFor(listening(Placed), each)[0]?.raw, false);
    }
    assertEquals(subscriptionsFor(listening(Placed), binaryCloudEvents())[0]?.raw, undefined);
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
