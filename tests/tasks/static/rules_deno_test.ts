import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import plugin from "../../../tasks/static/rules.ts";

const ROOT = new URL("../../../", import.meta.url).pathname;

/** The line and the rule of each report on this source. */
function reportsOn(source: string, path: string = "tests/some_test.ts"): string[] {
  return Deno.lint.runPlugin(plugin, `${ROOT}${path}`, source).map(({ id, range }) => {
    const line = source.slice(0, range[0]).split("\n").length;
    return `${line} ${id.replace("melange/", "")}`;
  });
}

describe("inherited-environment", () => {
  it("refuses clearEnv", () => {
    for (const key of ["clearEnv: true", '"clearEnv": isCi', "clearEnv"]) {
      assertEquals(reportsOn(`const isCi = 1, clearEnv = 1;\nconst options = { ${key} };`), [
        "2 inherited-environment",
      ]);
    }
  });

  it("lets the one helper do it", () => {
    assertEquals(reportsOn("export const options = { clearEnv: true };", "tasks/process.ts"), []);
  });
});

describe("one-way-to-start-programs", () => {
  const starts: Record<string, string> = {
    "Deno.Command": `new Deno.Command("x");`,
    "Deno.Command under another name": `const { Command } = Deno;`,
    "Bun.spawn": `Bun.spawnSync(["x"]);`,
    "an import": `import { spawn } from "node:child_process";`,
    "an import without a prefix": `import * as all from "child_process";`,
    "a dynamic import": `const all = await import("node:child_process");`,
    require: `const all = require("child_process");`,
  };
  for (const [what, source] of Object.entries(starts)) {
    it(`refuses ${what}, everywhere`, () => {
      for (const path of ["tests/a.ts", "tasks/a.ts", "examples/a.ts", "bench/a.ts", "cli/a.ts"]) {
        assertEquals(reportsOn(`\n${source}`, path), ["2 one-way-to-start-programs"], path);
      }
      assertEquals(reportsOn(source, "tasks/process.ts"), []);
    });
  }

  it("takes what only looks like it", () => {
    const source = `Deno.execPath(); const { Command } = other; new Command(); Bun.gc(true);
      import { parse } from "node:util"; "child_process";`;
    assertEquals(reportsOn(source), []);
  });
});

describe("doc-openings", () => {
  for (const opening of ["What", "Whether", "Who", "Whose", "Its", "Where", "How"]) {
    it(`refuses "${opening}"`, () => {
      for (const path of ["src/event/b.ts", "backends/conformance/a.ts", "mod.ts"]) {
        const source =
          `let a;\n/** ${opening} one sees. */\nlet b;\n/**\n * ${opening} two do.\n */`;
        assertEquals(reportsOn(source, path), ["2 doc-openings", "4 doc-openings"], path);
      }
    });
  }

  it("takes other openings, other comments and other code", () => {
    const source = `/** Items that wait. What is more: the rest. */
      /** Whatever */ // What
      /* What */ const text = "/** What */";
      /**
       * A noun.
       * What follows it.
       */`;
    assertEquals(reportsOn(source, "src/event/a.ts"), []);
    assertEquals(reportsOn("/** What */", "tests/a.ts"), []);
  });
});

const unbounded: Record<string, string> = {
  "while": "while (!done) await sleep();",
  "a condition that waits": "while (!await isDone()) {}",
  "do": "do { await sleep(); } while (!done);",
  "for without end": "for (;;) { if (done) break; await sleep(); }",
  "true": "while (true) { const some = await next(); if (some.length === 0) return; }",
  "a count that is not compared": "for (let n = 0; !done; n++) { await sleep(); }",
  "a count of somebody else": "while (found.size < 3) { n++; await sleep(); }",
  "a deadline that is not compared": "while (!done) { await sleep(deadline); }",
  "a stream inside": "while (!done) for await (const part of stream) use(part);",
  "a condition that is looked at again": "for (let ok = no(); !ok; ok = look()) await sleep();",
  "a poll in its head": "for (let left = 1; left; left = await count()) {}",
  "a loop in a loop": "while (!done) for (const each of all) await each;",
};
const bounded: Record<string, string> = {
  "no wait": "while (!done) look();",
  "a wait in a function inside": "while (!done) calls.push(async () => { await sleep(); });",
  "a count": "for (let n = 0; n < 3; n++) await sleep();",
  "a count beside a condition": "for (let n = 0; !done && n < 500; n++) await sleep();",
  "a count down": "while (left > 0) { left -= 1; await sleep(); }",
  "a count in an if": "for (;;) { if (tries++ > 5) throw late(); await sleep(); }",
  "a count of a field": "while (this.turn < 5) { this.turn++; await sleep(); }",
  "a deadline": "while (!done && Date.now() < end) await sleep();",
  "a deadline in an if":
    "while (!await isDone()) { if (performance.now() > end) throw late(); await sleep(); }",
  "a signal": "while (!signal.aborted) await next();",
  "a signal that throws": "for (;;) { signal.throwIfAborted(); await next(); }",
  "what is taken from a list": "for (let run = next(); run; run = next()) await run();",
  "a list": "for (const each of all) await each;",
};

describe("bounded-waits", () => {
  for (const [what, loop] of Object.entries(unbounded)) {
    it(`refuses a loop that waits: ${what}`, () => {
      const source = `async function wait() {\n  ${loop}\n}`;
      for (const folder of ["tests", "tasks", "examples", "bench"]) {
        assertEquals(reportsOn(source, `${folder}/a.ts`), ["2 bounded-waits"], folder);
      }
    });
  }

  for (const [what, loop] of Object.entries(bounded)) {
    it(`takes ${what}`, () => {
      assertEquals(reportsOn(`async function wait() {\n  ${loop}\n}`), []);
    });
  }

  it("refuses a wait for the end of a program", () => {
    assertEquals(reportsOn("const { code } =\n await child.status;"), ["2 bounded-waits"]);
    assertEquals(reportsOn("const { status } = await fetch(url); (await answer).status;"), []);
  });

  it("leaves the loops of the library alone", () => {
    for (const path of ["src/a.ts", "backends/aws/a.ts", "cli/a.ts"]) {
      assertEquals(reportsOn("for (;;) await receive();", path), [], path);
    }
  });

  it("judges the loops of functions by themselves", () => {
    const source = `while (!signal.aborted) {
  const poll = async () => {
    while (!done) await sleep();
  };
  await poll();
}`;
    assertEquals(reportsOn(source), ["3 bounded-waits"]);
  });
});
