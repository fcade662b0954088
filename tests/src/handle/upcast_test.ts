import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  type AnyEventType,
  defineEvent,
  type DefineEventOptions,
  type Event,
  typed,
} from "../../../src/event/event.ts";
import type { Schema } from "../../../src/event/schema.ts";
import { dispatch } from "../../../src/handle/dispatch.ts";
import { Dispatcher, type DispatcherOptions } from "../../../src/handle/dispatcher.ts";
import { encode } from "../../../src/wire/format.ts";
import type { ReceivedMessage } from "../../../src/wire/message.ts";
import { jsonOnly } from "../../../src/wire/serializer.ts";
import { recordingLogger } from "../../fakes/world.ts";

interface Order {
  readonly orderId: string;
  readonly cents: number;
  readonly currency: string;
}

const OrderPlaced = defineEvent("OrderPlaced", {
  version: 3,
  schema: typed<Order>(),
  upcast: {
    1: (data: { id: string; total: number }) => ({ orderId: data.id, total: data.total }),
    2: (data: { orderId: string; total: number }) => ({
      orderId: data.orderId,
      cents: data.total * 100,
      currency: "EUR",
    }),
  },
});
const DATA = { orderId: "o-1", cents: 4200, currency: "EUR" };

function message(data: unknown, v?: number, manifest = "OrderPlaced"): ReceivedMessage {
  const melange = JSON.stringify({ id: "e-1", on: "2026-01-01T00:00:00Z", v });
  const attributes = { manifest, serializer_id: 1, melange };
  return { id: "m-1", body: JSON.stringify(data), attributes, sentAt: new Date(0), attempt: 1 };
}

async function handled(
  received: ReceivedMessage,
  { types = [OrderPlaced], ...options }: DispatcherOptions & {
    types?: readonly AnyEventType[];
  } = {},
) {
  const log = recordingLogger();
  const dispatcher = new Dispatcher({ logger: log, ...options });
  const events: Event[] = [];
  for (const type of types) dispatcher.subscribe(type, (event) => void events.push(event));
  const { outcome } = await dispatch(dispatcher, received, { queue: "q" });
  const text = JSON.stringify(log.lines);
  assert(!text.includes("s3cret"), text);
  return { events, outcome, log: text, lines: log.lines };
}

describe("defineEvent() with upcasts", () => {
  const step = (data: unknown) => data;
  const define = (version: number | undefined, upcast: unknown) =>
    defineEvent("X", { schema: typed(), version, upcast } as DefineEventOptions<Schema>);

  it("takes functions that lead to the version, from any version on", () => {
    for (
      const [version, upcast] of [[3, { 1: step, 2: step }], [5, { 4: step }], [1, {}]] as const
    ) {
      assertEquals(define(version, upcast).upcast, upcast);
    }
    assertEquals("upcast" in define(1, undefined), false);
  });

  const wrong: [string, number | undefined, unknown, string][] = [
    ["a gap at the end", 3, { 1: step }, "lead to 2, and not on to 3"],
    ["a gap in the middle", 5, { 1: step, 2: step, 4: step }, "lead to 3, and not on to 4"],
    ["a circle", 3, { 2: step, 3: step }, "lead to 4, and not on to 3"],
    ["a later version", 3, { 1: step, 2: step, 7: step }, "lead to 3, and not on to 7"],
    ["half a version", 2, { 1: step, 1.5: step }, "lead to 2, and not on to 1.5"],
    ["a word", 2, { 1: step, first: step }, "lead to 2, and not on to first"],
    ["only a word", 2, { first: step }, "and not on to first"],
    ["no version of its own", undefined, { 1: step }, "lead to 2, and not on to undefined"],
  ];
  for (const [what, version, upcast, text] of wrong) {
    it(`refuses ${what}`, () => {
      const error = assertThrows(() => define(version, upcast), TypeError, text);
      assertStringIncludes(error.message, 'Cannot define the event "X"');
    });
  }
});

describe("a message of an older version", () => {
  it("is brought up to date step by step, before the schema sees it", async () => {
    const old: [unknown, number | undefined][] = [
      [{ id: "o-1", total: 42 }, 1],
      [{ id: "o-1", total: 42 }, undefined],
      [{ orderId: "o-1", total: 42 }, 2],
      [DATA, 3],
    ];
    for (const [data, version] of old) {
      const { events, outcome } = await handled(message(data, version));
      assertEquals(outcome, "acknowledge");
      assertEquals(events.map(({ data, version }) => [data, version]), [[DATA, 3]]);
    }
  });

  it("is as new as its CloudEvent says", async () => {
    const cloudEvent = {
      specversion: "1.0",
      id: "1",
      source: "/s",
      type: "OrderPlaced",
      version: 2,
    };
    const body = JSON.stringify({ ...cloudEvent, data: { orderId: "o-1", total: 42 } });
    const { events } = await handled({ ...message(1), body, attributes: {} });
    assertEquals(events.map(({ data }) => data), [DATA]);
  });

  it("carries the version that its event type has", () => {
    const options = { format: "plain", serializers: jsonOnly, toQueue: true } as const;
    const { attributes } = encode(OrderPlaced(DATA), options);
    assertEquals(JSON.parse(attributes.melange as string).v, 3);
  });

  it("is read by each subscriber in its own version", async () => {
    const Second = defineEvent("OrderPlaced", { version: 2, schema: typed<unknown>() });
    const { events } = await handled(message({ orderId: "o-1", total: 42 }, 2), {
      types: [OrderPlaced, Second],
    });
    assertEquals(events.map(({ version }) => version), [3, 2]);
  });

  it("goes to the schema as it is where no upcasts are given", async () => {
    const Plain = defineEvent("OrderPlaced", { version: 3, schema: typed<unknown>() });
    const { events } = await handled(message({ n: 1 }, 1), { types: [Plain] });
    assertEquals(events.map(({ data, version }) => [data, version]), [[{ n: 1 }, 1]]);
  });

  it("counts as new where another system wrote it", async () => {
    const foreign = { ...message(DATA), attributes: {} };
    for (const options of [{ defaultEvent: OrderPlaced }, { typeOf: () => "OrderPlaced" }]) {
      const { events } = await handled(foreign, options);
      assertEquals(events.map(({ data, version }) => [data, version]), [[DATA, 3]]);
    }
  });

  it("is undecodable before the first upcast", async () => {
    const Late = defineEvent("OrderPlaced", {
      version: 3,
      schema: typed<unknown>(),
      upcast: { 2: (data) => data },
    });
    for (const version of [undefined, 1, 0, -1, 1.5]) {
      const { events, outcome, log } = await handled(message("s3cret", version), { types: [Late] });
      assertEquals([events, outcome], [[], "deadLetter"]);
      assertStringIncludes(
        log,
        `no upcast of \\"OrderPlaced\\" leads on from version ${version ?? 1}`,
      );
    }
  });
});

describe("a message that cannot be brought up to date", () => {
  it("of a newer version is undecodable, with both numbers", async () => {
    const Plain = defineEvent("OrderPlaced", { version: 3, schema: typed<unknown>() });
    for (const types of [[OrderPlaced], [Plain]]) {
      const { events, outcome, log } = await handled(message({ s3cret: 1 }, 4), { types });
      assertEquals([events, outcome], [[], "deadLetter"]);
      assertStringIncludes(log, 'its version 4 of \\"OrderPlaced\\" is newer than 3');
    }
    const retried = await handled(message(1, 1e300), { onUndecodable: "retry" });
    assertEquals(retried.outcome, "retry");
  });

  it("is an error for itself alone, reported once and with no text of it", async () => {
    const failing: [unknown, string][] = [
      [() => {
        throw new Error("s3cret");
      }, "from version 1 threw"],
      [(data: { deep: { s3cret: { x: 1 } } }) => data.deep.s3cret.x, "from version 1 threw"],
      [() => Promise.reject(new Error("s3cret")), "from version 1 returned a promise"],
    ];
    for (const [upcast, reason] of failing) {
      const Failing = defineEvent("OrderPlaced", {
        version: 2,
        schema: typed<unknown>(),
        upcast: { 1: upcast as () => unknown },
      });
      const types = [Failing, Failing];
      const { events, outcome, lines, log } = await handled(message({ s3cret: 1 }, 1), { types });
      assertEquals([events, outcome, lines.length], [[], "deadLetter", 1]);
      assertStringIncludes(log, reason);
    }
  });
});
