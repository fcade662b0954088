/** Subscribing an endpoint on a broker in this process. */
import { assertEquals, assertMatch } from "@std/assert";
import { after, before, describe, it } from "@std/testing/bdd";
import { AwsBackend } from "../../../../backends/aws/mod.ts";
import { type Broker, startBroker } from "../../../broker.ts";
import { within } from "../../../wait.ts";

describe("AwsBackend.declareEndpoint() on a local broker", () => {
  let broker: Broker;
  let server: Deno.HttpServer<Deno.NetAddr>;
  const asked = Promise.withResolvers<string>();
  before(async () => {
    broker = await startBroker();
    server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
      asked.resolve((await request.json()).SubscribeURL);
      return new Response();
    });
  });
  after(async () => {
    await server.shutdown();
    await broker.close();
  });

  it("creates the subscription and its dead-letter queue, once, and changes it", async () => {
    await using backend = new AwsBackend(broker.options);
    const url = `http://127.0.0.1:${server.addr.port}/sns`;
    const options = { events: ["OrderPlaced"], deadLetterQueue: "orders-dlq" };
    const first = await backend.declareEndpoint("orders", url, options);
    assertMatch(first.topic, /^arn:aws:sns:us-east-1:\d{12}:orders$/);
    assertEquals(await backend.declareEndpoint("orders", url, options), first);
    const confirmation = await within(asked.promise, { what: "the request to confirm" });
    await (await fetch(confirmation)).body?.cancel();
    const changed = await backend.declareEndpoint("orders", url, { events: ["OrderPaid"] });
    assertEquals(changed, { ...first, state: "confirmed" }, "the same subscription");
    assertEquals((await backend.describeQueue("orders-dlq")).available, 0);
    const { protocol, attributes } = subscriptionOf(broker, first.address) ?? {};
    assertEquals(protocol, "http");
    assertEquals(attributes?.FilterPolicy, '{"manifest":["OrderPaid"]}');
    assertMatch(attributes?.RedrivePolicy ?? "", /"deadLetterTargetArn":"[^"]*:orders-dlq"/);
  });
});

function subscriptionOf({ aws }: Broker, address: string) {
  return aws.snapshot().subscriptions.find(({ arn }) => arn === address);
}
