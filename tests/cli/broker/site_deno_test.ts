import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { after, before, describe, it } from "@std/testing/bdd";
import { createHash } from "node:crypto";
import { type BrokerServer, serveBroker } from "../../../cli/broker/server.ts";
import type { View } from "../../../cli/broker/view.ts";
import type { AwsBackend } from "../../../backends/aws/mod.ts";
import { until } from "../../wait.ts";
import { backendAt } from "./program.ts";

const arn = (name: string, service = "sqs") => `arn:aws:${service}:us-east-1:000000000000:${name}`;
const dead = (id: string) => ({
  body: "{}",
  attributes: {
    manifest: "OrderPlaced",
    melange: JSON.stringify({
      id,
      on: "2026-01-01T00:00:00Z",
      dead: { reason: "card-expired", queue: "billing", attempts: 3 },
    }),
  },
});

describe("the site of melange broker", () => {
  let server: BrokerServer;
  let backend: AwsBackend;

  before(async () => {
    server = await serveBroker({
      port: 0,
      host: "127.0.0.1",
      names: [],
      region: "us-east-1",
      sync: false,
      onFailure(error) {
        throw error;
      },
    });
    backend = backendAt(server.url);
    await backend.declareQueue("billing", { subscribeTo: ["orders"], deadLetterQueue: "letters" });
    await backend.declareQueue("jobs.fifo");
  });
  after(async () => {
    await backend.close();
    await server.close();
  });

  async function view(queue = ""): Promise<View> {
    const response = await fetch(`${server.url}/_melange/view?queue=${encodeURIComponent(queue)}`);
    return await response.json();
  }

  async function act(
    name: string,
    asked: unknown,
    headers: Record<string, string> = { "content-type": "application/json" },
  ): Promise<[status: number, error: string | undefined]> {
    const body = JSON.stringify(asked);
    const response = await fetch(`${server.url}/_melange/${name}`, {
      method: "POST",
      headers,
      body,
    });
    return [response.status, (await response.json()).error];
  }

  it("is one page that may load nothing from elsewhere and be framed by nobody", async () => {
    const response = await fetch(server.url);
    assertEquals(response.status, 200);
    const policy = response.headers.get("content-security-policy") ?? "";
    assertMatch(policy, /default-src 'none'.*connect-src 'self'.*frame-ancestors 'none'/);
    const text = await response.text();
    for (const tag of ["script", "style"]) {
      const [, content = ""] = new RegExp(`<${tag}>([^]*?)</${tag}>`).exec(text) ?? [];
      assert(content.length > 1_000);
      const hash = createHash("sha256").update(content).digest("base64");
      assertStringIncludes(policy, `${tag}-src 'sha256-${hash}'`);
    }
    const addresses = text.match(/(https?:)?\/\/[a-z][^\s"']*/g) ?? [];
    assertEquals(addresses.filter((it) => !it.includes("www.w3.org/2000/svg")), []);
  });

  it("leaves every other GET to the services", async () => {
    const response = await fetch(`${server.url}/?Action=ListTopics`);
    assertMatch(await response.text(), /MissingAuthenticationToken/);
    assertEquals(response.status >= 400, true);
    const missing = await fetch(`${server.url}/_melange/nothing`);
    await missing.body?.cancel();
    assertEquals(missing.status, 404);
  });

  it("shows what is subscribed to what, and where dead letters go", async () => {
    const { topics, queues, subscriptions } = await view();
    assertEquals(topics, [{ arn: arn("orders", "sns"), name: "orders" }]);
    assertEquals(
      subscriptions.map(({ topic, protocol, endpoint }) => [topic, protocol, endpoint]),
      [
        [arn("orders", "sns"), "sqs", arn("billing")],
      ],
    );
    const of = (name: string) => queues.find((queue) => queue.name === name);
    assertEquals(of("billing")?.deadLetterQueue, arn("letters"));
    assertEquals(of("letters")?.sources, [arn("billing")]);
  });

  it("sends an event to a topic, and looking at it takes nothing", async () => {
    const asked = { to: arn("orders", "sns"), type: "OrderPlaced", data: '{"id":"🙂"}' };
    assertEquals(await act("send", asked), [200, undefined]);
    for (let look = 0; look < 3; look++) {
      const { messages, queues } = await view(arn("billing"));
      assertEquals(messages?.map(({ event, data, attempts }) => [event?.type, data, attempts]), [
        ["OrderPlaced", { id: "🙂" }, 0],
      ]);
      assertEquals(queues.find(({ name }) => name === "billing")?.available, 1);
    }
  });

  it("sends a text as it is, with a group where there must be one", async () => {
    const asked = { to: arn("jobs.fifo"), type: "", data: "not JSON", group: "g" };
    assertEquals(await act("send", asked), [200, undefined]);
    const [message] = (await view(arn("jobs.fifo"))).messages ?? [];
    assertEquals([message?.event, message?.data, message?.group], [undefined, "not JSON", "g"]);
  });

  it("shows a lock that has ended as available, as a receive would find it", async () => {
    const options = { max: 10, waitMs: 0, visibilityMs: 1_000 };
    await backend.declareQueue("short");
    await backend.send({ queue: "short" }, [{ body: "a", attributes: {} }]);
    await backend.receive("short", options);
    const depth = async () => (await view()).queues.find(({ name }) => name === "short");
    assertEquals((await depth())?.inFlight, 1);
    await until(async () => (await depth())?.available === 1, { what: "the end of the lock" });
    assertEquals((await depth())?.inFlight, 0);
  });

  it("tells why a dead letter died, sends it back, and purges", async () => {
    await backend.send({ queue: "letters" }, [dead("a"), dead("b")]);
    const { messages } = await view(arn("letters"));
    assertEquals(messages?.map(({ event, dead }) => [event?.id, dead?.reason]), [
      ["b", "card-expired"],
      ["a", "card-expired"],
    ]);
    assertEquals(await act("redrive", { queue: arn("letters") }), [200, undefined]);
    const back = await until(async () => {
      const { messages = [] } = await view(arn("billing"));
      return messages.length === 3 && messages;
    }, { what: "the dead letters to be back" });
    const reasons = back.map(({ event, dead }) => [event?.id, dead]);
    assertEquals(reasons.slice(0, 2), [["b", undefined], ["a", undefined]]);
    assertEquals(await act("purge", { queue: arn("billing") }), [200, undefined]);
    assertEquals((await view(arn("billing"))).messages, []);
  });

  const refused: [string, string, unknown, Record<string, string>?][] = [
    ["a form of somebody else", "purge", { queue: arn("billing") }, {
      "content-type": "text/plain",
    }],
    ["what is no text", "purge", { queue: 1 }],
    ["data that is not JSON", "send", { to: arn("billing"), type: "A", data: "{" }],
    ["no destination", "send", { to: "", type: "A", data: "1" }],
    ["a queue that does not exist", "purge", { queue: arn("missing") }],
    ["a redrive to nowhere", "redrive", { queue: arn("billing") }],
  ];
  for (const [what, name, asked, headers] of refused) {
    it(`refuses ${what}, and says why`, async () => {
      const [status, error] = await act(name, asked, headers);
      assertEquals(status, 400);
      assert(error !== undefined && error.length > 10, error);
    });
  }
});
