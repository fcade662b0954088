/**
 * The package as JSR hands it out, in an empty folder on Deno. A local link takes the place of the
 * registry: Deno then treats this folder as the package of that name.
 */
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import config from "../../deno.json" with { type: "json" };
import { run } from "../../tasks/process.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const { name: PACKAGE, version } = config;
const SUBPATHS = Object.keys(config.exports).map((subpath) => subpath.slice(1));

const MAIN = `import { defineEvent, EventBus, typed } from "${PACKAGE}";
import { MemoryBackend } from "${PACKAGE}/memory";
${SUBPATHS.map((path, index) => `import * as entry${index} from "${PACKAGE}${path}";`).join("\n")}

const entries: object[] = [${SUBPATHS.map((_, index) => `entry${index}`).join(", ")}];
const Ping = defineEvent("Ping", { topic: "pings", schema: typed<{ at: number }>() });
await using bus = new EventBus({ backend: new MemoryBackend(), queue: "mine" });
const seen = new Promise<number>((resolve) => {
  bus.subscribe(Ping, (event) => resolve(event.data.at), { name: "see" });
});
await bus.declare();
bus.start();
await bus.publish(Ping({ at: 1 }));
const empty = entries.filter((entry) => Object.keys(entry).length === 0).length;
console.log("handled", await seen, "empty", empty);
`;

describe("the package of JSR", () => {
  it("is checked and run by Deno in an empty folder", async () => {
    const folder = await Deno.makeTempDir({ prefix: "melange-package-" });
    try {
      const project = { links: [ROOT], imports: { [PACKAGE]: `jsr:${PACKAGE}@^${version}` } };
      await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify(project));
      await Deno.writeTextFile(`${folder}/main.ts`, MAIN);
      const args = ["run", "--check", "--quiet", "--no-lock", "main.ts"];
      const { code, output } = await run(Deno.execPath(), args, { cwd: folder });
      assertEquals([code, output], [0, "handled 1 empty 0"]);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
});
