import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import * as v from "valibot";
import {
  defineEvent,
  type EventOverrides,
  eventTypeOf,
  linked,
  typed,
} from "../../../src/event/event.ts";

const OrderPlaced = defineEvent("OrderPlaced", {
  topic: "orders",
  schema: v.object({ orderId: v.string(), total: v.number() }),
  group: (data) => data.orderId,
  version: 2,
});
const Ping = defineEvent("Ping", { schema: typed<{ at: number }>() });
const data = { orderId: "o-1", total: 42 };

describe("defineEvent()", () => {
  it("returns a type that tells what it was given", () => {
    assertEquals([OrderPlaced.type, OrderPlaced.topic, OrderPlaced.version, OrderPlaced.name], [
      "OrderPlaced",
      "orders",
      2,
      "OrderPlaced",
    ]);
    assertEquals(OrderPlaced.group?.(data), "o-1");
  });

  it("returns a type without the facts that it was not given", () => {
    assertEquals(["topic" in Ping, "group" in Ping, "version" in Ping], [false, false, false]);
  });

  it("creates events with an id and a time of their own", () => {
    const before = Date.now();
    const [event, other] = [OrderPlaced(data), OrderPlaced(data)];
    assertEquals({ ...event, id: "", occurredOn: 0 }, {
      type: "OrderPlaced",
      topic: "orders",
      data,
      id: "",
      occurredOn: 0,
      version: 2,
    });
    assertMatch(event.id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assertNotEquals(event.id, other.id);
    assert(event.occurredOn.getTime() >= before && event.occurredOn.getTime() <= Date.now());
  });

  it("creates events with what the caller overrides", () => {
    const overrides = {
      id: "e-1",
      occurredOn: new Date(5),
      topic: "audit",
      correlationId: "c-1",
      causationId: "e-0",
    };
    assertEquals(OrderPlaced(data, overrides), {
      type: "OrderPlaced",
      data,
      version: 2,
      ...overrides,
    });
  });

  it("keeps the default of an override that is undefined", () => {
    const event = OrderPlaced(data, {
      id: undefined,
      occurredOn: undefined,
      topic: undefined,
      correlationId: undefined,
    } as unknown as EventOverrides);
    assertEquals([event.topic, typeof event.id], ["orders", "string"]);
    assert(event.occurredOn instanceof Date);
    assertEquals("correlationId" in event, false);
  });

  it("lets nothing but the overrides that there are replace what an event is", () => {
    const event = OrderPlaced(data, { type: "Other", data: {}, version: 9 } as EventOverrides);
    assertEquals([event.type, event.data, event.version], ["OrderPlaced", data, 2]);
  });

  it("keeps the data as it is, unchecked", () => {
    const wrong = { orderId: 1 } as unknown as typeof data;
    assertStrictEquals(OrderPlaced(wrong).data, wrong);
  });

  it("takes hostile data for data", () => {
    const hostile = JSON.parse(`{ "__proto__": { "admin": true }, "constructor": 1 }`);
    const event = Ping(hostile);
    assertStrictEquals(event.data, hostile);
    assertEquals("admin" in event, false);
    assertEquals(Object.getPrototypeOf(event), Object.prototype);
  });

  it("takes names that objects have anyway", () => {
    for (const name of ["__proto__", "constructor", "toString", "name", "length"]) {
      const type = defineEvent(name, { schema: typed<null>() });
      assertEquals([type.type, type.name, type(null).type], [name, name, name]);
    }
  });

  it("refuses an empty name and what is no schema", () => {
    const schema = typed<null>();
    assertThrows(() => defineEvent("", { schema }), TypeError, "name");
    assertThrows(() => defineEvent(5 as unknown as string, { schema }), TypeError, "name");
    for (const options of [undefined, null, {}, { schema: {} }, { schema: { "~standard": 1 } }]) {
      assertThrows(() => defineEvent("A", options as never), TypeError, "Standard Schema");
    }
  });

  it("takes a schema that is a function, as those of arktype are", () => {
    const schema = Object.assign(() => {}, typed<number>());
    assertEquals(defineEvent("A", { schema })(1).data, 1);
  });
});

describe("is()", () => {
  it("tells by the name, also of events put together by hand", () => {
    const byHand = { type: "OrderPlaced", data, id: "1", occurredOn: new Date() };
    assertEquals([OrderPlaced(data), byHand, Ping({ at: 1 })].map(OrderPlaced.is), [
      true,
      true,
      false,
    ]);
  });
});

describe("typed()", () => {
  it("lets everything pass as it is", () => {
    const value = { any: "thing" };
    assertEquals(typed<unknown>()["~standard"].validate(value), { value });
  });
});

describe("eventTypeOf()", () => {
  it("is the type that created the event", () => {
    assertStrictEquals(eventTypeOf(OrderPlaced(data)), OrderPlaced);
  });

  it("is undefined for copies and events put together by hand", () => {
    assertEquals(eventTypeOf({ ...OrderPlaced(data) }), undefined);
    assertEquals(eventTypeOf({ type: "A", data, id: "1", occurredOn: new Date() }), undefined);
  });

  it("is the type named by linked(), which does not show", () => {
    const event = { type: "A", data, id: "1", occurredOn: new Date(0) };
    const expected = JSON.stringify(event);
    assertStrictEquals(linked(Ping, event), event);
    assertStrictEquals(eventTypeOf(event), Ping);
    assertEquals(Object.keys(event), ["type", "data", "id", "occurredOn"]);
    assertEquals(JSON.stringify(event), expected);
  });
});
