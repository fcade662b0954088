import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { awsEmulator } from "../../../../backends/aws/emulator/mod.ts";
import { AwsBackend, type AwsBackendOptions, awsSender } from "../../../../backends/aws/mod.ts";
import { DeadLetter, Dispatcher, MessageConsumer, MessagePublisher } from "../../../../mod.ts";
import {
  iamPolicies,
  planOf,
  type PolicyDocument,
  type Topology,
  topologyOf,
} from "../../../../src/operate/topology/mod.ts";
import { guard } from "./guard.ts";
import { billing, InvoiceSent, OrderPlaced, orders, PrintLabel, shop } from "./services.ts";

const PLACE = { accountId: "000000000000", region: "us-east-1" };

/** An emulator behind a gate that refuses what a policy does not allow, and notes what was used. */
async function world(policy: PolicyDocument, topology: Topology = shop()) {
  const { fetch, region, credentials } = awsEmulator(PLACE);
  const open = new AwsBackend({ fetch, region, credentials });
  await (await planOf(open, topology)).apply();
  const gate = guard(fetch, policy, PLACE);
  const options: AwsBackendOptions = { fetch: gate.fetch, region, credentials };
  return { open, options, gate };
}

describe("iamPolicies()", () => {
  it("gives the worker what it uses, and nothing else", async () => {
    const { worker } = iamPolicies(shop(), { ...PLACE, service: "billing" });
    const { open, options, gate } = await world(worker);
    const dispatcher = new Dispatcher();
    const seen: string[] = [];
    dispatcher.subscribe(OrderPlaced, async ({ data }, { extend }) => {
      await extend(60_000);
      seen.push(data.orderId);
      if (data.orderId === "poison") throw new DeadLetter("poison");
    });
    const publisher = new MessagePublisher({ backend: open });
    await publisher.publishAll(["fine", "poison"].map((orderId) => OrderPlaced({ orderId })));
    const backend = new AwsBackend(options);
    const consumer = new MessageConsumer({ backend, queue: "billing", dispatcher });
    const outcomes = [await consumer.consumeEvent(), await consumer.consumeEvent()];
    assertEquals(outcomes.map((it) => it?.outcome).sort(), ["acknowledge", "deadLetter"]);
    assertEquals((await open.describeQueue("billing-dlq")).available, 1);
    assertEquals(gate.refused, []);
    assertEquals(gate.unused(), []);
    await backend.close();
  });

  it("gives the publisher what it uses, and nothing else", async () => {
    const { publisher: policy } = iamPolicies(shop(), { ...PLACE, service: "orders" });
    const { options, gate } = await world(policy);
    const backend = new AwsBackend({ ...options, fetch: gate.fetch });
    await publishes(new MessagePublisher({ backend }));
    assertEquals(gate.refused, []);
    assertEquals(gate.unused(), ["sns:CreateTopic"]);
    await backend.close();
  });

  it("lets the publisher create a topic that is missing", async () => {
    const topology = topologyOf(orders());
    const { publisher: policy } = iamPolicies(topology, PLACE);
    const { open, options, gate } = await world(policy, topology);
    await open.deleteTopic("orders");
    const backend = new AwsBackend(options);
    await publishes(new MessagePublisher({ backend }));
    assertEquals([gate.refused, gate.unused()], [[], []]);
    await backend.close();
  });

  it("gives the edge what it uses, and nothing else", async () => {
    const { edge } = iamPolicies(shop(), { ...PLACE, service: "orders" });
    const { options, gate } = await world(edge);
    const backend = awsSender({ ...options, accountId: PLACE.accountId });
    await publishes(new MessagePublisher({ backend }));
    assertEquals([gate.refused, gate.unused()], [[], []]);
  });

  it("gives the deployment what it uses, and nothing else", async () => {
    const { deployment } = iamPolicies(shop(), PLACE);
    const { fetch, region, credentials } = awsEmulator(PLACE);
    const gate = guard(fetch, deployment, PLACE);
    const backend = new AwsBackend({ fetch: gate.fetch, region, credentials });
    await (await planOf(backend, shop())).apply();
    const changed = topologyOf(orders(), billing({ subscribeTo: ["orders"], maxReceives: 2 }));
    await (await planOf(backend, changed)).apply();
    assertEquals([gate.refused, gate.unused()], [[], []]);
    await backend.close();
  });

  it("leaves out roles without a task", () => {
    const { redrive, worker } = iamPolicies(topologyOf(orders()), PLACE);
    assertEquals([redrive.Statement, worker.Statement], [[], []]);
  });

  it("names ARNs of the partition and keeps those that are given", () => {
    const topology = topologyOf({
      queue: "billing",
      publishes: [{ event: InvoiceSent, topic: "arn:aws:sns:eu-west-1:111122223333:audit" }],
    });
    const china = { ...PLACE, region: "cn-north-1", partition: "aws-cn" };
    const { worker, edge } = iamPolicies(topology, china);
    assertEquals(worker.Statement[0]?.Resource, ["arn:aws-cn:sqs:cn-north-1:000000000000:billing"]);
    assertEquals(edge.Statement[0]?.Resource, ["arn:aws:sns:eu-west-1:111122223333:audit"]);
  });

  it("refuses an account that is none, and a service that is not there", () => {
    assertThrows(() => iamPolicies(shop(), { ...PLACE, accountId: "12" }), TypeError, "12 digits");
    assertThrows(() => iamPolicies(shop(), { ...PLACE, service: "x" }), TypeError, 'called "x"');
  });
});

async function publishes(publisher: MessagePublisher): Promise<void> {
  const results = [
    ...await publisher.publishAll([OrderPlaced({ orderId: "o-1" })]),
    ...await publisher.publishAll([PrintLabel({ orderId: "o-1" })], { queue: "shipping" }),
  ];
  assertEquals(results.map((it) => it.ok || it.error.message), [true, true]);
}
