import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { main } from "../../cli/main.ts";
import { escaped } from "../../cli/topology/escaped.ts";
import { pageOf } from "../../cli/topology/page.ts";
import { topologyOf } from "../../src/operate/topology/mod.ts";
import { fakeIo, moduleAt } from "./fake_io.ts";

const SERVICES = ["--topology", moduleAt("services.ts")];

async function run(io: ReturnType<typeof fakeIo>, ...args: string[]) {
  const [out, err] = [io.outLines.length, io.errLines.length];
  const code = await main(args, io);
  return { code, out: io.outLines.slice(out), err: io.errLines.slice(err) };
}

describe("declare --plan", () => {
  it("prints what differs, changes nothing, and ends with 2", async () => {
    const io = fakeIo();
    const { code, out } = await run(io, "declare", ...SERVICES, "--plan");
    assertEquals(code, 2);
    assertEquals(out[0]?.split("\n")[0], "+ topic invoices: is missing");
    assertEquals(out.at(-1), "7 changes: do it with --apply");
    assertEquals((await run(io, "declare", ...SERVICES, "--plan")).code, 2);
  });

  it("ends with 0 once the plan was applied", async () => {
    const io = fakeIo();
    const applied = await run(io, "declare", ...SERVICES, "--apply");
    assertEquals([applied.code, applied.out.at(-1)], [0, "7 changes: done"]);
    assertEquals(await run(io, "declare", ...SERVICES, "--plan"), {
      code: 0,
      out: ["Nothing to change"],
      err: [],
    });
    assertEquals((await run(io, "declare", ...SERVICES, "--apply")).out, ["Nothing to change"]);
  });

  it("prints JSON with --json", async () => {
    const io = fakeIo();
    await run(io, "declare", ...SERVICES, "--apply");
    await io.backend.declareQueue("analytics", { subscribeTo: ["orders"] });
    await io.backend.declareQueue("shipping", { visibilityTimeoutMs: 1_000 });
    const { code, out } = await run(io, "declare", ...SERVICES, "--plan", "--json");
    assertEquals(code, 2);
    assertEquals(JSON.parse(out[0]!), {
      changes: [{
        action: "update",
        kind: "queue",
        name: "shipping",
        setting: "visibilityTimeoutMs",
        from: 1_000,
        to: 60_000,
      }],
      foreign: [{ action: "foreign", kind: "subscription", name: "orders -> analytics" }],
      applied: false,
    });
  });

  it("plans a queue that the options describe", async () => {
    const io = fakeIo();
    const args = ["--queue", "q", "--subscribe", "t", "--dead-letter", "dlq", "--plan"];
    const { code, out } = await run(io, "declare", ...args);
    assertEquals([code, out[0]?.split("\n").length], [2, 4]);
  });

  const REFUSED: [name: string, args: string[], text: string][] = [
    ["both", [...SERVICES, "--plan", "--apply"], "either --plan or --apply"],
    ["neither", SERVICES, "either --plan or --apply"],
    ["nothing to plan", ["--plan"], "pass --topology or --queue"],
    ["a queue beside a module", [...SERVICES, "--plan", "--queue", "q"], "--queue with --topology"],
    ["a topic by itself", ["--plan", "--queue", "q", "--topic", "t"], "a topic by itself"],
  ];
  for (const [name, args, text] of REFUSED) {
    it(`refuses ${name}`, async () => {
      const { code, err } = await run(fakeIo(), "declare", ...args);
      assertEquals(code, 2);
      assertStringIncludes(err.join("\n"), text);
    });
  }

  it("says what is wrong with a module", async () => {
    const none = await run(fakeIo(), "declare", "--plan", "--topology", moduleAt("dispatcher.ts"));
    assertEquals(none.code, 1);
    assertStringIncludes(none.err.join("\n"), "it must export `topology`");
    const twins = await run(fakeIo(), "declare", "--plan", "--topology", moduleAt("twins.ts"));
    assertStringIncludes(twins.err.join("\n"), 'two services are called "a"');
  });
});

describe("export", () => {
  it("prints templates and policies", async () => {
    const io = fakeIo();
    const place = ["--region", "eu-west-1", "--account-id", "123456789012"];
    const keys = async (...args: string[]) =>
      Object.keys(JSON.parse((await run(io, "export", ...args, ...SERVICES)).out[0]!));
    assertEquals((await keys("cloudformation"))[0], "AWSTemplateFormatVersion");
    assertEquals(await keys("terraform"), ["resource"]);
    assertEquals(await keys("policies", ...place), [
      ...["worker", "publisher", "edge", "deployment", "redrive"],
    ]);
    assertEquals(await keys("policies", "--role", "edge", ...place), ["Version", "Statement"]);
    assertEquals(io.created, []);
  });

  const REFUSED: [name: string, args: string[], text: string][] = [
    ["no format", SERVICES, "cloudformation, terraform, policies are known"],
    ["a misspelt format", ["teraform", ...SERVICES], "did you mean terraform?"],
    ["no module", ["terraform"], "without --topology"],
    ["policies without a place", ["policies", ...SERVICES], "without --region"],
    [
      "a role that is none",
      ["policies", ...SERVICES, "--region", "r", "--account-id", "123456789012", "--role", "x"],
      'the policy of "x"',
    ],
  ];
  for (const [name, args, text] of REFUSED) {
    it(`refuses ${name}`, async () => {
      const { code, err } = await run(fakeIo(), "export", ...args);
      assertEquals(code, 2);
      assertStringIncludes(err.join("\n"), text);
    });
  }
});

describe("docs", () => {
  it("prints a document, and writes it beside a page", async () => {
    const folder = await Deno.makeTempDir();
    try {
      const io = fakeIo();
      const [file, page] = [`${folder}/asyncapi.json`, `${folder}/page.html`];
      const printed = await run(io, "docs", ...SERVICES, "--title", "Shop");
      assertEquals(JSON.parse(printed.out.join("\n")).info, { title: "Shop", version: "1.0.0" });
      const options = ["docs", ...SERVICES, "--title", "Shop"];
      await run(io, ...options, "--out", file, "--html", page);
      assertEquals(await Deno.readTextFile(file), `${printed.out.join("\n")}\n`);
      assertStringIncludes(await Deno.readTextFile(page), "<h1>Shop</h1>");
      assertEquals((await run(io, ...options, "--check", file)).code, 0);
      await Deno.writeTextFile(file, "{}");
      const stale = await run(io, ...options, "--check", file);
      assertEquals([stale.code, stale.out], [2, []]);
      assertStringIncludes(stale.err.join("\n"), "is not up to date");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });

  it("describes the handlers of one queue", async () => {
    const handlers = ["--handlers", moduleAt("dispatcher.ts"), "--queue", "billing"];
    const { code, out } = await run(fakeIo(), "docs", ...handlers);
    const { channels } = JSON.parse(out.join("\n"));
    assertEquals([code, "billing" in channels], [0, true]);
  });

  it("says what to write first where there is nothing to check", async () => {
    const { code, err } = await run(fakeIo(), "docs", ...SERVICES, "--check", "/no/such/file");
    assertEquals(code, 1);
    assertStringIncludes(err.join("\n"), "write it with --out");
  });
});

describe("the page", () => {
  const NAME = `<b>"x"</b>`;
  const page = pageOf(
    topologyOf({ name: NAME, publishes: [] }, {
      queue: "billing",
      deadLetterQueue: "billing-dlq",
      subscribeTo: ["orders"],
    }),
    NAME,
  );

  it("shows names as text", () => {
    assert(!page.includes(NAME));
    assertEquals(page.split(escaped(NAME)).length - 1, 3);
  });

  it("draws a line from topic to queue, and from queue to service", () => {
    assertEquals(page.match(/<path /g)?.length, 2);
    assertStringIncludes(page, "dead letters: billing-dlq");
  });
});
