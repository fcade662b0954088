import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import config from "../../../deno.json" with { type: "json" };
import { mustRun, run } from "../../../tasks/process.ts";

const PROGRAM = new URL("../../../tasks/release/main.ts", import.meta.url).pathname;
const ROOT = new URL("../../../", import.meta.url).pathname;
const COPIED = ["deno.json", "cli/package.ts", "CHANGELOG.md", "README.md", "src/event/event.ts"];

let folder: string;

function release(...args: string[]) {
  return run(Deno.execPath(), ["run", "-q", "-A", PROGRAM, ...args], { cwd: folder });
}

function text(path: string): Promise<string> {
  return Deno.readTextFile(`${folder}/${path}`);
}

describe("deno task release, on a copy", () => {
  beforeEach(async () => {
    folder = await Deno.makeTempDir();
    for (const path of COPIED) {
      const target = `${folder}/${path}`;
      await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), { recursive: true });
      await Deno.copyFile(`${ROOT}${path}`, target);
    }
    // The changelog of the day may have no version that is worked on.
    const changelog = await text("CHANGELOG.md");
    const open = `## 99.0.0, not yet released\n\n- A change.\n\n## 0.0.1`;
    const dated = changelog.replaceAll(", not yet released", ", 2026-01-01").replace(
      "## ",
      `${open}\n\n## `,
    );
    await Deno.writeTextFile(`${folder}/CHANGELOG.md`, dated);
    await mustRun("git", ["init", "-q"], { cwd: folder });
    await mustRun("git", ["add", "."], { cwd: folder });
  });
  afterEach(() => Deno.remove(folder, { recursive: true }));

  it("sets the version, which then fits its tag and has notes", async () => {
    assertEquals((await release("--check", "v99.0.0")).code, 1);
    const { code, stdout, output } = await release("99.0.0");
    assertEquals(code, 0, output);
    assertStringIncludes(stdout, "git tag v99.0.0");
    assertEquals(JSON.parse(await text("deno.json")), { ...config, version: "99.0.0" });
    assertStringIncludes(await text("cli/package.ts"), 'VERSION = "99.0.0"');
    assertMatch(await text("CHANGELOG.md"), /^## 99\.0\.0, \d{4}-\d\d-\d\d$/m);
    assertEquals((await release("--check", "v99.0.0")).code, 0);
    assertEquals((await release("--notes", "v99.0.0")).stdout, "- A change.\n");
  });

  it("changes nothing where it refuses", async () => {
    const before = await text("deno.json");
    const { code, stderr } = await release("0.0.0");
    assertEquals([code, await text("deno.json")], [2, before], stderr);
    assertStringIncludes(stderr, "is lower than");
    assertEquals((await release()).code, 2);
    assertStringIncludes((await release("--name", "melange")).stderr, "write @scope/name");
  });

  it("gives the package another name, in all files", async () => {
    const { code, output } = await release("--name", "@spice/flows");
    assertEquals(code, 0, output);
    assertEquals(JSON.parse(await text("deno.json")).name, "@spice/flows");
    assertStringIncludes(await text("README.md"), 'from "@spice/flows/memory"');
    assertStringIncludes(await text("cli/package.ts"), 'NAME = "@spice/flows"');
    const left = await run("git", ["grep", "-F", config.name], { cwd: folder });
    const others = left.stdout.split("\n").filter((line) => line && !line.includes("Symbol.for("));
    assertEquals(others, []);
    assertStringIncludes(
      await text("src/event/event.ts"),
      `Symbol.for("${config.name}/eventType")`,
    );
  });
});
