import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import * as v from "valibot";
import { MemoryBackend } from "../../../backends/memory/mod.ts";
import { dispatch } from "../../../src/handle/dispatch.ts";
import { Dispatcher } from "../../../src/handle/dispatcher.ts";
import { MelangeError } from "../../../src/support/errors.ts";
import { defineEvent, type Event, type EventType, typed } from "../../../src/event/event.ts";
import type { Format } from "../../../src/wire/packed.ts";
import { MessagePublisher } from "../../../src/publish/publisher.ts";
import { jsonSerializer, type Serializer } from "../../../src/wire/serializer.ts";
import { SerializerRegistry } from "../../../src/wire/serializer_registry.ts";
import { SynchronousEventBus } from "../../../src/synchronous_event_bus.ts";
import { fakeSender } from "../../fakes/sender.ts";

const Thing = defineEvent("Thing", { topic: "things", schema: typed<unknown>() });

class Money {
  readonly #amount: number;
  constructor(amount: number) {
    this.#amount = amount;
  }
  get amount() {
    return this.#amount;
  }
}

class Point {
  readonly x: number;
  constructor(x: number) {
    this.x = x;
  }
  get doubled() {
    return this.x * 2;
  }
}

class Tags extends Array<string> {
  get first() {
    return this[0];
  }
}

const KEY = Symbol("key");
/** Defaults without a prototype, as some parsers of options make them. */
const defaults = Object.assign(Object.create(null), { currency: "EUR" });
const hidden = Object.defineProperty({ a: 1 }, "b", { value: 2 });
const inherited = Object.assign(Object.create({ a: 1 }), { c: 3 });
// deno-lint-ignore no-sparse-arrays
const sparse = [1, , 3];

/** What JSON changes or drops, and where it is. */
const CHANGED: [what: string, data: unknown, path: string][] = [
  ["a date", { at: new Date(0) }, "at"],
  ["a map", { lines: new Map([["a", 1]]) }, "lines"],
  ["a set", [{ tags: new Set(["a"]) }], "0.tags"],
  ["infinity", { total: Infinity }, "total"],
  ["minus infinity", [-Infinity], "0"],
  ["NaN", { deep: { er: [0, { n: NaN }] } }, "deep.er.1.n"],
  ["undefined in an array", { list: [1, undefined] }, "list.1"],
  ["a hole in an array", sparse, "1"],
  ["a function", { run() {} }, "run"],
  ["a function in an array", [() => {}], "0"],
  ["a symbol", { s: Symbol("s") }, "s"],
  ["a bigint", { list: [{ n: 1n }] }, "list.0.n"],
  ["bytes", { bytes: Uint8Array.of(1, 2) }, "bytes"],
  ["a buffer", { bytes: new ArrayBuffer(2) }, "bytes"],
  ["a regular expression", { pattern: /x/ }, "pattern"],
  ["an error", { error: new Error("x") }, "error"],
  ["an address", { url: new URL("https://example.com/") }, "url"],
  ["a boxed string", { text: new String("x") }, "text"],
  ["a boxed number", { n: Object(1) }, "n"],
  ["a promise", { later: Promise.resolve(1) }, "later"],
  ["what writes itself", { a: { toJSON: () => "a" } }, "a"],
  ["a class that writes itself", {
    a: new (class A {
      toJSON() {
        return { b: 1 };
      }
    })(),
  }, "a"],
  ["an array that writes itself", { a: Object.assign([1], { toJSON: () => [2] }) }, "a"],
  ["a class whose fields are private", { money: new Money(5) }, "money"],
  ["a key that readers drop", JSON.parse('{"a":{"__proto__":1}}'), "a.__proto__"],
  ["a date as the whole", new Date(0), "(the whole)"],
  ["undefined as the whole", undefined, "(the whole)"],
];

/** What arrives as it was. */
const KEPT: unknown[] = [
  null,
  "",
  "é🙂 \ud800 \u2028",
  [null, true, false, 0, 1e300, 5e-324, "x", [], {}],
  { a: { b: [{ c: null }] } },
  Object.assign(Object.create(null), { a: 1 }),
  { "": 1, "a.b": 2, constructor: 3, hasOwnProperty: 4, length: 5 },
];

function setUp(options: { serializers?: SerializerRegistry; format?: Format } = {}) {
  const backend = fakeSender();
  return { backend, publisher: new MessagePublisher({ backend, ...options }) };
}

async function refused(event: Event): Promise<MelangeError> {
  const { publisher, backend } = setUp();
  const error = await assertRejects(() => publisher.publish(event), MelangeError);
  assertEquals([error.code, error.cause, backend.calls], ["INVALID_EVENT", undefined, []]);
  return error;
}

/** What a handler gets of an event that was sent, or the reason why it gets nothing. */
async function received(type: EventType<string, never>, data: unknown): Promise<unknown> {
  const { publisher, backend } = setUp();
  await publisher.publish((type as unknown as EventType)(data), { queue: "q" });
  const dispatcher = new Dispatcher();
  let got: unknown = "nothing";
  dispatcher.subscribe(type, (event: Event) => void (got = event.data));
  const [sent] = backend.calls[0]!.messages;
  const message = { ...sent!, id: "m", sentAt: new Date(0), attempt: 1 };
  const { outcome } = await dispatch(dispatcher, message, { queue: "q" });
  return outcome === "acknowledge" ? got : outcome;
}

describe("an event whose data JSON would change", () => {
  for (const [what, data, path] of CHANGED) {
    it(`is refused with the path: ${what}`, async () => {
      const { message } = await refused(Thing(data));
      assertMatch(message, /^Cannot publish "Thing" as its data cannot be serialized as JSON /);
      assert(message.endsWith(` at ${path}`), message);
    });

    it(`is refused by the synchronous bus alike: ${what}`, () => {
      const bus = new SynchronousEventBus();
      bus.subscribeAll(() => {
        throw new Error("called");
      });
      const error = assertThrows(() => bus.publish(Thing(data)), MelangeError);
      assertEquals(error.code, "INVALID_EVENT");
      assert(error.message.endsWith(` at ${path}`), error.message);
    });
  }

  it("is refused where its schema takes such values, on a real backend", async () => {
    const Strict = defineEvent("Strict", {
      schema: v.object({
        at: v.optional(v.date()),
        lines: v.optional(v.map(v.string(), v.number())),
        total: v.optional(v.number()),
        list: v.optional(v.array(v.optional(v.number()))),
      }),
    });
    const backend = new MemoryBackend();
    await backend.declareQueue("q");
    const publisher = new MessagePublisher({ backend });
    const results = await publisher.publishAll([
      Strict({ at: new Date(0) }),
      Strict({ total: 1 }),
      Strict({ lines: new Map() }),
      Strict({ total: Infinity }),
      Strict({ list: [1, undefined] }),
    ], { queue: "q" });
    const said = results.map((result) => result.ok ? "ok" : result.error.message.split(" at ")[1]);
    assertEquals(said, ["at", "ok", "lines", "total", "list.1"]);
    await backend.close();
  });

  it("is refused whatever the format, and when nobody checks it", async () => {
    for (const format of ["plain", "melange", "cloudevents"] as const) {
      const { publisher } = setUp({ format });
      const byHand = { ...Thing([NaN]), topic: "t" };
      const error = await assertRejects(() => publisher.publish(byHand), MelangeError);
      assertEquals(error.code, "INVALID_EVENT", format);
    }
  });

  it("does not end what it is published with, also where its data is a circle", async () => {
    const circle: Record<string, unknown> = {};
    circle.self = [circle];
    const trap = {
      get secret() {
        throw new Error("s3cret");
      },
    };
    const { publisher, backend } = setUp();
    const results = await publisher.publishAll([Thing(1), Thing(circle), Thing(trap), Thing(2)]);
    assertEquals(results.map((result) => result.ok), [true, false, false, true]);
    assertEquals(backend.sent, [[1, 2]]);
    assert(results.every((result) => result.ok || !`${result.error.stack}`.includes("s3cret")));
    const bus = new SynchronousEventBus();
    for (const data of [circle, trap]) {
      const error = assertThrows(() => bus.publish(Thing(data)), MelangeError);
      assertEquals([error.code, error.cause], ["INVALID_EVENT", undefined]);
    }
  });
});

describe("an event whose data JSON keeps", () => {
  it("arrives as it was, and is handed over by reference on the synchronous bus", async () => {
    for (const data of KEPT) {
      assertEquals(await received(Thing as never, data), data);
      const bus = new SynchronousEventBus();
      let got: unknown;
      bus.subscribeAll((event) => void (got = event.data));
      bus.publish(Thing(data));
      assert(Object.is(got, data));
    }
  });

  it("may leave out what is undefined; a handler gets the same on every bus", async () => {
    const Loose = defineEvent("Loose", {
      schema: v.object({ a: v.number(), b: v.optional(v.string()) }),
    });
    assertEquals(await received(Loose as never, { a: 1, b: undefined }), { a: 1 });
    const bus = new SynchronousEventBus();
    const got: unknown[] = [];
    bus.subscribe(Loose, (event) => void got.push(Object.keys(event.data)));
    bus.publish(Loose({ a: 1, b: undefined }));
    assertEquals(got, [["a"]]);
  });

  it("may be more than JSON has words for; a handler gets the same on every bus", async () => {
    const cases: [unknown, unknown][] = [
      [{ a: 1, [KEY]: 2 }, { a: 1 }],
      [Object.assign(Object.create(defaults), { a: 1 }), { a: 1 }],
      [{ tags: Tags.of("a") }, { tags: ["a"] }],
      [[-0, 0], [0, 0]],
      [-0, 0],
    ];
    for (const [data, expected] of cases) {
      const bus = new SynchronousEventBus();
      const got: unknown[] = [await received(Thing as never, data)];
      bus.subscribeAll((event) => void got.push(event.data));
      bus.publish(Thing(data));
      for (const value of got) {
        assertEquals(JSON.stringify(value), JSON.stringify(expected));
        assertEquals(Reflect.ownKeys(Object(value)), Reflect.ownKeys(Object(expected)));
        const [one] = [value].flat();
        assert(!Object.is(one, -0));
        const { tags } = Object(value);
        assert(tags === undefined || Object.getPrototypeOf(tags) === Array.prototype);
      }
    }
  });

  it("loses what a class inherits, also what JSON has no text for", () => {
    const kind = Object.assign(Object.create({}), { move: () => {} });
    const data = Object.assign(Object.create(kind), { x: 1 });
    const seen: unknown[] = [];
    const bus = new SynchronousEventBus();
    bus.subscribeAll(({ data }) => void seen.push(data));
    bus.publish(Thing(data));
    assertEquals([JSON.stringify(seen), Object.keys(seen[0] as object)], ['[{"x":1}]', ["x"]]);
  });

  it("may be of a class with fields; a handler gets a plain object on every bus", async () => {
    const plain = await received(Thing as never, { at: new Point(1) }) as { at: Point };
    assertEquals(Object.getPrototypeOf(plain.at), Object.prototype);
    const bus = new SynchronousEventBus();
    let got: unknown;
    bus.subscribeAll((event) => void (got = event.data));
    bus.publish(Thing({ at: new Point(1) }));
    assertEquals(got, plain);
  });
});

describe("a schema is asked about what arrives", () => {
  const REFUSED: [what: string, schema: v.GenericSchema, data: unknown, path: string][] = [
    [
      "a key that must be there",
      v.object({ a: v.undefinedable(v.string()) }),
      { a: undefined },
      "a",
    ],
    ["a class that must be that class", v.object({ at: v.instance(Point) }), {
      at: new Point(1),
    }, "at"],
    ["a getter of a class", v.object({ doubled: v.number() }), new Point(1), "doubled"],
    ["a hidden property", v.object({ b: v.number() }), hidden, "b"],
    ["an inherited property", v.object({ a: v.number() }), inherited, "a"],
    [
      "a property of a prototype that has none",
      v.object({ currency: v.string() }),
      Object.assign(Object.create(defaults), { total: 1 }),
      "currency",
    ],
    ["a class of arrays", v.object({ tags: v.instance(Tags) }), { tags: Tags.of("a") }, "tags"],
    [
      "a property named by a symbol",
      v.object({ a: v.custom((value) => KEY in (value as object)) }),
      { a: { [KEY]: 1 } },
      "a",
    ],
    [
      "the sign of zero",
      v.object({ a: v.custom((value) => Object.is(value, -0)) }),
      { a: -0 },
      "a",
    ],
  ];
  for (const [what, schema, data, path] of REFUSED) {
    it(`and refuses ${what}`, async () => {
      const Type = defineEvent("Type", { topic: "t", schema });
      const { message } = await refused(Type(data as never));
      assert(message.includes(` at ${path} (expected `), message);
      const bus = new SynchronousEventBus();
      const error = assertThrows(() => bus.publish(Type(data as never)), MelangeError);
      assertEquals([error.code, error.message], ["INVALID_EVENT", message]);
    });
  }

  it("and takes the text of which it makes a date", async () => {
    const At = defineEvent("At", {
      schema: v.object({ at: v.pipe(v.string(), v.transform((text) => new Date(text))) }),
    });
    const at = "1970-01-01T00:00:00.000Z";
    assertEquals(await received(At as never, { at }), { at: new Date(0) });
  });

  it("and not about what its caller makes of it meanwhile", async () => {
    const changes: [(data: { a: unknown }) => void, string][] = [
      [(data) => data.a = Infinity, "infinity"],
      [(data) => data.a = "text", "another type"],
      [(data) => data.a = 2, "another value"],
      [(data) => delete data.a, "nothing"],
    ];
    for (const [change, what] of changes) {
      let answer = () => {};
      const asked = new Promise<void>((resolve) => answer = resolve);
      const validate = async (value: unknown) => {
        await asked;
        return { value };
      };
      const Later = defineEvent("Later", {
        topic: "t.fifo",
        schema: { "~standard": { version: 1, vendor: "test", validate } },
        group: (data) => `g${(data as { a: unknown }).a}`,
      });
      const { publisher, backend } = setUp();
      const data: { a: unknown } = { a: 1 };
      const publishing = publisher.publish(Later(data));
      change(data);
      answer();
      await publishing;
      const [message] = backend.calls[0]!.messages;
      assertEquals([message?.body, message?.group], ['{"a":1}', "g1"], what);
    }
  });

  it("also where it takes its time", async () => {
    const schema = v.objectAsync({ a: v.undefinedable(v.string()) });
    const Later = defineEvent("Later", { topic: "t", schema });
    const { message } = await refused(Later({ a: undefined }));
    assertMatch(message, / at a \(expected .*\)$/);
  });
});

describe("a serializer of one's own", () => {
  const dates: Serializer = {
    id: 9,
    serialize: (data) => String((data as Date).getTime()),
    deserialize: (text) => new Date(Number(text)),
  };

  it("is not taken for one where another copy of this module writes JSON", async () => {
    const other: Serializer = { ...jsonSerializer };
    const serializers = { forType: () => other } as unknown as SerializerRegistry;
    const { publisher } = setUp({ serializers });
    const error = await assertRejects(() => publisher.publish(Thing(new Date(5))), MelangeError);
    assertEquals(error.code, "INVALID_EVENT");
  });

  it("decides by itself what it can carry, also on the synchronous bus", async () => {
    const serializers = new SerializerRegistry({ byType: { At: dates } });
    const At = defineEvent("At", { topic: "t", schema: v.date() });
    const { publisher, backend } = setUp({ serializers });
    await publisher.publish(At(new Date(5)));
    assertEquals(backend.calls[0]?.messages[0]?.body, "5");
    const error = await assertRejects(() => publisher.publish(Thing(new Date(5))), MelangeError);
    assertEquals(error.code, "INVALID_EVENT");
    const bus = new SynchronousEventBus({ serializers });
    const got: unknown[] = [];
    bus.subscribe(At, (event) => void got.push(event.data));
    bus.publish(At(new Date(5)));
    assertEquals(got, [new Date(5)]);
    assertThrows(() => bus.publish(Thing(new Date(5))), MelangeError);
  });
});
