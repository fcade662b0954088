import { assertEquals, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { HandlerContext } from "../../../../src/handle/handler.ts";
import { defineEvent, type Event, eventTypeOf, typed } from "../../../../src/event/event.ts";
import { correlation } from "../../../../src/handle/middleware/correlation.ts";
import { type EventPublisher, MessagePublisher } from "../../../../src/publish/publisher.ts";
import { contextOf } from "../../../fakes/context.ts";
import { fakeSender } from "../../../fakes/sender.ts";

const Cause = defineEvent("Cause", { schema: typed<number>() });
const Effect = defineEvent("Effect", { topic: "effects", schema: typed<number>() });

/** What a handler with this cause publishes. */
async function effectsOf(cause: Event, publish: (publisher: EventPublisher) => Promise<unknown>) {
  const backend = fakeSender();
  const publisher = new MessagePublisher({ backend });
  await correlation()((_, context) => publish(context.publisher!).then(() => {}))(
    cause,
    contextOf({ publisher }),
  );
  const packed = backend.calls.map(({ messages }) =>
    messages.map(({ attributes }) => JSON.parse(`${attributes.melange}`))
  );
  return { backend, packed };
}

describe("correlation()", () => {
  it("names the cause, whose id starts a story", async () => {
    const { packed } = await effectsOf(
      Cause(1, { id: "c-1" }),
      (publisher) => publisher.publish(Effect(1)),
    );
    const [first] = packed[0]!;
    assertEquals([first.correlationId, first.causationId], ["c-1", "c-1"]);
  });

  it("goes on with the story of the cause", async () => {
    const { packed } = await effectsOf(
      Cause(1, { id: "c-2", correlationId: "c-1", causationId: "c-1" }),
      (publisher) => publisher.publish(Effect(1, { id: "e-1" }), { topic: "other" }),
    );
    const [first] = packed[0]!;
    assertEquals([first.id, first.correlationId, first.causationId], ["e-1", "c-1", "c-2"]);
  });

  it("marks all of many, entries with options too, in as few requests as without it", async () => {
    const { backend, packed } = await effectsOf(
      Cause(1, { id: "c-1" }),
      (publisher) =>
        publisher.publishAll([
          ...Array.from({ length: 8 }, (_, n) => Effect(n)),
          { event: Effect(8), attributes: { tenant: "a" } },
        ]),
    );
    assertEquals(backend.sent, [[0, 1, 2, 3, 4, 5, 6, 7, 8]]);
    assertEquals(packed[0]!.every(({ causationId }) => causationId === "c-1"), true);
    assertEquals(backend.calls[0]!.messages[8]!.attributes.tenant, "a");
  });

  it("marks what an asynchronous source yields", async () => {
    async function* source() {
      yield await Promise.resolve(Effect(1));
      yield { event: Effect(2) };
    }
    const { packed } = await effectsOf(
      Cause(1, { id: "c-1" }),
      (publisher) => publisher.publishAll(source()),
    );
    assertEquals(packed.flat().map(({ causationId }) => causationId), ["c-1", "c-1"]);
  });

  it("reports what is no event, and no other", async () => {
    const codes: string[] = [];
    await effectsOf(Cause(1), async (publisher) => {
      const results = await publisher.publishAll([Effect(1), null as never, 5 as never]);
      for (const result of results) codes.push(result.ok ? "ok" : result.error.code);
    });
    assertEquals(codes, ["ok", "INVALID_EVENT", "INVALID_EVENT"]);
  });

  it("leaves the caller's event as it is, and the copy of its type", async () => {
    const event = Effect(1);
    const seen: Event[] = [];
    const publisher: EventPublisher = {
      publish: (event) => {
        seen.push(event);
        return Promise.resolve({ messageId: "m" });
      },
      publishAll: () => Promise.resolve([]),
    };
    await correlation()((_, context) => context.publisher!.publish(event).then(() => {}))(
      Cause(1),
      contextOf({ publisher }),
    );
    assertEquals("causationId" in event, false);
    assertStrictEquals(eventTypeOf(seen[0]!), eventTypeOf(event));
  });

  it("changes nothing where there is no publisher", async () => {
    const context = contextOf();
    let given: HandlerContext | undefined;
    await correlation()((_, context) => void (given = context))(Cause(1), context);
    assertStrictEquals(given, context);
  });
});
