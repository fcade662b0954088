import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { after, before, beforeEach, describe, it } from "@std/testing/bdd";
import { AwsBackend } from "../../backends/aws/mod.ts";
import { defineEvent, typed } from "../../src/event.ts";
import { MessagePublisher } from "../../src/publisher.ts";
import { type Broker, startBroker } from "../broker.ts";

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
function start(args: string[], env: Record<string, string> = {}) {
  const { host } = new URL(broker.endpoint);
  const process = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-prompt", `--allow-net=${host}`, "--allow-env=AWS_*"],
      ...[`--allow-read=${ROOT}`, CLI, ...args],
    ],
    env: { ...env, NO_COLOR: "1" },
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  return { process, out: readLines(process.stdout), err: readLines(process.stderr) };
}

/** What the environment of a program says of the broker. */
function brokerEnv(): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: broker.endpoint,
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
  };
}

function startWorker(...args: string[]) {
  const command = ["consume", "--queue", queue, "--handlers", HANDLERS, ...args];
  return start(command, brokerEnv());
}

/** Collects lines; `has` resolves when there are so many that match. */
function readLines(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
  const lines: string[] = [];
  let changed = () => {};
  const ended = (async () => {
    let rest = "";
    for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
      const [last = "", ...whole] = (rest + chunk).split("\n").reverse();
      rest = last;
      lines.push(...whole.reverse());
      changed();
    }
  })();
  const has = (count: number, pattern: RegExp) =>
    new Promise<void>((resolve) => {
      changed = () => lines.filter((line) => pattern.test(line)).length >= count && resolve();
      changed();
    });
  return { lines, ended, has };
}

function numbersIn(lines: string[], word: string): number[] {
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

async function emptied(): Promise<void> {
  for (;;) {
    const { available, inFlight, delayed } = await backend.describeQueue(queue);
    if (available + inFlight + delayed === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
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
    const killed = startWorker(...settings);
    await killed.out.has(6, /^end/);
    killed.process.kill("SIGKILL");
    const { success } = await killed.process.status;
    await Promise.all([killed.out.ended, killed.err.ended]);
    assertEquals(success, false);

    const second = startWorker(...settings);
    await emptied();
    second.process.kill("SIGTERM");
    const { code } = await second.process.status;
    await Promise.all([second.out.ended, second.err.ended]);
    assertEquals(code, 0);
    const done = [killed, second].flatMap(({ out }) => numbersIn(out.lines, "end"));
    assertEquals([...new Set(done)].sort((a, b) => a - b), NUMBERS);
  });

  it("drains on SIGTERM: what began is finished, the rest stays, and it exits with 0", async () => {
    await publishJobs();
    const worker = startWorker("--concurrency", "4", "--wait-ms", "1000", "--json");
    await worker.out.has(5, /^begin/);
    worker.process.kill("SIGTERM");
    const { code } = await worker.process.status;
    await Promise.all([worker.out.ended, worker.err.ended]);
    assertEquals(code, 0, worker.err.lines.join("\n"));
    const [begun, ended] = ["begin", "end"].map((word) => numbersIn(worker.out.lines, word));
    assertEquals(ended?.length, begun?.length);
    const { available, inFlight } = await backend.describeQueue(queue);
    assertEquals([available, inFlight], [NUMBERS.length - (ended?.length ?? 0), 0]);
    const messages = worker.err.lines.map((line) => JSON.parse(line).message);
    assertMatch(messages.join("\n"), /^Consuming .*\nSIGTERM: draining\nStopped: /);
  });

  it("gives back what is unfinished when it is signalled again, not counting an echo", async () => {
    await backend.declareQueue(queue);
    await new MessagePublisher({ backend }).publish(Job({ number: STUCK }), { queue });
    const worker = startWorker("--wait-ms", "1000", "--drain-ms", "60000");
    await worker.out.has(1, /^begin/);
    worker.process.kill("SIGINT");
    worker.process.kill("SIGINT");
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    worker.process.kill("SIGINT");
    const { code } = await worker.process.status;
    await Promise.all([worker.out.ended, worker.err.ended]);
    assertEquals(code, 0);
    assertEquals(worker.err.lines.slice(1, 3), [
      "SIGINT: draining  running=1",
      "warn: SIGINT again: giving back what is unfinished",
    ]);
    const { available, inFlight } = await backend.describeQueue(queue);
    assertEquals([available, inFlight], [1, 0]);
  });

  it("publishes to no topic that does not exist, and creates none", async () => {
    for (let time = 0; time < 2; time++) {
      const { process, out, err } = start(["publish", "A", "1", "--topic", queue], brokerEnv());
      const { code } = await process.status;
      await Promise.all([out.ended, err.ended]);
      assertEquals(code, 1);
      assertMatch(out.lines[0] ?? "", /^failed \S+: NOT_FOUND: .*declare it first/);
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
      const { process, out, err } = start([...args, "--endpoint", broker.endpoint], env);
      const { code } = await process.status;
      await Promise.all([out.ended, err.ended]);
      assertEquals(code, 1);
      assertEquals(err.lines.length, 1);
      assertStringIncludes(err.lines[0] ?? "", "error: CONFIGURATION");
      assertStringIncludes(err.lines[0] ?? "", hint);
    });
  }
});
