/** The program as Node.js runs it: this machine's `node`, which may be as old as 20. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { isMainModule } from "../../cli/is_main_module.ts";
import config from "../../deno.json" with { type: "json" };
import { mustRun, run } from "../../tasks/process.ts";
import { standInImports } from "../std.ts";
import { withoutAws } from "../without_aws.ts";

let folder: string;

async function bundle(entry: string): Promise<string> {
  const map = `${folder}/map.json`;
  await Deno.writeTextFile(map, JSON.stringify({ imports: standInImports() }));
  const output = `${folder}/${entry}.mjs`;
  const source = new URL(`../../cli/${entry}.ts`, import.meta.url).pathname;
  const options = ["--quiet", "--no-check", "--platform=deno", `--import-map=${map}`];
  await mustRun(Deno.execPath(), ["bundle", ...options, "--output", output, source]);
  return output;
}

describe("the command line on Node.js", () => {
  const programs: Record<string, string> = {};

  beforeAll(async () => {
    folder = await Deno.makeTempDir();
    for (const entry of ["bin", "mod"]) programs[entry] = await bundle(entry);
    await Deno.symlink(`${folder}/mod.mjs`, `${folder}/linked.mjs`);
    programs.linked = `${folder}/linked.mjs`;
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  for (const entry of ["bin", "mod", "linked"]) {
    it(`runs as ${entry}, and never ends without a word`, async () => {
      const runs: [args: string[], code: number, output: RegExp][] = [
        [["--version"], 0, new RegExp(`^${config.version}$`)],
        [["-h"], 0, /^melange COMMAND \[options\]\n/],
        [[], 2, /^melange COMMAND \[options\]\n/],
        [["publihs"], 2, /did you mean publish\?/],
        [["publish", "A", "1", "--queue", "q", "--endpoint", "http://127.0.0.1:7"], 1, /region/],
      ];
      for (const [args, code, output] of runs) {
        const ended = await run("node", [programs[entry] ?? "", ...args], { env: withoutAws() });
        assertEquals(ended.code, code, ended.output);
        assertMatch(ended.output, output);
      }
    });
  }

  it("says so where something else ends the process", async () => {
    const quits = `${folder}/quits.mjs`;
    await Deno.writeTextFile(quits, "process.exit(0);\n");
    const args = ["consume", "--queue", "q", "--handlers", quits];
    const { code, stderr } = await run("node", [programs.bin ?? "", ...args], {
      env: withoutAws(),
    });
    assertEquals(code, 1, stderr);
    assertStringIncludes(stderr, "error: The process ended before the command did");
  });

  it("says so where nothing is left to wait for", async () => {
    const waits = `${folder}/waits.mjs`;
    await Deno.writeTextFile(waits, "await new Promise(() => {});\n");
    const args = ["consume", "--queue", "q", "--handlers", waits];
    const { code, stderr } = await run("node", [programs.bin ?? "", ...args], {
      env: withoutAws(),
    });
    assertEquals(code, 1, stderr);
    assertStringIncludes(stderr, "error: The process ended before the command did");
  });
});

describe("isMainModule()", () => {
  const here = new URL(import.meta.url).pathname;

  it("trusts the runtime where that says it", () => {
    assertEquals(isMainModule({ main: true, url: "https://example.com/a.js" }, "/b"), true);
    assertEquals(isMainModule({ main: false, url: import.meta.url }, here), false);
  });

  it("compares paths elsewhere", () => {
    assertEquals(isMainModule({ url: import.meta.url }, here), true);
    assertEquals(isMainModule({ url: import.meta.url }, `${here}/../main_deno_test.ts`), false);
    assertEquals(isMainModule({ url: import.meta.url }, "/no/such/file"), false);
    assertEquals(isMainModule({ url: "https://example.com/a.js" }, here), false);
  });
});
