import { assert, assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type } from "npm:arktype@2";
import * as v from "valibot";
import * as z from "npm:zod@4";
import { typed } from "../../../src/event/event.ts";
import { type Schema, type SchemaIssue, validate } from "../../../src/event/schema.ts";

const SECRET = "s3cret-value";

/** The same shape in three libraries: an id, and lines of which the amount turns into a number. */
const LIBRARIES: Record<string, Schema> = {
  valibot: v.object({
    id: v.string(),
    lines: v.array(v.object({ amount: v.pipe(v.string(), v.digits(), v.transform(Number)) })),
  }),
  zod: z.object({
    id: z.string(),
    lines: z.array(z.object({ amount: z.string().regex(/^\d+$/).transform(Number) })),
  }),
  arktype: type({ id: "string", lines: type({ amount: "string.numeric.parse" }).array() }),
};

/** A schema that answers as it is told, which no library would. */
function schemaOf(answer: (value: unknown) => unknown): Schema {
  return {
    "~standard": { version: 1, vendor: "test", validate: answer as () => { value: unknown } },
  };
}

const issues = (...paths: SchemaIssue["path"][]) => ({
  issues: paths.map((path) => ({ message: `bad: ${SECRET}`, ...(path ? { path } : {}) })),
});

for (const [library, schema] of Object.entries(LIBRARIES)) {
  describe(`validate() with ${library}`, () => {
    it("gives the output of the schema", async () => {
      const data = { id: "o-1", lines: [{ amount: "5" }] };
      const expected = { ok: true, value: { id: "o-1", lines: [{ amount: 5 }] } };
      assertEquals<unknown>(await validate(schema, data), expected);
      assertEquals(data.lines, [{ amount: "5" }]);
    });

    it("tells where data is wrong, never what it is", async () => {
      const data = { id: 5, lines: [{ amount: "5" }, { amount: SECRET }] };
      const result = await validate(schema, data);
      assert(!result.ok && !result.paths.includes(SECRET));
      assertEquals(result.paths.replaceAll(/ \(expected [^)]*\)/g, ""), "id, lines.1.amount");
      assertMatch(result.paths, /^id \(expected (a )?string\), lines/);
    });

    it("refuses what is no object, null and nothing", async () => {
      for (const data of [SECRET, null, undefined, 5, []]) {
        const result = await validate(schema, data);
        assertEquals(result.ok, false);
        assert(!JSON.stringify(result).includes(SECRET));
      }
    });
  });
}

describe("validate()", () => {
  it("takes anything for a typed() event, by reference", () => {
    const data = { at: 1 };
    const result = validate(typed(), data);
    assert(!(result instanceof Promise) && result.ok && result.value === data);
  });

  it("gives a promise only if the schema does", async () => {
    const asynchronous = validate(schemaOf(() => Promise.resolve({ value: 1 })), 0);
    assert(asynchronous instanceof Promise);
    assertEquals<unknown>(await asynchronous, { ok: true, value: 1 });
  });

  it("waits for a promise of another make", async () => {
    const thenable = {
      then: (resolve: (result: unknown) => void) => resolve(issues(["a"])),
    };
    const result = validate(schemaOf(() => thenable), 0);
    assertEquals<unknown>(await result, { ok: false, paths: "a" });
  });

  it("takes a schema that throws or rejects for one that refuses, and tells nothing of it", async () => {
    for (
      const answer of [
        () => {
          throw new Error(SECRET);
        },
        () => Promise.reject(new Error(SECRET)),
        () => undefined,
        () => Promise.resolve(undefined),
      ]
    ) {
      assertEquals<unknown>(await validate(schemaOf(answer), SECRET), {
        ok: false,
        paths: "(the schema threw)",
      });
    }
  });

  it("spells paths of keys, objects with keys, symbols and nothing", async () => {
    const answer = issues(["a", 0, { key: "b" }], [Symbol("s")], [], undefined);
    const result = await validate(schemaOf(() => answer), 0);
    assertEquals<unknown>(result, {
      ok: false,
      paths: "a.0.b, Symbol(s), (the whole), (the whole)",
    });
  });

  it("bounds what it tells", async () => {
    const answer = issues(...Array.from({ length: 1_000 }, () => ["k".repeat(10_000)]));
    const result = await validate(schemaOf(() => answer), 0);
    assert(!result.ok && result.paths.length < 1_000);
    assertMatch(result.paths, /^k{64}, k/);
  });

  it("survives data that nests without end", async () => {
    let data: unknown = 0;
    for (let depth = 0; depth < 100_000; depth++) data = [data];
    const nested: v.GenericSchema = v.union([v.number(), v.array(v.lazy(() => nested))]);
    assertEquals((await validate(nested, data)).ok, false);
  });

  it("tells ten paths, of 64 characters a key", async () => {
    const paths = Array.from({ length: 11 }, (_, n) => [`${n}`]);
    const result = await validate(schemaOf(() => issues(...paths)), 0);
    assertEquals<unknown>(result, { ok: false, paths: "0, 1, 2, 3, 4, 5, 6, 7, 8, 9" });
    const long = await validate(schemaOf(() => issues(["k".repeat(65)])), 0);
    assertEquals<unknown>(long, { ok: false, paths: "k".repeat(64) });
  });
});
