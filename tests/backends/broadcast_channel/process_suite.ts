/** Processes of Node and Bun: what keeps them running, and what does not. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { BroadcastChannelBackend } from "../../../backends/broadcast_channel/mod.ts";
import { mustRun, type Run, run } from "../../../tasks/process.ts";

const SOURCE = "backends/broadcast_channel/mod.ts";
/** How long a process may take that ends by itself, and how long one is watched that must not. */
const MS = { end: 30_000, watch: 3_000 };

type Ended = Pick<Run, "code" | "output">;

let folder: string;

/** Runs a program that has a backend, with these options of it. */
async function play(options: string, program: string, timeoutMs: number): Promise<Ended> {
  const file = `${folder}/${crypto.randomUUID()}.js`;
  await Deno.writeTextFile(
    file,
    `import { BroadcastChannelBackend } from "./mod.js";
const options = { name: "process", ${options} };
const backend = new BroadcastChannelBackend(options);
${program}
`,
  );
  const { code, output } = await run("node", [file], { timeoutMs });
  return { code, output };
}

const CALLS = `
await backend.declareQueue("billing");
await backend.send({ queue: "billing" }, [{ body: "b", attributes: {} }]);
const take = { max: 1, visibilityMs: 30_000 };
const [delivery] = await backend.receive("billing", { ...take, waitMs: 0 });
await backend.acknowledge("billing", [delivery.receipt]);
console.log("all calls returned");
`;

describe("BroadcastChannelBackend in a process of Node", () => {
  beforeAll(async () => {
    folder = await Deno.makeTempDir();
    await Deno.writeTextFile(`${folder}/package.json`, `{ "type": "module" }`);
    const options = ["--quiet", "--no-check", "--platform=browser", "--outdir", folder];
    await mustRun(Deno.execPath(), ["bundle", ...options, SOURCE]);
  });

  afterAll(() => Deno.remove(folder, { recursive: true }));

  it("keeps it running until close()", async () => {
    const open = await play("", CALLS, MS.watch);
    assert(open.code !== 0 && open.output.includes("all calls returned"), open.output);
    const closed = await play("", `${CALLS} await backend.close();`, MS.end);
    assertEquals(closed, { code: 0, output: "all calls returned" });
  });

  it("with keepsAlive off, calls return, and the process ends without close()", async () => {
    const ended = await play("keepsAlive: false", CALLS, MS.end);
    assertEquals(ended, { code: 0, output: "all calls returned" });
  });

  it("with keepsAlive off, neither a receive that waits, nor a lock, nor a delay keeps it", async () => {
    const ended = await play(
      "keepsAlive: false",
      `${CALLS}
await backend.send({ queue: "billing" }, [{ body: "held", attributes: {} }]);
await backend.send({ queue: "billing" }, [{ body: "late", attributes: {}, delayMs: 60_000 }]);
await backend.receive("billing", { ...take, waitMs: 0 });
void backend.receive("billing", { ...take, waitMs: 20_000 }).then(() => console.log("too late"));`,
      MS.end,
    );
    assertEquals(ended, { code: 0, output: "all calls returned" });
  });

  it("with keepsAlive off, a receive that waits works as long as something else runs", async () => {
    const ended = await play(
      "keepsAlive: false",
      `${CALLS}
const other = new BroadcastChannelBackend(options);
setTimeout(() => other.send({ queue: "billing" }, [{ body: "b", attributes: {} }]), 1_000);
const work = setTimeout(() => {}, 60_000);
const [next] = await backend.receive("billing", { ...take, waitMs: 20_000 });
console.log(next.message.body);
clearTimeout(work);`,
      MS.end,
    );
    assertEquals(ended, { code: 0, output: "all calls returned\nb" });
  });

  it("has one leader before any call returns, where two join in one turn", async () => {
    const joined = await play(
      "keepsAlive: false",
      `
for (let round = 0; round < 6; round++) {
  const both = [1, 2].map(() => new BroadcastChannelBackend({ ...options, name: "r" + round }));
  await Promise.all(both.map(async (each, place) => {
    await each.declareQueue("q-" + place);
    console.log(both.filter(({ role }) => role === "leader").length);
  }));
}`,
      MS.end,
    );
    assertEquals(joined, { code: 0, output: Array(12).fill("1").join("\n") });
  });

  it("does not let a context end that only waits for a lock", async () => {
    const { code, output } = await play(
      "locks: globalThis.navigator?.locks",
      `
import { isMainThread, Worker } from "node:worker_threads";
if (isMainThread) {
  await backend.declareTopic("leads");
  const worker = new Worker(new URL(import.meta.url));
  worker.on("exit", () => console.log("the worker ended"));
  setTimeout(() => {
    console.log("waits");
    process.exit(0);
  }, 1_500);
}`,
      MS.end,
    );
    assertEquals([code, output], [0, "waits"]);
  });
});

describe("BroadcastChannelBackend, keepsAlive", () => {
  it("is true or false", () => {
    for (const keepsAlive of ["no", 0, null].map((value) => value as unknown as boolean)) {
      assertThrows(() => new BroadcastChannelBackend({ name: "process", keepsAlive }), TypeError);
    }
  });
});
