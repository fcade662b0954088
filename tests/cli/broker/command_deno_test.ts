import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { after, before, describe, it } from "@std/testing/bdd";
import { request as httpRequest } from "node:http";
import { main } from "../../../cli/main.ts";
import type { Program } from "../../../tasks/process.ts";
import { until } from "../../wait.ts";
import { fakeIo } from "../fake_io.ts";
import { type BrokerProgram, listening, startCli } from "./program.ts";

/** Sends a request as a browser would: `fetch` sets these headers itself. */
function ask(endpoint: string, headers: Record<string, string>, method = "POST") {
  return new Promise<number>((resolve, reject) => {
    const outgoing = httpRequest(endpoint, { method, headers }, (response) => {
      response.resume();
      response.once("end", () => resolve(response.statusCode ?? 0));
    });
    outgoing.once("error", reject);
    outgoing.end();
  });
}

const folder = Deno.makeTempDirSync({ prefix: "melange-broker-" });

/** Writes a file for --init. */
async function init(topology: unknown): Promise<string> {
  const path = `${folder}/${crypto.randomUUID()}.json`;
  await Deno.writeTextFile(
    path,
    typeof topology === "string" ? topology : JSON.stringify(topology),
  );
  return path;
}

describe("melange broker", () => {
  let program: Program;
  let running: BrokerProgram;
  const topology = {
    topics: ["orders", { name: "audit.fifo", contentBasedDeduplication: true }],
    queues: [
      "plain",
      { name: "billing", deadLetterQueue: "billing-dlq", maxReceives: 3, delayMs: 0 },
    ],
    subscriptions: [
      { topic: "orders", queue: "billing", events: ["OrderPlaced"] },
      { topic: "orders", url: "http://127.0.0.1:9/sns" },
    ],
  };

  before(async () => {
    program = startCli(["--init", await init(topology), "--json", "--host-name", "broker"]);
    running = await listening(program);
  });
  after(async () => {
    await running.backend.close();
    program.kill("SIGTERM");
    assertEquals((await program.ended()).code, 0);
    await Deno.remove(folder, { recursive: true });
  });

  it("says where it is and what programs need, as JSON", () => {
    const { url, environment } = JSON.parse(program.stdout[0] ?? "");
    assertEquals(url, running.endpoint);
    assertEquals(environment, {
      AWS_ENDPOINT_URL: url,
      AWS_REGION: "us-east-1",
      AWS_ACCESS_KEY_ID: "test",
      AWS_SECRET_ACCESS_KEY: "test",
    });
  });

  it("has what --init names", async () => {
    const { backend } = running;
    const { deadLetterQueue, maxReceives } = await backend.describeQueue("billing");
    assertEquals([deadLetterQueue, maxReceives], ["billing-dlq", 3]);
    assertEquals((await backend.describeQueue("plain")).available, 0);
    const attributes = { manifest: "OrderPlaced" };
    const sent = await backend.send({ topic: "orders" }, [
      { body: "{}", attributes },
      { body: "{}", attributes: { manifest: "Other" } },
    ]);
    assertEquals(sent.map(({ ok }) => ok), [true, true]);
    assertEquals((await backend.describeQueue("billing")).available, 1);
  });

  const rows: [string, Record<string, string>, boolean][] = [
    ["localhost", { host: "localhost" }, true],
    ["localhost with a port", { host: "LOCALHOST:4566" }, true],
    ["127.0.0.1", { host: "127.0.0.1:1" }, true],
    ["[::1]", { host: "[::1]:4566" }, true],
    ["a name of --host-name", { host: "broker:4566" }, true],
    ["a name of somebody else", { host: "evil.example" }, false],
    ["another address", { host: "10.0.0.1" }, false],
    ["a name that begins alike", { host: "localhost.evil.example" }, false],
    ["a page of its own", { host: "localhost:1", origin: "http://localhost:1" }, true],
    ["a page of another origin", { host: "localhost", origin: "http://evil.example" }, false],
    ["a page of another port", { host: "localhost:1", origin: "http://localhost:2" }, false],
    ["a sandboxed page", { host: "localhost", origin: "null" }, false],
    ["a browser, from elsewhere", { host: "localhost", "sec-fetch-site": "cross-site" }, false],
    ["a browser, from a neighbour", { host: "localhost", "sec-fetch-site": "same-site" }, false],
    ["a browser, from its page", { host: "localhost", "sec-fetch-site": "same-origin" }, true],
  ];
  for (const [what, headers, isLetIn] of rows) {
    it(`${isLetIn ? "lets in" : "refuses"} what comes from ${what}`, async () => {
      const view = `${running.endpoint}/_melange/view`;
      assertEquals(await ask(view, headers, "GET"), isLetIn ? 200 : 403);
      const purge = `${running.endpoint}/_melange/purge`;
      assertEquals(await ask(purge, headers), isLetIn ? 400 : 403);
    });
  }

  it("refuses a picture on a page of somebody else that sends a message", async () => {
    const query = "?Action=SendMessage&QueueUrl=http://x/000000000000/plain&MessageBody=x" +
      "&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a/20260101/us-east-1/sqs/aws4_request" +
      "&X-Amz-Date=20260101T000000Z&X-Amz-SignedHeaders=host&X-Amz-Signature=00";
    const browser = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" };
    assertEquals(await ask(`${running.endpoint}/${query}`, browser, "GET"), 403);
    const link = { ...browser, "sec-fetch-mode": "navigate" };
    assertEquals(await ask(`${running.endpoint}/${query}`, link, "GET"), 403);
    assertEquals((await running.backend.describeQueue("plain")).available, 0);
  });

  it("opens the page for a link of somebody else, but not in a frame", async () => {
    const link = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };
    assertEquals(await ask(`${running.endpoint}/`, link, "GET"), 200);
    assertEquals(await ask(`${running.endpoint}/_melange/view`, link, "GET"), 403);
  });

  it("starts in under 200 ms once it is loaded", async () => {
    const data = `${folder}/${crypto.randomUUID()}.log`;
    const times: number[] = [];
    for (let round = 0; round < 5; round++) {
      const io = fakeIo();
      const startedAt = performance.now();
      const done = main(["broker", "--port", "0", "--data", data], io);
      await until(() => io.outLines.length > 0, { what: "the address", saw: () => io.errLines });
      times.push(performance.now() - startedAt);
      io.signal("SIGINT");
      assertEquals(await done, 0);
      assertEquals(io.listening, 0);
    }
    assert(Math.min(...times) < 200, `it took ${times.map(Math.round)} ms`);
  });

  it("says that the port is taken, and how to choose another one", async () => {
    const { port } = new URL(running.endpoint);
    await using second = startCli(["--port", port]);
    assertEquals((await second.ended()).code, 1);
    assertMatch(second.stderr[0] ?? "", /something listens there already: pass --port N/);
  });

  const mistakes: [string, string[], string][] = [
    ["a port that is none", ["--port", "65536"], "0 to 65535"],
    ["--sync alone", ["--sync"], "pass --data FILE"],
    ["a misspelt option", ["--dta", "x"], "did you mean --data?"],
    ["a file of --init that is not there", ["--init", "/no/file"], "pass --init PATH"],
  ];
  for (const [what, args, text] of mistakes) {
    it(`refuses ${what}`, async () => {
      const io = fakeIo();
      assertEquals(await main(["broker", ...args], io), 2);
      assertStringIncludes(io.errLines.join(), text);
    });
  }

  const topologies: [string, unknown, string][] = [
    ["no JSON", "{", "it is not JSON"],
    ["a list", [], "must be an object"],
    ["an unknown part", { queue: [] }, "did you mean queues?"],
    ["an unknown field", { queues: [{ name: "a", deadLeterQueue: "b" }] }, "deadLetterQueue?"],
    ["a number for a name", { queues: [{ name: 1 }] }, "queues[0].name must be a text"],
    ["no name", { topics: [{}] }, "topics[0] has no name"],
    ["a subscription of nobody", { subscriptions: [{ topic: "a" }] }, 'either "queue" or "url"'],
    ["null", { topics: [null] }, "topics[0] must be an object"],
  ];
  for (const [what, content, text] of topologies) {
    it(`refuses a topology with ${what}`, async () => {
      const io = fakeIo();
      assertEquals(await main(["broker", "--port", "0", "--init", await init(content)], io), 2);
      assertStringIncludes(io.errLines.join(), text);
    });
  }
});
