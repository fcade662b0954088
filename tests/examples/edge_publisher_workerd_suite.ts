/** The bundle of the example under workerd, with a broker whose answers the test can hold back. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { afterAll, beforeAll, beforeEach, describe, it } from "@std/testing/bdd";
import { AwsBackend } from "../../backends/aws/mod.ts";
import { mustRun } from "../../tasks/process.ts";
import { type Broker, startBroker } from "../broker.ts";
import { serveWorkerd, type Workerd } from "../runtimes/serve_workerd.ts";
import { standInImports } from "../std.ts";
import { until } from "../wait.ts";

const EXAMPLE = new URL("../../examples/edge_publisher.ts", import.meta.url).pathname;
const QUEUE = "views";
/** How long anything may take, in milliseconds. */
const PATIENCE_MS = 10_000;

describe("examples/edge_publisher.ts under workerd", () => {
  let broker: Broker;
  let backend: AwsBackend;
  let gate: Gate;
  let worker: Workerd;

  beforeAll(async () => {
    broker = await startBroker();
    backend = new AwsBackend(broker.options);
    await backend.declareQueue(QUEUE, { subscribeTo: ["page-views"] });
    gate = openGate(broker.endpoint);
    worker = await serveExample(gate.endpoint);
  });
  beforeEach(() => {
    gate.asked.length = 0;
  });
  afterAll(async () => {
    await worker.close();
    await gate.close();
    await backend.close();
    await broker.close();
  });

  async function ask(method: string, body: string | null = null, path = "/home") {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const response = await fetch(worker.url + path, { method, body, signal });
    return { status: response.status, text: await response.text() };
  }

  /** The paths of so many events that arrived in the queue. */
  async function arrived(count: number): Promise<string[]> {
    const paths: string[] = [];
    const receive = async () => {
      const call = { max: 10, waitMs: 1_000, visibilityMs: 30_000 };
      const deliveries = await backend.receive(QUEUE, call);
      await backend.acknowledge(QUEUE, deliveries.map(({ receipt }) => receipt));
      for (const { message } of deliveries) {
        assertEquals(message.attributes.manifest, "PageViewed");
        paths.push(JSON.parse(message.body).path);
      }
      return paths.length >= count;
    };
    await until(receive, { what: `${count} events`, ms: PATIENCE_MS, saw: () => paths });
    return paths.sort();
  }

  it("answers a POST when the event is stored", async () => {
    const { status, text } = await ask("POST", '{"path":"/posted"}');
    assertEquals(status, 202, text);
    assertEquals(typeof JSON.parse(text).messageId, "string");
    const { available } = await backend.describeQueue(QUEUE);
    assertEquals(available, 1);
    assertEquals(await arrived(1), ["/posted"]);
  });

  it("answers a GET at once, and is kept alive until the event is stored", async () => {
    const release = gate.hold();
    try {
      assertEquals(await ask("GET", null, "/seen"), { status: 200, text: "hello" });
      assertEquals((await backend.describeQueue(QUEUE)).available, 0);
    } finally {
      release();
    }
    assertEquals(await arrived(1), ["/seen"]);
  });

  it("publishes the events of many requests at once, none of which waits for another", async () => {
    const paths = Array.from({ length: 20 }, (_, index) => `/page-${index}`).sort();
    const release = gate.hold();
    const [posts, gets] = [paths.slice(0, 10), paths.slice(10)];
    const answers = Promise.all([
      ...posts.map((path) => ask("POST", JSON.stringify({ path }))),
      ...gets.map((path) => ask("GET", null, path)),
    ]);
    const allUnderWay = gate.wasAsked(paths.length).finally(release);
    const [answered] = await Promise.all([answers, allUnderWay]);
    const statuses = answered.map(({ status }) => status);
    assertEquals(statuses, [...posts.map(() => 202), ...gets.map(() => 200)]);
    assertEquals(await arrived(paths.length), paths);
  });

  const invalid: Record<string, { body: string | null; answer: RegExp }> = {
    "without a body": { body: null, answer: /^The body is not JSON$/ },
    "that is not JSON": { body: "{hello", answer: /^The body is not JSON$/ },
    "of another shape": { body: "[]", answer: /schema.* path \(expected .*\)$/ },
    "that violates the schema": {
      body: '{"path":"secret"}',
      answer: /schema.* path \(expected .*\)$/,
    },
    "that is too large": {
      body: JSON.stringify({ path: `/${"x".repeat(300_000)}` }),
      answer: /262144/,
    },
  };
  for (const [what, { body, answer }] of Object.entries(invalid)) {
    it(`answers a POST ${what} with 400 and the reason, and sends nothing`, async () => {
      const { status, text } = await ask("POST", body);
      assertEquals(status, 400, text);
      assertMatch(text, answer);
      assert(!text.includes("secret") && text.length < 300);
      assertEquals(gate.asked, []);
    });
  }

  it("answers a POST with 503 and the code if the event is refused", async () => {
    gate.refuse = true;
    try {
      const refused = await ask("POST", '{"path":"/refused"}');
      assertEquals(refused, { status: 503, text: "ACCESS_DENIED" });
    } finally {
      gate.refuse = false;
    }
  });
});

/** Bundles the example as its comment says, with the packages that this machine can reach. */
async function serveExample(endpoint: string): Promise<Workerd> {
  const folder = await Deno.makeTempDir();
  try {
    const [map, bundle] = [`${folder}/map.json`, `${folder}/worker.js`];
    await Deno.writeTextFile(map, JSON.stringify({ imports: standInImports() }));
    const options = ["--quiet", "--no-check", "--platform=browser", `--import-map=${map}`];
    await mustRun(Deno.execPath(), ["bundle", ...options, "--output", bundle, EXAMPLE]);
    const env = {
      AWS_ENDPOINT_URL: endpoint,
      AWS_REGION: "us-east-1",
      AWS_ACCOUNT_ID: "000000000000",
      AWS_ACCESS_KEY_ID: "test",
      AWS_SECRET_ACCESS_KEY: "test",
    };
    return await serveWorkerd({ bundle, env });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** What stands before the broker. */
interface Gate {
  readonly endpoint: string;
  /** The actions that were asked for. */
  readonly asked: string[];
  /** Whether to answer 403 in place of the broker. */
  refuse: boolean;
  /** Holds requests back until the function that it returns is called. */
  hold(): () => void;
  /** Resolves when so many requests have come, rejects if they do not. */
  wasAsked(count: number): Promise<void>;
  close(): Promise<void>;
}

function openGate(endpoint: string): Gate {
  const asked: string[] = [];
  let opened = Promise.resolve();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const body = await request.text();
    asked.push(new URLSearchParams(body).get("Action") ?? "");
    await opened;
    if (gate.refuse) return new Response(DENIED, { status: 403 });
    const { method, headers } = request;
    return await fetch(endpoint, { method, headers: withoutHost(headers), body });
  });
  const gate: Gate = {
    endpoint: `http://127.0.0.1:${server.addr.port}`,
    asked,
    refuse: false,
    hold: () => {
      let release = () => {};
      opened = new Promise((resolve) => release = resolve);
      return release;
    },
    wasAsked: async (count) => {
      const saw = () => asked.length;
      const wait = { what: `${count} requests`, ms: PATIENCE_MS / 2, saw };
      await until(() => asked.length >= count, wait);
    },
    close: () => server.shutdown(),
  };
  return gate;
}

const DENIED =
  "<ErrorResponse><Error><Type>Sender</Type><Code>AuthorizationError</Code></Error></ErrorResponse>";

function withoutHost(headers: Headers): Headers {
  const copy = new Headers(headers);
  copy.delete("host");
  return copy;
}
