/** The npm package in an empty folder, on every runtime that installs from npm. */
import { assertEquals, assertMatch } from "@std/assert";
import { after, before, describe, it } from "@std/testing/bdd";
import config from "../../deno.json" with { type: "json" };
import { type Program, type Run, run, start } from "../../tasks/process.ts";
import { bunProgram, nodeProgram, NODES } from "../../tasks/test/runtimes.ts";
import { type Broker, startBroker } from "../broker.ts";
import { listening } from "../cli/broker/program.ts";
import { untilEmpty } from "../wait.ts";
import { withoutAws } from "../without_aws.ts";
import { createProject, ENTRIES, PACKAGE, type Project } from "./project.ts";

/** Programs of runtimes, by the names of these. */
const RUNTIMES: Record<string, () => Promise<string>> = {
  ...Object.fromEntries(NODES.map((line) => [`Node.js ${line}`, () => nodeProgram(line)])),
  Bun: bunProgram,
};

const HANDLERS = `import { defineEvent, Dispatcher, typed } from "${PACKAGE}";
const Job = defineEvent("Job", { topic: "jobs", schema: typed() });
export const dispatcher = new Dispatcher();
dispatcher.subscribe(Job, ({ data }) => console.log("did " + data.number), { name: "do" });
`;

/** What an import of each entry point gives: the number of its names, and a bus that works. */
const IMPORTS = `const names = ${JSON.stringify(ENTRIES)};
for (const name of names) console.log(name, Object.keys(await import(name)).length);
import { defineEvent, EventBus, typed } from "${PACKAGE}";
import { MemoryBackend } from "${PACKAGE}/memory";
const Ping = defineEvent("Ping", { topic: "pings", schema: typed() });
const bus = new EventBus({ backend: new MemoryBackend(), queue: "mine" });
const seen = new Promise((resolve) => bus.subscribe(Ping, (event) => resolve(event.data.at)));
await bus.declare();
bus.start();
await bus.publish(Ping({ at: 1 }));
console.log("handled", await seen);
await bus[Symbol.asyncDispose]();
console.log("running", bus.running);
`;

const REQUIRES = `const names = ${JSON.stringify(ENTRIES)};
for (const name of names) console.log(name, Object.keys(require(name)).length);
`;

describe("the npm package", () => {
  let project: Project;
  let broker: Broker;
  before(async () => {
    project = await createProject();
    broker = await startBroker();
    await project.write("imports.mjs", IMPORTS);
    await project.write("requires.cjs", REQUIRES);
    await project.write("handlers.mjs", HANDLERS);
  });
  after(async () => {
    await broker.close();
    await project[Symbol.asyncDispose]();
  });

  for (const [name, install] of Object.entries(RUNTIMES)) {
    describe(`on ${name}`, () => {
      let program = "";
      before(async () => {
        program = await install();
      });

      const runs = (...args: string[]) => run(program, args, { cwd: project.folder });

      it("is imported, entry by entry, and works", async () => {
        const { code, stdout, stderr } = await runs("imports.mjs");
        assertEquals(code, 0, stderr);
        const lines = stdout.trim().split("\n");
        assertEquals(lines.slice(-2), ["handled 1", "running false"]);
        assertAllFilled(lines.slice(0, -2));
      });

      it("is required, entry by entry", async () => {
        const { code, stdout, stderr } = await runs("requires.cjs");
        assertEquals(code, 0, stderr);
        assertAllFilled(stdout.trim().split("\n"));
      });

      it("has a command line that says its version and what it can do", async () => {
        const version = await melange(program, project, ["--version"]);
        assertEquals([version.code, version.stderr], [0, ""]);
        assertMatch(version.stdout, new RegExp(`\\b${config.version}\\b`));
        const help = await melange(program, project, ["--help"]);
        assertEquals(help.code, 0, help.output);
        assertMatch(help.stdout, /declare.*publish.*consume/s);
      });

      it("has a command line that is never silent about what it does not know", async () => {
        const { code, stderr } = await melange(program, project, ["no-such-command"]);
        assertEquals(code, 2);
        assertMatch(stderr, /no-such-command/);
      });

      it("declares, publishes, consumes and drains on SIGTERM", async () => {
        const queue = `jobs-${crypto.randomUUID()}`;
        const env = environment(broker);
        const call = (...args: string[]) => melange(program, project, args, env);
        assertSuccess(await call("declare", "--queue", queue, "--subscribe", "jobs"));
        assertSuccess(await call("publish", "Job", '{"number":7}', "--topic", "jobs"));
        const settings = ["--handlers", "handlers.mjs", "--wait-ms", "1000"];
        await using worker = startMelange(program, project, {
          args: ["consume", "--queue", queue, ...settings],
          env,
        });
        await worker.line(/^did 7$/);
        worker.kill("SIGTERM");
        assertEquals(await worker.ended(), { code: 0, signal: null });
      });

      it("is a broker that keeps what it has acknowledged when it is killed", async () => {
        const data = `broker-${crypto.randomUUID()}.log`;
        const args = ["broker", "--port", "0", "--data", data, "--sync"];
        const begin = () => startMelange(program, project, { args, env: withoutAws() });
        await using first = begin();
        const { backend } = await listening(first);
        await backend.declareQueue("jobs", { subscribeTo: ["orders"] });
        const bodies = Array.from({ length: 30 }, (_, number) => `${number} 🙂`);
        for (const body of bodies) {
          const [result] = await backend.send({ topic: "orders" }, [{ body, attributes: {} }]);
          assertEquals(result?.ok, true);
        }
        first.kill("SIGKILL");
        await first.ended();
        await backend.close();
        await using second = begin();
        const again = await listening(second);
        const what = "messages";
        const options = { max: 10, waitMs: 0, visibilityMs: 30_000 };
        const received = await untilEmpty(() => again.backend.receive("jobs", options), { what });
        assertEquals(received.map(({ message: { body } }) => body), bodies);
        await again.backend.close();
        second.kill("SIGTERM");
        assertEquals(await second.ended(), { code: 0, signal: null });
      });
    });
  }
});

/** What is installed as the program, started by a runtime. */
function command(project: Project): string {
  return `${project.folder}/node_modules/.bin/melange`;
}

function melange(
  program: string,
  project: Project,
  args: readonly string[],
  env: Record<string, string | undefined> = withoutAws(),
): Promise<Run> {
  return run(program, [command(project), ...args], { cwd: project.folder, env });
}

function startMelange(
  program: string,
  project: Project,
  { args, env }: { args: readonly string[]; env: Record<string, string | undefined> },
): Program {
  return start(program, [command(project), ...args], { cwd: project.folder, env });
}

function environment({ endpoint }: Broker): Record<string, string | undefined> {
  return {
    ...withoutAws(),
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
  };
}

function assertSuccess({ code, output }: Run): void {
  assertEquals(code, 0, output);
}

function assertAllFilled(lines: readonly string[]): void {
  const counts = Object.fromEntries(lines.map((line) => line.split(" ")));
  assertEquals(Object.keys(counts), [...ENTRIES]);
  for (const [name, count] of Object.entries(counts)) {
    if (Number(count) < 1) throw new Error(`${name} gives nothing`);
  }
}
