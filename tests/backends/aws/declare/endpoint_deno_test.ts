/** Subscribing an endpoint on a broker in this process. */
import { assertEquals, assertMatch } from "@std/assert";
import { after, before, describe, it } from "@std/testing/bdd";
import { AwsBackend } from "../../../../backends/aws/mod.ts";
import { type Broker, startBroker } from "../../../broker.ts";

describe("AwsBackend.declareEndpoint() on a local broker", () => {
  let broker: Broker;
  before(async () => {
    broker = await startBroker();
  });
  after(() => broker.close());

  it("creates the subscription and its dead-letter queue, once, and changes it", async () => {
    await using backend = new AwsBackend(broker.options);
    const url = "https://shop.example/sns";
    const options = { events: ["OrderPlaced"], deadLetterQueue: "orders-dlq" };
    const first = await backend.declareEndpoint("orders", url, options);
    assertMatch(first.topic, /^arn:aws:sns:us-east-1:\d{12}:orders$/);
    assertEquals(await backend.declareEndpoint("orders", url, options), first);
    const changed = await backend.declareEndpoint("orders", url, { events: ["OrderPaid"] });
    assertEquals(changed, first, "the same subscription");
    assertEquals((await backend.describeQueue("orders-dlq")).available, 0);
    const attributes = await attributesOf(broker, first.address);
    assertMatch(attributes, /<value>\{&quot;manifest&quot;:\[&quot;OrderPaid&quot;\]\}<\/value>/);
    assertMatch(attributes, /deadLetterTargetArn[^<]*:orders-dlq&quot;/);
    assertMatch(attributes, /<key>Protocol<\/key>\s*<value>https<\/value>/);
  });
});

async function attributesOf({ endpoint }: Broker, SubscriptionArn: string): Promise<string> {
  const body = new URLSearchParams({ Action: "GetSubscriptionAttributes", SubscriptionArn });
  return await (await fetch(endpoint, { method: "POST", body })).text();
}
