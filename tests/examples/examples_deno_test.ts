import { assert, assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import edge from "../../examples/edge_publisher.ts";
import { AwsBackend } from "../../backends/aws/mod.ts";
import { mustRun, type Run, run } from "../../tasks/process.ts";
import { startBroker } from "../broker.ts";
import { standInImports } from "../std.ts";

const FOLDER = new URL("../../examples/", import.meta.url);
/** Modules that another program loads. */
const LOADED = ["handlers.ts", "edge_publisher.ts"];

const names = [
  ...[...Deno.readDirSync(FOLDER)].map(({ name }) => name).filter((name) => name.endsWith(".ts"))
    .sort(),
  "shop/main.ts",
];

/** What an example says at its end that it prints. */
function promised(source: string): string {
  const [, comment = ""] = source.split("\n// Prints:\n");
  return comment.replaceAll(/^\/\/ /gm, "");
}

function runExample(name: string): Promise<Run> {
  const args = ["run", "--quiet", "--no-prompt", new URL(name, FOLDER).href];
  return run(Deno.execPath(), args, { timeoutMs: 60_000 });
}

/** The commands of the runtimes beside Deno; the second one takes its time. */
const OTHERS = [["node"], ["npx", "-y", "bun@^1"]] as const;
/** Modules of a host, which show something only if `import.meta.main` is known. */
const HOSTED = ["lambda.ts", "sns_endpoint.ts"];

/** Examples on SQLite, which Node.js has from version 22.5. */
const SQLITE = ["inbox.ts", "outbox.ts"];

/** Bundles an example, as these runtimes know nothing of the import map; returns the file. */
async function bundleExample(name: string, folder: string): Promise<string> {
  const [map, output] = [`${folder}/map.json`, `${folder}/example.mjs`];
  await Deno.writeTextFile(map, JSON.stringify({ imports: standInImports() }));
  const options = ["--quiet", "--no-check", "--platform=deno", `--import-map=${map}`];
  const source = new URL(name, FOLDER).pathname;
  await mustRun(Deno.execPath(), ["bundle", ...options, "--output", output, source]);
  return output;
}

describe("examples", () => {
  for (const name of names) {
    const source = Deno.readTextFileSync(new URL(name, FOLDER));

    it(`${name} is short and says what it shows`, () => {
      assert(source.split("\n").length <= 61);
      assertMatch(source, /^\/\*\*\n \* .+/);
    });

    if (LOADED.includes(name)) continue;
    it(`${name} needs no permission and prints what it promises`, async () => {
      const { code, stdout, output } = await runExample(name);
      assertEquals(code, 0, output);
      assert(promised(source) !== "");
      assertEquals(stdout, promised(source));
    });
  }

  const elsewhere = names.filter((name) => ![...LOADED, ...HOSTED, ...SQLITE].includes(name));
  for (const name of elsewhere) {
    const others = name === "worker.ts" ? OTHERS : OTHERS.slice(0, 1);
    it(`${name} prints the same on ${others.map(([command]) => command).join(" and ")}`, async () => {
      const folder = await Deno.makeTempDir();
      try {
        const program = await bundleExample(name, folder);
        for (const [command, ...args] of others) {
          const { code, stdout, output } = await run(command, [...args, program]);
          assertEquals(code, 0, output);
          assertEquals(stdout, promised(Deno.readTextFileSync(new URL(name, FOLDER))), command);
        }
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    });
  }

  it("README.md lists all of them", async () => {
    const text = await Deno.readTextFile(new URL("README.md", FOLDER));
    for (const name of names) assert(text.includes(`[${name}](${name})`), name);
  });

  it("edge_publisher.ts publishes, and says so before or after", async () => {
    const broker = await startBroker();
    const backend = new AwsBackend(broker.options);
    await backend.declareQueue("views", { subscribeTo: ["page-views"] });
    const env = {
      AWS_ENDPOINT_URL: broker.endpoint,
      AWS_REGION: "us-east-1",
      AWS_ACCESS_KEY_ID: "test",
      AWS_SECRET_ACCESS_KEY: "test",
    };
    const promises: Promise<unknown>[] = [];
    const context = { waitUntil: (promise: Promise<unknown>) => void promises.push(promise) };
    const ask = (method: string, body: string | null = null) =>
      edge.fetch(new Request("https://example.com/home", { method, body }), env, context);

    assertEquals(await (await ask("GET")).text(), "hello");
    assertEquals(promises.length, 1);
    await Promise.all(promises);
    const answer = await ask("POST", '{"path":"/home"}');
    assertEquals(answer.status, 202);
    assertEquals(typeof (await answer.json()).messageId, "string");
    assertEquals((await backend.describeQueue("views")).available, 2);
    await backend.close();
    await broker.close();
  });
});
