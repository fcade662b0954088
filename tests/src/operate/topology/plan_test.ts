import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { awsEmulator } from "../../../../backends/aws/emulator/mod.ts";
import { AwsBackend } from "../../../../backends/aws/mod.ts";
import { MemoryBackend } from "../../../../backends/memory/mod.ts";
import { type Backend, MelangeError } from "../../../../mod.ts";
import { planOf, topologyOf } from "../../../../src/operate/topology/mod.ts";
import { billing, shop } from "./services.ts";

function aws(): Backend {
  const { fetch, region, credentials } = awsEmulator();
  return new AwsBackend({ fetch, region, credentials });
}

const BACKENDS: [name: string, create: () => Backend, stranger: string][] = [
  ["MemoryBackend", () => new MemoryBackend(), "analytics"],
  // Another account may have a queue of the same name.
  ["AwsBackend", aws, "arn:aws:sqs:us-east-1:000000000000:analytics"],
];

for (const [name, create, stranger] of BACKENDS) {
  describe(`planOf() on ${name}`, () => {
    it("creates everything where there is nothing, and then finds nothing to change", async () => {
      const backend = create();
      const plan = await planOf(backend, shop());
      assertEquals(plan.changes, [
        { action: "create", kind: "topic", name: "invoices" },
        { action: "create", kind: "topic", name: "orders" },
        { action: "create", kind: "queue", name: "billing" },
        { action: "create", kind: "queue", name: "billing-dlq" },
        { action: "create", kind: "queue", name: "shipping" },
        { action: "create", kind: "subscription", name: "invoices -> shipping" },
        { action: "create", kind: "subscription", name: "orders -> billing" },
      ]);
      assertEquals(`${plan}`.split("\n")[0], "+ topic invoices: is missing");
      await plan.apply();
      const second = await planOf(backend, shop());
      assertEquals(second.changes, []);
      assertEquals(second.foreign, []);
      assertEquals(`${second}`, "Nothing to change");
      await backend.close();
    });

    it("reads only, until it is applied", async () => {
      const backend = create();
      await planOf(backend, shop());
      const error = await assertRejects(() => backend.describeQueue("billing"), MelangeError);
      assertEquals(error.code, "NOT_FOUND");
      await backend.close();
    });

    it("tells each setting that differs, from and to, and changes it", async () => {
      const backend = create();
      await (await planOf(backend, shop())).apply();
      await backend.declareQueue("billing", {
        visibilityTimeoutMs: 7_000,
        maxReceives: 9,
        subscribeTo: [{ topic: "orders", events: ["OrderPlaced"], raw: false }],
      });
      const wanted = topologyOf(billing({ visibilityTimeoutMs: 45_000 }));
      const plan = await planOf(backend, wanted);
      const change = { action: "update", kind: "queue", name: "billing" } as const;
      const subscription = { ...change, kind: "subscription", name: "orders -> billing" } as const;
      assertEquals(plan.changes, [
        { ...change, setting: "visibilityTimeoutMs", from: 7_000, to: 45_000 },
        { ...change, setting: "maxReceives", from: 9, to: 5 },
        { ...subscription, setting: "raw", from: false, to: true },
        {
          ...subscription,
          setting: "filter",
          from: { manifest: ["OrderPlaced"] },
          to: { manifest: ["OrderPlaced", "OrderCancelled"] },
        },
      ]);
      assertEquals(
        `${plan}`.split("\n")[0],
        "~ queue billing: visibilityTimeoutMs is 7000, wanted 45000",
      );
      await plan.apply();
      assertEquals((await planOf(backend, wanted)).changes, []);
      await backend.close();
    });

    it("shows subscriptions of others, and leaves them", async () => {
      const backend = create();
      await (await planOf(backend, shop())).apply();
      await backend.declareQueue("analytics", { subscribeTo: ["orders"] });
      const foreign = [
        { action: "foreign", kind: "subscription", name: `orders -> ${stranger}` } as const,
      ];
      const plan = await planOf(backend, shop());
      assertEquals([plan.changes, plan.foreign], [[], foreign]);
      await (await planOf(backend, topologyOf(billing({ maxReceives: 2 })))).apply();
      assertEquals((await planOf(backend, shop())).foreign, foreign);
      await backend.close();
    });
  });
}

describe("planOf()", () => {
  it("sees a policy that does not let a topic send, and repairs it beside others' statements", async () => {
    const emulator = awsEmulator();
    const { fetch, region, credentials } = emulator;
    const backend = new AwsBackend({ fetch, region, credentials });
    await (await planOf(backend, shop())).apply();
    const other = {
      Sid: "Audit",
      Effect: "Allow",
      Principal: { AWS: "arn:aws:iam::111122223333:root" },
      Action: "sqs:GetQueueAttributes",
      Resource: "*",
    };
    await setPolicy(emulator, { Version: "2012-10-17", Statement: [other] });
    const plan = await planOf(backend, shop());
    assertEquals(plan.changes.map(({ kind, name, setting }) => [kind, name, setting]), [
      ["policy", "billing", "lets send"],
    ]);
    assertEquals(plan.foreign, [
      { action: "foreign", kind: "policy", name: "billing", setting: "Audit" },
    ]);
    await plan.apply();
    const repaired = await planOf(backend, shop());
    assertEquals([repaired.changes, repaired.foreign.length], [[], 1]);
    await backend.close();
  });

  it("is UNSUPPORTED on a backend that cannot inspect", async () => {
    const { declareQueue, declareTopic } = new MemoryBackend();
    const error = await assertRejects(
      () => planOf({ declareQueue, declareTopic }, shop()),
      MelangeError,
    );
    assert(error.code === "UNSUPPORTED", error.code);
  });
});

async function setPolicy(
  { fetch, credentials, region }: ReturnType<typeof awsEmulator>,
  policy: unknown,
): Promise<void> {
  const scope = `${credentials.accessKeyId}/20260101/${region}/sqs/aws4_request`;
  const answer = await fetch(`http://sqs.${region}.amazonaws.com/`, {
    method: "POST",
    headers: {
      "content-type": "application/x-amz-json-1.0",
      "x-amz-target": "AmazonSQS.SetQueueAttributes",
      "x-amz-date": "20260101T000000Z",
      authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=00`,
    },
    body: JSON.stringify({
      QueueUrl: `http://sqs.${region}.amazonaws.com/000000000000/billing`,
      Attributes: { Policy: JSON.stringify(policy) },
    }),
  });
  assertEquals([answer.status, await answer.text()], [200, "{}"]);
}
