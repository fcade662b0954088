import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type } from "arktype";
import * as v from "valibot";
import { z } from "zod";
import { main } from "../../../cli/main.ts";
import { jsonSchemaOf } from "../../../cli/schemas/json_schema.ts";
import { defineEvent, typed } from "../../../src/event/event.ts";
import type { Schema } from "../../../src/event/schema.ts";
import { MelangeError } from "../../../src/support/errors.ts";
import { fakeIo, moduleAt } from "../fake_io.ts";

const MOD = new URL("../../../mod.ts", import.meta.url).href;

const folder = Deno.makeTempDirSync();
addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
let count = 0;

/** Forgets the lock file. */
const forget = () => Deno.removeSync(`${folder}/lock.json`);

const text = { type: "string" };

/** Writes a module of event types; each has the options, and properties as its schema. */
async function moduleOf(events: Record<string, Record<string, unknown>>): Promise<string> {
  const lines = Object.entries(events).map(([name, { properties = {}, required, ...options }]) => {
    const schema = {
      type: "object",
      properties,
      required: required ?? Object.keys(properties as object),
    };
    const upcasts = (options.upcast as number[] | undefined)?.map((from) =>
      `${from}: (data) => data`
    );
    const written = Object.entries(options).filter(([key]) => key !== "upcast")
      .map(([key, value]) => `${key}: ${JSON.stringify(value)},`);
    return `export const ${name} = defineEvent("${name}", {
      ${written.join("")} ${upcasts ? `upcast: { ${upcasts.join()} },` : ""}
      schema: { "~standard": { version: 1, vendor: "test", validate: (value) => ({ value }),
        jsonSchema: { input: () => (${JSON.stringify(schema)}) } } },
    });`;
  });
  // Another name each time, as a module is loaded once.
  const path = `${folder}/events_${count++}.js`;
  await Deno.writeTextFile(path, `import { defineEvent } from "${MOD}";\n${lines.join("\n")}`);
  return path;
}

/** Runs the command on a module; returns the code and all lines. */
async function run(handlers: string, ...args: string[]) {
  const io = fakeIo();
  const lock = ["--lock", `${folder}/lock.json`];
  const code = await main(["schemas", ...args, "--handlers", handlers, ...lock], io);
  return { code, out: io.outLines, err: io.errLines };
}

const readLock = async () => JSON.parse(await Deno.readTextFile(`${folder}/lock.json`));

describe("schemas", () => {
  it("writes the schemas of all events, in order of their names, the same each time", async () => {
    const module = await moduleOf({
      Shipped: { version: 2, upcast: [1], properties: { at: text } },
      Placed: { properties: { id: text } },
    });
    assertEquals((await run(module)).out, [`wrote ${folder}/lock.json: 2 events`]);
    const first = await Deno.readTextFile(`${folder}/lock.json`);
    assertEquals(first, `${JSON.stringify(JSON.parse(first), null, 2)}\n`);
    assertEquals(JSON.parse(first), {
      form: 1,
      events: {
        Placed: { schemas: { 1: { type: "object", properties: { id: text }, required: ["id"] } } },
        Shipped: {
          version: 2,
          schemas: { 2: { type: "object", properties: { at: text }, required: ["at"] } },
        },
      },
    });
    assertEquals((await run(module, "--json")).out, [
      JSON.stringify({ path: `${folder}/lock.json`, events: 2 }),
    ]);
    assertEquals(await Deno.readTextFile(`${folder}/lock.json`), first);
    assertEquals((await run(module, "check")).out, ["unchanged"]);
    forget();
  });

  it("keeps the schemas of older versions, and forgets events that are gone", async () => {
    await run(await moduleOf({ A: { version: 1, properties: { a: text } }, B: {} }));
    await run(await moduleOf({ A: { version: 2, upcast: [1], properties: { b: text } } }));
    const { events } = await readLock();
    assertEquals(Object.keys(events), ["A"]);
    assertEquals(events.A.schemas[1].required, ["a"]);
    assertEquals(Object.keys(events.A.schemas), ["1", "2"]);
    forget();
  });

  it("finds the events of handlers as well, by valibot's own package", async () => {
    assertEquals((await run(moduleAt("dispatcher.ts"))).code, 0);
    const { properties, required } = (await readLock()).events.OrderPlaced.schemas[1];
    assertEquals([properties, required], [{ orderId: text }, ["orderId"]]);
    forget();
  });

  it("warns of an event without a schema", async () => {
    const path = `${folder}/typed.js`;
    const code = `export const A = defineEvent("A", { schema: typed() });`;
    await Deno.writeTextFile(path, `import { defineEvent, typed } from "${MOD}";\n${code}`);
    const { code: exit, err } = await run(path);
    assertEquals(exit, 0);
    assertStringIncludes(err.join(), "no schema, so its changes cannot be seen  type=A");
    forget();
  });

  it("refuses two types of one name that differ", async () => {
    const { code, err } = await run(await moduleOf({ A: {} }));
    assertEquals([code, err], [0, []]);
    const path = `${folder}/two.js`;
    const types = [1, 2].map((version) =>
      `export const A${version} = defineEvent("A", { version: ${version}, schema: typed() });`
    );
    await Deno.writeTextFile(
      path,
      `import { defineEvent, typed } from "${MOD}";\n${types.join("\n")}`,
    );
    const two = await run(path);
    assertEquals(two.code, 1);
    forget();
    assertStringIncludes(two.err.join(), "two types of this name that differ");
  });
});

describe("schemas check", () => {
  const before = { A: { version: 1, properties: { id: text, note: text }, required: ["id"] } };
  const after = async (event: Record<string, unknown> | undefined, ...args: string[]) => {
    await run(await moduleOf(before));
    const result = await run(await moduleOf(event ? { A: event } : { B: {} }), "check", ...args);
    forget();
    return result;
  };
  const required = { version: 1, properties: { id: text, note: text } };
  const optional = { version: 1, properties: { id: text, note: text }, required: [] };

  it("fails with path and rule if the new code refuses old messages", async () => {
    const { code, out } = await after(required);
    assertEquals([code, out], [1, [
      "broken A (version 1, backward) at note: it is required, and may be missing",
    ]]);
    const json = await after(required, "--json", "--mode", "full");
    assertEquals([json.code, json.out.map((line) => JSON.parse(line))], [1, [{
      ...{ event: "A", mode: "backward", path: "note" },
      ...{ rule: "it is required, and may be missing", version: 1 },
    }]]);
    assertEquals((await after(required, "--mode", "forward")).code, 0);
  });

  it("fails if the old code refuses new messages, where that is asked for", async () => {
    assertEquals((await after(optional)).out, [
      `changed, and nothing breaks; write the lock file again with "melange schemas"`,
    ]);
    for (const mode of ["forward", "full"]) {
      const { code, out } = await after(optional, "--mode", mode);
      assertEquals([code, out], [1, [
        "broken A (version 1, forward) at id: it is required, and may be missing",
      ]]);
    }
  });

  it("lets upcasts read old versions, and wants one for each", async () => {
    const next = { version: 2, properties: { id: { type: "number" } } };
    assertEquals((await after({ ...next, upcast: [1] })).code, 0);
    const { code, out } = await after(next);
    assertEquals([code, out], [1, [
      "broken A (version 1, backward) at id: it must be number, and may be string",
    ]]);
    const late = await after({ ...next, version: 3, upcast: [2] });
    assertEquals(late.out, [
      "broken A (version 1, backward) at (the whole): no upcast leads on from version 1",
    ]);
    const forward = await after({ ...next, upcast: [1] }, "--mode", "forward");
    assertEquals(forward.out, [
      "broken A (version 1, forward) at (the whole): messages of version 2 are refused by code of version 1",
    ]);
  });

  it("fails if a version goes back, or an event is gone", async () => {
    await run(await moduleOf({ A: { version: 3 } }));
    const back = await run(await moduleOf({ A: { version: 2 } }), "check");
    assertEquals([back.code, back.out], [1, [
      "broken A (version 3, backward) at (the whole): messages of version 3 are refused, as the newest is 2",
    ]]);
    forget();
    const gone = await after(undefined);
    assertStringIncludes(gone.out[0] ?? "", "no event type of this name is left");
    assertEquals((await after(undefined, "--mode", "forward")).code, 0);
  });

  it("does not need the lock file to know new events", async () => {
    await run(await moduleOf(before));
    const { code } = await run(await moduleOf({ ...before, B: {} }), "check", "--mode", "full");
    assertEquals(code, 0);
    forget();
  });

  it("says what is wrong with arguments and files", async () => {
    const module = await moduleOf(before);
    const wrong: [string[], number, string][] = [
      [["check"], 1, "there is no file"],
      [["verify"], 2, 'write "schemas" or "schemas check"'],
      [["--mode", "full"], 2, "without a check"],
      [["check", "--mode", "forwards"], 2, "did you mean forward?"],
    ];
    for (const [args, code, text] of wrong) {
      const result = await run(module, ...args);
      assertEquals(result.code, code, text);
      assertStringIncludes(result.err.join("\n"), text);
    }
    const events = ['{"A":1}', '{"A":{"schemas":{"x":{}}}}', '{"A":{"schemas":{"1":5}}}'];
    events.push('{"A":{"schemas":{},"version":"1"}}', "[]", '{"A":{"schemas":{}},"B":1}');
    events.push('{"A":{"schemas":{"1":true,"x":true}}}');
    const locks = events.map((events) => `{"form":1,"events":${events}}`);
    for (const lock of ["", "{", "[]", '{"form":2,"events":{}}', ...locks]) {
      await Deno.writeTextFile(`${folder}/lock.json`, lock);
      const { code, err } = await run(module, "check");
      assertEquals(code, 1);
      assertStringIncludes(err.join(), "is no lock file of this program");
    }
    const io = fakeIo();
    assertEquals(await main(["schemas"], io), 2);
    assertStringIncludes(io.errLines.join(), "pass --handlers PATH");
    const none = `${folder}/none.js`;
    await Deno.writeTextFile(none, "export const a = 1;");
    assertStringIncludes((await run(none)).err.join(), "it has no event type");
  });
});

describe("jsonSchemaOf()", () => {
  const find = (schema: Schema) => jsonSchemaOf(defineEvent("A", { schema }));

  it("asks zod, arktype and valibot, and tells what is written, not what is read", async () => {
    const expected = { type: "object", properties: { id: text }, required: ["id"] };
    const toDate = v.pipe(v.string(), v.transform((text) => new Date(text)));
    const schemas: Schema[] = [
      z.object({ id: z.string().transform((text) => new Date(text)) }),
      type({ id: "string" }),
      v.object({ id: toDate }),
    ];
    for (const schema of schemas) {
      const { $schema: _, ...found } = await find(schema) as Record<string, unknown>;
      assertEquals<unknown>(found, expected, schema["~standard"].vendor);
    }
    assertEquals(await find(typed()), true);
  });

  it("takes the function of the user before all others", async () => {
    const toJsonSchema = ({ type }: { type: string }) => ({ title: type });
    const A = defineEvent("A", { schema: typed() });
    assertEquals(await jsonSchemaOf(A, { toJsonSchema }), { title: "A" });
    for (const wrong of [undefined, null, "x", [], 5]) {
      const options = { toJsonSchema: () => wrong };
      const error = await assertRejects(() => jsonSchemaOf(A, options), MelangeError);
      assertEquals(error.code, "CONFIGURATION");
    }
  });

  it("says what to install or to export where a library offers nothing", async () => {
    const other = { "~standard": { version: 1, vendor: "other", validate: () => ({ value: 1 }) } };
    const offersNone = await assertRejects(
      () => find(other as Schema),
      MelangeError,
      "its library (other) offers none: export a function toJsonSchema(eventType)",
    );
    assertEquals(offersNone.cause, undefined);
    const A = defineEvent("A", { schema: v.string() });
    const importPackage = () => Promise.reject(new Error("not found"));
    const missing = await assertRejects(
      () => jsonSchemaOf(A, { importPackage }),
      MelangeError,
      "install @valibot/to-json-schema, or export",
    );
    assertEquals((missing.cause as Error).message, "not found");
  });
});
