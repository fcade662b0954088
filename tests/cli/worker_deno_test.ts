import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { after, before, beforeEach, describe, it } from "@std/testing/bdd";
import { AwsBackend } from "../../backends/aws/mod.ts";
import { defineEvent, typed } from "../../src/event/event.ts";
import { MessagePublisher } from "../../src/publish/publisher.ts";
import { type Program, start } from "../../tasks/process.ts";
import { type Broker, startBroker } from "../broker.ts";
import { sleep } from "../wait.ts";
import { withoutAws } from "../without_aws.ts";

const CLI = new URL("../../cli/mod.ts", import.meta.url).href;
const HANDLERS = new URL("./handlers/slow.ts", import.meta.url).pathname;
const ROOT = new URL("../../", import.meta.url).pathname;
const Job = defineEvent("Job", { schema: typed<{ number: number }>() });
const NUMBERS = Array.from({ length: 24 }, (_, index) => index);
/** A job whose handler does not end. */
const STUCK = 999;

let broker: Broker;
let backend: AwsBackend;
let queue: string;

/** Runs the command line with the permissions that the documentation names, and no more. */
function startCli(args: string[], env: Record<string, string> = {}): Program {
  const { host } = new URL(broker.endpoint);
  const permissions = [`--allow-net=${host}`, "--allow-env=AWS_*", `--allow-read=${ROOT}`];
  const all = ["run", "--quiet", "--no-prompt", ...permissions, CLI, ...args];
  return start(Deno.execPath(), all, { env: { ...withoutAws(), ...env } });
}

/** Returns the variables by which a program finds the broker. */
function brokerEnv(): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: broker.endpoint,
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
  };
}

function startWorker(...args: string[]): Program {
  const command = ["consume", "--queue", queue, "--handlers", HANDLERS, ...args];
  return startCli(command, brokerEnv());
}

function numbersIn(lines: readonly string[], word: string): number[] {
  return lines.filter((line) => line.startsWith(`${word} `)).map((line) =>
    Number(line.slice(word.length))
  );
}

async function publishJobs(): Promise<void> {
  await backend.declareQueue(queue);
  const publisher = new MessagePublisher({ backend });
  const results = await publisher.publishAll(NUMBERS.map((number) => Job({ number })), { queue });
  assertEquals(results.every(({ ok }) => ok), true);
}

function emptied(worker: Program): Promise<unknown> {
  const left = async () => {
    const { available, inFlight, delayed } = await backend.describeQueue(queue);
    return available + inFlight + delayed;
  };
  const isEmpty = async () => await left() === 0;
  return worker.until(isEmpty, { what: "an empty queue", ms: 30_000 });
}

describe("a worker of the command line", () => {
  before(async () => {
    broker = await startBroker();
    backend = new AwsBackend(broker.options);
  });
  beforeEach(() => {
    queue = `jobs-${crypto.randomUUID()}`;
  });
  after(async () => {
    await backend.close();
    await broker.close();
  });

  it("loses nothing when it is killed: another one handles the rest", async () => {
    await publishJobs();
    const settings = ["--concurrency", "4", "--visibility-timeout-ms", "2000", "--wait-ms", "1000"];
    await using killed = startWorker(...settings);
    await killed.line(/^end/, { count: 6 });
    killed.kill("SIGKILL");
    assertEquals((await killed.ended()).signal, "SIGKILL");

    await using second = startWorker(...settings);
    await emptied(second);
    second.kill("SIGTERM");
    assertEquals((await second.ended()).code, 0);
    const done = [killed, second].flatMap(({ stdout }) => numbersIn(stdout, "end"));
    assertEquals([...new Set(done)].sort((a, b) => a - b), NUMBERS);
  });

  it("drains on SIGTERM: what began is finished, the rest stays, and it exits with 0", async () => {
    await publishJobs();
    await using worker = startWorker("--concurrency", "4", "--wait-ms", "1000", "--json");
    await worker.line(/^begin/, { count: 5 });
    worker.kill("SIGTERM");
    assertEquals((await worker.ended()).code, 0, worker.stderr.join("\n"));
    const [begun, ended] = ["begin", "end"].map((word) => numbersIn(worker.stdout, word));
    assertEquals(ended?.length, begun?.length);
    const { available, inFlight } = await backend.describeQueue(queue);
    assertEquals([available, inFlight], [NUMBERS.length - (ended?.length ?? 0), 0]);
    const messages = worker.stderr.map((line) => JSON.parse(line).message);
    const own = messages.filter((message) => message !== "Waiting");
    assertEquals(own, ["Consuming", "Draining", "Stopped"]);
  });

  it("gives back what is unfinished when it is signalled again, not counting an echo", async () => {
    await backend.declareQueue(queue);
    await new MessagePublisher({ backend }).publish(Job({ number: STUCK }), { queue });
    await using worker = startWorker("--wait-ms", "1000", "--drain-ms", "60000");
    await worker.line(/^begin/);
    worker.kill("SIGINT");
    worker.kill("SIGINT");
    await sleep(300);
    worker.kill("SIGINT");
    assertEquals((await worker.ended()).code, 0);
    const [, first, second, ...others] = worker.stderr;
    assertEquals([first, second], [
      "SIGINT: draining for at most 60000 ms  running=1",
      "warn: SIGINT again: giving back what is unfinished  running=1",
    ]);
    assertEquals(others.filter((line) => !/^(Waiting|Stopped)/.test(line)), []);
    const { available, inFlight } = await backend.describeQueue(queue);
    assertEquals([available, inFlight], [1, 0]);
  });

  it("publishes to no topic that does not exist, and creates none", async () => {
    for (let time = 0; time < 2; time++) {
      await using publishing = startCli(["publish", "A", "1", "--topic", queue], brokerEnv());
      assertEquals((await publishing.ended()).code, 1);
      assertMatch(publishing.stdout[0] ?? "", /^failed \S+: NOT_FOUND: .*declare it first/);
    }
  });

  const missing: [string, Record<string, string>, string][] = [
    ["region", {}, "AWS_REGION"],
    [
      "credentials",
      { AWS_REGION: "us-east-1", AWS_EC2_METADATA_DISABLED: "true" },
      "AWS_ACCESS_KEY_ID",
    ],
  ];
  for (const [what, env, hint] of missing) {
    it(`says what to do when there is no ${what}`, async () => {
      const args = ["consume", "--queue", "q", "--handlers", HANDLERS];
      await using worker = startCli([...args, "--endpoint", broker.endpoint], env);
      assertEquals((await worker.ended()).code, 1);
      assertEquals(worker.stderr.length, 1);
      assertStringIncludes(worker.stderr[0] ?? "", "error: CONFIGURATION");
      assertStringIncludes(worker.stderr[0] ?? "", hint);
    });
  }
});
