import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { FakeTime } from "@std/testing/time";
import { loadHandlers, withLogger } from "../../cli/handlers.ts";
import { Dispatcher } from "../../src/handle/dispatcher.ts";
import { MelangeError } from "../../src/support/errors.ts";
import { defineEvent, typed } from "../../src/event/event.ts";
import type { Logger } from "../../src/support/logger.ts";
import { moduleAt } from "./fake_io.ts";

const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} };

async function refusalOf(specifier: string): Promise<MelangeError> {
  const error = await assertRejects(() => loadHandlers(specifier), MelangeError);
  assertEquals(error.code, "CONFIGURATION");
  return error;
}

describe("loadHandlers()", () => {
  it("takes a path from the current folder, a URL, and a module in the URL itself", async () => {
    const path = moduleAt("dispatcher.ts");
    const relative = path.slice(Deno.cwd().length + 1);
    const inTheUrl = `data:application/javascript,${
      encodeURIComponent(`export { dispatcher } from "file://${path}";`)
    }`;
    for (const specifier of [path, relative, `./${relative}`, `file://${path}`, inTheUrl]) {
      const { eventTypes } = await loadHandlers(specifier);
      assertEquals(eventTypes.map(({ type }) => type), ["OrderPlaced"], specifier);
    }
  });

  it("finds event types that are exported, and nothing that looks like one", async () => {
    const { dispatcher, eventTypes } = await loadHandlers(moduleAt("types_only.ts"));
    assertEquals(eventTypes.map(({ type }) => type), ["Unheard"]);
    assertEquals(dispatcher.takesEverything, true);
  });

  it("hands the logger to the dispatcher it makes", async () => {
    const subscribers = moduleAt("subscribers.ts");
    const warnings: string[] = [];
    const logger = { ...SILENT, warn: (message: string) => void warnings.push(message) };
    const { dispatcher } = await loadHandlers(subscribers, { logger });
    dispatcher.options.logger.warn("heard");
    assertEquals(warnings, ["heard"]);
  });

  it("tells a file that is missing from one that cannot be read", async () => {
    const missing = await refusalOf(moduleAt("missing.ts"));
    assertStringIncludes(missing.message, "there is no file");
    assertEquals(missing.cause, undefined);
    const below = await refusalOf(`${moduleAt("dispatcher.ts")}/below.ts`);
    assertStringIncludes(below.message, "it cannot be read");
    assertStringIncludes(String(below.cause), "ENOTDIR");
  });

  it("keeps what a module threw, and what a subscriber was refused for", async () => {
    const thrown = await refusalOf(moduleAt("throws.ts"));
    assertEquals((thrown.cause as Error).message, "no database");
    const half = await refusalOf(moduleAt("half_subscriber.ts"));
    assert(half.cause instanceof TypeError);
  });

  for (const lacking of ["subscriptionsTo", "options", "eventTypes"]) {
    it(`takes nothing for a dispatcher that has no ${lacking}`, async () => {
      const parts = ["subscriptionsTo", "options", "eventTypes"].filter((it) => it !== lacking);
      const source = `export const dispatcher = { ${parts.map((it) => `${it}: []`)} };`;
      const error = await refusalOf(`data:application/javascript,${encodeURIComponent(source)}`);
      assertStringIncludes(error.message, "`dispatcher` is not a Dispatcher");
    });
  }

  it("takes null, and a function, for no dispatcher", async () => {
    for (const value of ["null", "() => {}"]) {
      const source = `export const dispatcher = ${value};`;
      const error = await refusalOf(`data:application/javascript,${encodeURIComponent(source)}`);
      assertStringIncludes(error.message, "`dispatcher` is not a Dispatcher");
    }
  });
});

describe("loadHandlers(), in time", () => {
  it("says what it waits for where a module does not end to load", async () => {
    using time = new FakeTime();
    const warnings: string[] = [];
    const logger = { ...SILENT, warn: (message: string) => void warnings.push(message) };
    const source = `await globalThis.loading; export { dispatcher } from "file://${
      moduleAt("dispatcher.ts")
    }";`;
    let load = () => {};
    Object.assign(globalThis, { loading: new Promise<void>((resolve) => load = resolve) });
    const url = `data:application/javascript,${encodeURIComponent(source)}`;
    const loaded = loadHandlers(url, { logger });
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    time.tick(4_999);
    assertEquals(warnings, []);
    time.tick(1);
    assertEquals(warnings, ["Still waiting for the module to be loaded"]);
    load();
    assertEquals((await loaded).eventTypes.length, 1);
  });
});

describe("withLogger()", () => {
  const Ping = defineEvent("Ping", { schema: typed<{ at: number }>() });

  it("changes the logger, and nothing else", () => {
    const dispatcher = new Dispatcher({ handlerTimeoutMs: 5_000 });
    dispatcher.subscribe(Ping, () => {}, { name: "pings" });
    const wrapped = withLogger(dispatcher, SILENT);
    assert(wrapped.options.logger === SILENT);
    assert(dispatcher.options.logger !== SILENT);
    assertEquals(wrapped.options.handlerTimeoutMs, 5_000);
    assertEquals(wrapped.eventTypes, dispatcher.eventTypes);
    assertEquals(wrapped.subscriptionsTo("Ping").length, 1);
  });

  it("is the same dispatcher: who subscribes there, subscribes here", () => {
    const dispatcher = new Dispatcher();
    const wrapped = withLogger(dispatcher, SILENT);
    wrapped.subscribe(Ping, () => {}, { name: "pings" });
    assertEquals(dispatcher.subscriptionsTo("Ping").length, 1);
    assert(wrapped instanceof Dispatcher);
  });
});
