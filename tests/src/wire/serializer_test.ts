import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { MelangeError } from "../../../src/support/errors.ts";
import { jsonSerializer, parseJson, type Serializer } from "../../../src/wire/serializer.ts";
import { SerializerRegistry } from "../../../src/wire/serializer_registry.ts";

const csv = serializer(7);

function serializer(id: number): Serializer {
  return {
    id,
    serialize: (data) => (data as string[]).join(","),
    deserialize: (text) => text.split(","),
  };
}

describe("jsonSerializer", () => {
  it("writes and reads every kind of JSON", () => {
    for (
      const data of [null, true, 0, -1.5, "", "ü\u{1F600}\n", [], [1, [2]], { a: { b: null } }]
    ) {
      assertEquals<unknown>(jsonSerializer.deserialize(jsonSerializer.serialize(data)), data);
    }
  });

  it("keeps half a surrogate pair, in characters that every service takes", () => {
    const text = jsonSerializer.serialize({ text: "\ud800!" });
    assertEquals(text, '{"text":"\\ud800!"}');
    assertEquals(jsonSerializer.deserialize(text), { text: "\ud800!" });
  });

  it("refuses what is no JSON value", () => {
    for (const data of [undefined, () => {}, Symbol("s"), 1n]) {
      assertThrows(() => jsonSerializer.serialize(data), TypeError);
    }
  });
});

describe("parseJson()", () => {
  const hostile = [
    '{"__proto__":{"admin":true},"a":1}',
    '{"\\u005f_proto__":{"admin":true},"a":1}',
    '{"__pr\\u006Fto__":{"admin":true},"a":1}',
    '{"__pr\\u006fto__":{"admin":true},"a":1}',
    '{"a":1,"__proto__":null}',
  ];

  it("drops a key named __proto__, however it is spelled", () => {
    for (const text of hostile) {
      const value = parseJson(text) as object;
      assertEquals(Object.getOwnPropertyNames(value), ["a"], text);
      assertStrictEquals(Object.getPrototypeOf(Object.assign({}, value)), Object.prototype);
    }
    const deep = parseJson('[{"b":{"__proto__":{"admin":true}}}]') as [{ b: object }];
    assertEquals(Object.getOwnPropertyNames(deep[0].b), []);
    assertEquals(({} as { admin?: boolean }).admin, undefined);
  });

  it("keeps a key named constructor as data, away from the prototype", () => {
    const value = parseJson('{"constructor":{"prototype":{"admin":true}}}');
    assertEquals<unknown>(JSON.stringify(value), '{"constructor":{"prototype":{"admin":true}}}');
    assertEquals(({} as { admin?: boolean }).admin, undefined);
  });

  it("keeps a value that reads __proto__", () => {
    assertEquals<unknown>(parseJson('{"a":"__proto__","b":["\\u005f"]}'), {
      a: "__proto__",
      b: ["_"],
    });
  });

  it("reads what is nested as deep as JSON.parse reads it, whatever keys it has", () => {
    for (const word of ["__proto__", "\\u0001"]) {
      const text = '{"a":'.repeat(20_000) + `"${word}"` + "}".repeat(20_000);
      let value = parseJson(text) as { a: unknown };
      for (let depth = 1; depth < 20_000; depth++) value = value.a as { a: unknown };
      assertEquals<unknown>(value.a, JSON.parse(`"${word}"`));
    }
  });

  it("throws on what is no JSON, and does not overflow", () => {
    for (const text of ["", " ", "{", "nul", "'a'", "[1,]", '{"a":1}x', "\u0000"]) {
      assertThrows(() => parseJson(text), SyntaxError);
    }
    const nested = "[".repeat(200_000) + '"__proto__"' + "]".repeat(200_000);
    try {
      parseJson(nested);
    } catch (error) {
      assert(error instanceof RangeError || error instanceof SyntaxError);
    }
  });
});

describe("SerializerRegistry", () => {
  it("writes and reads JSON unless told otherwise", () => {
    const registry = new SerializerRegistry();
    assertStrictEquals(registry.forType("Any"), jsonSerializer);
    assertStrictEquals(registry.byId(1), jsonSerializer);
    assertStrictEquals(registry.byId(undefined), jsonSerializer);
  });

  it("writes by the event type and reads by the id", () => {
    const [xml, text] = [serializer(8), serializer(9)];
    const registry = new SerializerRegistry({
      serializers: [xml],
      default: text,
      byType: { Row: csv, Other: csv, toString: xml },
    });
    assertEquals(
      ["Row", "Other", "Any", "toString", "constructor", "__proto__"].map((type) =>
        registry.forType(type).id
      ),
      [7, 7, 9, 8, 9, 9],
    );
    assertEquals([1, 7, 8, 9, undefined].map((id) => registry.byId(id).id), [1, 7, 8, 9, 9]);
  });

  it("tells what to do about an id that it does not know", () => {
    for (const id of [3, 0, -1, 1.5, NaN]) {
      const error = assertThrows(() => new SerializerRegistry().byId(id), MelangeError, "register");
      assertEquals((error as MelangeError).code, "UNDECODABLE");
    }
  });

  it("never reads pickle, and says so", () => {
    const error = assertThrows(() => new SerializerRegistry().byId(2), MelangeError, "pickle");
    assertEquals((error as MelangeError).code, "UNDECODABLE");
  });

  it("refuses ids that are shared, taken or no positive integers", () => {
    const create = (...serializers: Serializer[]) => () => new SerializerRegistry({ serializers });
    assertThrows(create(csv, serializer(7)), TypeError, "share the id 7");
    for (const id of [0, -1, 1.5, NaN, "7" as unknown as number]) {
      assertThrows(create(serializer(id)), TypeError, "positive integer");
    }
    for (const id of [1, 2]) assertThrows(create(serializer(id)), TypeError, "taken");
    assertThrows(() => new SerializerRegistry({ default: serializer(1) }), TypeError, "taken");
    assertThrows(
      () => new SerializerRegistry({ byType: { A: serializer(2) } }),
      TypeError,
      "taken",
    );
    create(csv, csv, jsonSerializer)();
  });
});
