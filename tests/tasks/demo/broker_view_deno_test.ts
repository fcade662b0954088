import { assertEquals } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { deadLettersIn, depthsOf } from "../../../tasks/demo/broker_view.ts";

const letter = (fields: unknown) => ({
  messageAttributes: { melange: { StringValue: JSON.stringify(fields) } },
});

describe("what the broker says", () => {
  const paths: string[] = [];
  let server: Deno.HttpServer<Deno.NetAddr>;
  let endpoint = "";

  beforeEach(() => {
    paths.length = 0;
    server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => {
      paths.push(new URL(request.url).pathname);
      const ready = [
        letter({ id: "a", dead: { reason: "card-expired" } }),
        letter({ id: "b" }),
        { messageAttributes: {} },
      ];
      return Response.json({ messages: { ready, delayed: [{}, {}], inflight: [{}] } });
    });
    endpoint = `http://127.0.0.1:${server.addr.port}`;
  });
  afterEach(() => server.shutdown());

  it("is how many messages a queue has", async () => {
    assertEquals(await depthsOf(endpoint, "billing"), { available: 3, delayed: 2, inFlight: 1 });
    assertEquals(paths, ["/_fauxqs/queues/billing"]);
  });

  it("is which dead letters there are, and why they were given up", async () => {
    assertEquals(await deadLettersIn(endpoint, "dead"), [
      { eventId: "a", reason: "card-expired" },
      { eventId: "b", reason: undefined },
      { eventId: undefined, reason: undefined },
    ] as unknown);
  });
});
