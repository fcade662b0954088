import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { defineEvent, typed } from "../../../../src/event/event.ts";
import { anySerializer } from "../../../../src/wire/serializers/any.ts";
import { SerializerRegistry } from "../../../../src/wire/serializer_registry.ts";
import { createWorld } from "../../../fakes/world.ts";
import { MessagePublisher } from "../../../../src/publish/publisher.ts";

const serializer = anySerializer();

/** What a reader gets of a value. */
function carried<T>(value: T, { serialize, deserialize } = serializer): T {
  return deserialize(serialize(value, "Any") as string, "Any") as T;
}

const VALUES: [what: string, value: unknown][] = [
  ["undefined", undefined],
  ["NaN", NaN],
  ["infinite numbers", [Infinity, -Infinity]],
  ["text", "ü\u{1F600}\n<script>"],
  ["JSON", { a: [1, null, true, { b: "c" }] }],
  ["fields that are undefined", { a: undefined, b: [undefined] }],
  ["a date", new Date(5)],
  ["big integers", [0n, -1n, 10n ** 30n]],
  ["a map of maps", new Map<unknown, unknown>([[{ k: 1 }, new Map([["a", 1n]])], [NaN, null]])],
  ["a set", new Set([1, "1", undefined])],
  ["bytes", new Uint8Array([0, 127, 255])],
  ["numbers of eight bytes", new Float64Array([1.5, -0, Infinity])],
  ["big integers of eight bytes", new BigInt64Array([-1n, 2n ** 62n])],
  ["a pattern", /a"[b]\//giu],
  ["a URL", new URL("https://example.com/a?b=c#d")],
  ["keys of every name but one", { constructor: 1, toString: 2, hasOwnProperty: 3 }],
];

describe("anySerializer()", () => {
  for (const [what, value] of VALUES) {
    it(`carries ${what}`, () => assertEquals<unknown>(carried(value), value));
  }

  it("carries the sign of zero, objects without a prototype, and gaps", () => {
    assert(Object.is(carried(-0), -0));
    const bare = carried(Object.assign(Object.create(null), { a: 1 }));
    assertEquals([Object.getPrototypeOf(bare), bare.a], [null, 1]);
    const gaps = carried([1, , 3]);
    assertEquals([gaps.length, 1 in gaps], [3, false]);
  });

  it("carries circles, and one object in two places as one", () => {
    interface Circle {
      self?: Circle;
      map?: Map<unknown, unknown>;
      list: object[];
    }
    const one = { n: 1 };
    const circle: Circle = { list: [one, one] };
    circle.self = circle;
    circle.map = new Map<unknown, unknown>([[circle, circle]]);
    const read = carried(circle);
    assertStrictEquals(read.self, read);
    assertStrictEquals(read.map?.get(read), read);
    assertStrictEquals(read.list[0], read.list[1]);
  });

  it("carries errors with name, message and cause, and no stack", () => {
    const cause = new RangeError("inner", { cause: { code: 5 } });
    const text = serializer.serialize(new TypeError("outer", { cause }), "Any") as string;
    assert(!text.includes("any_test"));
    const error = serializer.deserialize(text, "Any") as TypeError;
    assert(error instanceof TypeError && error.cause instanceof RangeError);
    assertEquals([error.message, error.cause.message], ["outer", "inner"]);
    assertEquals(error.cause.cause, { code: 5 });
    assert(!("cause" in carried(new Error("x"))));
    const own = carried(Object.assign(new Error("x"), { name: "OutOfStock" }));
    assertEquals([own.name, own instanceof Error], ["OutOfStock", true]);
    const many = carried(new AggregateError([new URIError("a"), "b"], "c"));
    assert(many instanceof AggregateError && many.errors[0] instanceof URIError);
  });

  it("carries classes that it is told of, and refuses others", () => {
    class Money {
      readonly cents: bigint;
      constructor(cents: bigint) {
        this.cents = cents;
      }
    }
    const knowing = anySerializer({
      id: 30,
      types: {
        Money: {
          write: (value) => value instanceof Money ? value.cents : undefined,
          read: (cents) => new Money(cents as bigint),
        },
      },
    });
    assertEquals(knowing.id, 30);
    for (const cents of [0n, 500n]) {
      const { price } = carried({ price: new Money(cents) }, knowing);
      assert(price instanceof Money);
      assertEquals(price.cents, cents);
    }
    for (const value of [new Money(1n), () => {}, Symbol("x"), new WeakMap(), Promise.resolve()]) {
      assertThrows(() => serializer.serialize({ value }, "Any"));
    }
  });

  it("writes no key named __proto__", () => {
    assertThrows(() => serializer.serialize(JSON.parse('{"__proto__":{"admin":true}}'), "Any"));
  });
});

/** Texts of people who mean harm, or of other serializers. */
const HOSTILE = [
  '[{"__proto__":1},{"admin":2},true]',
  '[{"a":1},{"__proto__":2},{"admin":3},true]',
  '[["null","__proto__",1],{"admin":2},true]',
  '[{"\\u005f_proto__":1},{"admin":2},true]',
  '[["Object","__proto__",1],{"admin":2},true]',
  '[["Function",1],"globalThis.admin = true"]',
  '[["constructor",1],["constructor",2],"globalThis.admin = true"]',
  '[["__proto__",1],{"admin":2},true]',
  '[["toString",1],2]',
  '[["eval",1],"globalThis.admin = true"]',
  '[["Map",1]]',
  '[["Set",5]]',
  '[["BigInt","abc"]]',
  '[["RegExp","(","g"]]',
  '[["URL","no url"]]',
  '[["Uint8Array",0]]',
  '[["Float64Array",1],["ArrayBuffer","AA=="]]',
  '[["Error",1],[2],{"name":3,"message":4,"causes":5},1,"x",[]]',
  '[["Error",1],[2],"x"]',
  '[["Error",1],5]',
  '[["Error"]]',
  "[[-7,4294967295,0,1],1]",
  "[[-7,100001,0,1],1]",
  "[5]junk",
  "[",
  "{}",
  "null",
  '"x"',
  "5",
  "[]",
  "",
  "[".repeat(100_000),
  "gASVDwAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOULg==",
  "cos\nsystem\n(S'true'\ntR.",
];

describe("anySerializer() on what others wrote", () => {
  it("reads nothing that names code, a prototype or what it does not know", () => {
    for (const text of HOSTILE) {
      assertThrows(() => serializer.deserialize(text, "Any"), Error, "", text.slice(0, 60));
      assertEquals(({} as { admin?: boolean }).admin, undefined);
    }
    assertEquals((globalThis as { admin?: boolean }).admin, undefined);
  });

  it("survives every change of a character of a text", () => {
    const value = {
      m: new Map([[new Set([1n]), new Error("x")]]),
      f: new Float64Array(2),
      d: [, ,],
    };
    const text = serializer.serialize(value, "Any") as string;
    for (let at = 0; at < text.length; at++) {
      for (const character of ["", "0", '"', "-", "["]) {
        const changed = text.slice(0, at) + character + text.slice(at + 1);
        try {
          serializer.deserialize(changed, "Any");
        } catch (error) {
          assert(error instanceof Error, changed);
        }
      }
    }
    assertEquals(Object.keys(Object.prototype), []);
  });

  it("makes such a message undecodable, and logs no text of it", async () => {
    const Any = defineEvent("Job", { schema: typed<{ n: unknown }>() });
    const serializers = new SerializerRegistry({ bindings: [[Any, serializer]] });
    const world = await createWorld({
      dispatcher: { serializers },
      declare: { deadLetterQueue: "dead" },
    });
    const got: unknown[] = [];
    world.dispatcher.subscribe(Any, (event) => void got.push(event.data.n));
    const body = '[["Function",1],"s3cret"]';
    await world.send([1], { body, attributes: { serializer_id: 3 } });
    const publisher = new MessagePublisher({ backend: world.backend, serializers });
    await publisher.publish(Any({ n: new Map([[1n, NaN]]) }), { queue: world.queue });
    const consumer = world.consumer();
    await consumer.consumeEvent();
    await consumer.consumeEvent();
    assertEquals(got, [new Map([[1n, NaN]])]);
    assertEquals([await world.count("dead"), await world.count()], [1, 0]);
    assert(!JSON.stringify(world.log.lines).includes("s3cret"));
  });
});
