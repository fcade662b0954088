import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { run } from "../../tasks/process.ts";

const PRELOAD = new URL("./prints.ts", import.meta.url).href;

/** Runs the doc test of a page with this block. */
async function testOf(block: string) {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/page.md`, `# Page\n\n\`\`\`ts\n${block}\n\`\`\`\n`);
    const options = ["test", "--no-check", "--no-config", "--doc", `--preload=${PRELOAD}`];
    return await run(Deno.execPath(), [...options, "page.md"], { cwd: folder });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

describe("a block of docs", () => {
  const kept: [what: string, block: string][] = [
    ["at the end of a line", 'console.log("a", 1); // prints: a 1'],
    ["on a line of its own", "console.log({ b: [1, 2] });\n// prints: { b: [ 1, 2 ] }"],
    ["in order", "console.log(1); // prints: 1\nconsole.log(2); // prints: 2"],
    ["later", "await Promise.resolve(); console.log(1); // prints: 1"],
    ["nothing, and promises nothing", "console.error(1); void 0;"],
    ["something, and promises nothing", "console.log(1);"],
  ];
  for (const [what, block] of kept) {
    it(`passes if it prints what it says ${what}`, async () => {
      const { code, output } = await testOf(block);
      assertEquals(code, 0, output);
    });
  }

  const broken: [what: string, block: string][] = [
    ["something else", "console.log(2); // prints: 1"],
    ["nothing", "console.error(1); // prints: 1"],
    ["more", "console.log(1); // prints: 1\nconsole.log(2);"],
    ["less", "console.log(1);\n// prints: 1\n// prints: 2"],
    ["in another order", "console.log(2);\nconsole.log(1);\n// prints: 1\n// prints: 2"],
  ];
  for (const [what, block] of broken) {
    it(`fails if it prints ${what}`, async () => {
      const { code, output } = await testOf(block);
      assertEquals(code, 1, output);
      assertEquals(output.includes("The example promises to print"), true, output);
    });
  }
});
