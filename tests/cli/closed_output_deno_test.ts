import { assert, assertEquals, assertMatch } from "@std/assert";
import { after, before, beforeEach, describe, it } from "@std/testing/bdd";
import { AwsBackend } from "../../backends/aws/mod.ts";
import { type Broker, startBroker } from "../broker.ts";
import { run } from "../../tasks/process.ts";
import { withoutAws } from "../without_aws.ts";

const CLI = new URL("../../cli/mod.ts", import.meta.url).href;
const HANDLERS = new URL("./handlers/dispatcher.ts", import.meta.url).pathname;
const EVENTS = 2_500;
const LINES = Array.from({ length: EVENTS }, (_, n) => `{"orderId":"o-${n}"}\n`).join("");

let broker: Broker;
let backend: AwsBackend;
let queue: string;

/** Runs a shell line in which `melange` is the command line; ends by itself within 60 s. */
async function shell(line: string, stdin = "") {
  const env = {
    ...withoutAws(),
    AWS_ENDPOINT_URL: broker.endpoint,
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    DENO: Deno.execPath(),
  };
  const melange = `melange() { "$DENO" run --quiet --no-prompt -N -E -R --no-check ${CLI} "$@"; }`;
  const options = { env, stdin, timeoutMs: 60_000 };
  const { stdout: out, stderr: err } = await run("bash", ["-c", `${melange}; ${line}`], options);
  return { out, err };
}

const codeOf = (err: string) => /code=(\d+)/.exec(err)?.[1];
const stored = async () => (await backend.describeQueue(queue)).available;

describe("the command line", () => {
  before(async () => {
    broker = await startBroker();
    backend = new AwsBackend(broker.options);
  });

  after(async () => {
    await backend.close();
    await broker.close();
  });

  beforeEach(async () => {
    queue = `q-${crypto.randomUUID()}`;
    await backend.declareQueue(queue);
  });

  describe("publish into a pipe that nobody reads to its end", () => {
    it("stores all of it, and says so on standard error", async () => {
      const line =
        `{ melange publish OrderPlaced --queue ${queue}; echo "code=$?" >&2; } | head -1`;
      const { out, err } = await shell(line, LINES);
      assertMatch(out, /^published \S+ as message \S+\n$/);
      assertEquals([await stored(), codeOf(err)], [EVENTS, "0"]);
      assertMatch(
        err,
        /^2500 published, 0 failed; standard output was closed before all results were printed\n/,
      );
      assert(!/EPIPE|at .*:\d+:\d+/i.test(err), err);
    });

    it("says it as JSON where that was asked for", async () => {
      const { err } = await shell(
        `melange publish OrderPlaced --queue ${queue} --json | head -1`,
        LINES,
      );
      const { level, message } = JSON.parse(err);
      assertEquals(level, "warn");
      assertMatch(
        message,
        /^2500 published, 0 failed; standard output was closed before all results were printed$/,
      );
      assertEquals(await stored(), EVENTS);
    });

    it("tells those that failed apart, when nobody reads them", async () => {
      const args = `publish OrderPlaced --queue ${queue} --handlers ${HANDLERS}`;
      const bad = `${LINES}{"orderId":5}\n`;
      const line = `{ melange ${args}; echo "code=$?" >&2; } | head -1`;
      const { err } = await shell(line, bad);
      assertEquals([await stored(), codeOf(err)], [EVENTS, "1"]);
      assertMatch(
        err,
        /^failed \S+: INVALID_EVENT: .*orderId \(expected string\)\n2500 published, 1 failed; standard/,
      );
    });

    it("does the same where the output cannot be written for another reason", async () => {
      const line = `melange publish OrderPlaced --queue ${queue} > /dev/full; echo "code=$?" >&2`;
      const { err } = await shell(line, LINES);
      assertEquals([await stored(), codeOf(err)], [EVENTS, "0"]);
      assertMatch(err, /2500 published, 0 failed; standard output was closed/);
    });

    it("goes on where errors cannot be written either", async () => {
      const line = `melange publish OrderPlaced --queue ${queue} > /dev/full 2> /dev/full`;
      const { err } = await shell(`${line}; echo "code=$?" >&2`, LINES);
      assertEquals([await stored(), err], [EVENTS, "code=0\n"]);
    });

    it("needs nobody who reads errors either", async () => {
      const { out } = await shell(
        `melange publish OrderPlaced --queue ${queue} 2>&1 | head -1`,
        LINES,
      );
      assertMatch(out, /^published /);
      assertEquals(await stored(), EVENTS);
    });

    it("prints every result where it is read, also slowly", async () => {
      const { out, err } = await shell(
        `melange publish OrderPlaced --queue ${queue} | { sleep 1; cat; }`,
        LINES,
      );
      assertEquals(out.split("\n").filter((line) => line.startsWith("published")).length, EVENTS);
      assertEquals(err, "2500 published, 0 failed\n");
    });
  });

  describe("other commands into a pipe that nobody reads", () => {
    for (const args of ["--help", "publish --help", "declare --queue $QUEUE --json", "declare"]) {
      it(`end quietly: ${args}`, async () => {
        const command = args.replace("$QUEUE", queue);
        const line = `{ melange ${command}; echo "code=$?" >&3; } 3>&2 2>&1 | true`;
        const { err } = await shell(line);
        assertEquals(err, `code=${args === "declare" ? 2 : 0}\n`);
      });
    }
  });
});
