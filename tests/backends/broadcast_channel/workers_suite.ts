/**
 * The scenarios for several workers, on Deno, Node and Bun: `deno task test:workers`. They take
 * minutes, as real workers really hang and end; so they are no part of `deno task test`.
 */
import { assert } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { mustRun, run } from "../../../tasks/process.ts";
import { scenarios } from "./workers/scenarios.ts";

const SOURCES = "tests/backends/broadcast_channel/workers";
const BUNDLES = "dist/broadcast_channel";

const RUNTIMES: Record<string, readonly [string, ...string[]]> = {
  deno: [Deno.execPath(), "run", "-A", "--v8-flags=--expose-gc"],
  node: ["node", "--expose-gc"],
  bun: ["npx", "-y", "bun@^1"],
};

for (const [runtime, [command, ...args]] of Object.entries(RUNTIMES)) {
  describe(`BroadcastChannelBackend, workers of ${runtime}`, () => {
    for (const scenario of Object.keys(scenarios)) {
      it(scenario, async () => {
        await bundle();
        const { code, output } = await run(command, [...args, `${BUNDLES}/suite.js`, scenario]);
        const line = output.split("\n").find((each) => each.includes(`${runtime} ${scenario}: `));
        console.log(line ?? output);
        assert(code === 0 && line?.startsWith("ok "), output);
      });
    }
  });
}

let bundled: Promise<unknown> | undefined;

function bundle(): Promise<unknown> {
  return bundled ??= (async () => {
    await Deno.mkdir(BUNDLES, { recursive: true });
    await Deno.writeTextFile(`${BUNDLES}/package.json`, `{ "type": "module" }\n`);
    const files = ["suite.ts", "worker.ts"].map((file) => `${SOURCES}/${file}`);
    const options = ["--quiet", "--no-check", "--platform=browser", "--outdir", BUNDLES];
    await mustRun(Deno.execPath(), ["bundle", ...options, ...files]);
  })();
}
