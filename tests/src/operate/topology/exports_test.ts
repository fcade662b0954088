import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Inventory } from "../../../../mod.ts";
import {
  planOf,
  type SamFunction,
  toCloudFormation,
  topologyOf,
  toTerraform,
} from "../../../../src/operate/topology/mod.ts";
import { readTemplate, readTerraform } from "./read_back.ts";
import { billing, shop } from "./services.ts";

/** Plans against what a template would create. */
function planFor(existing: Inventory, topology = shop()) {
  const refuse = () => Promise.reject(new Error("A template is not a backend"));
  const inspect = () => Promise.resolve(existing);
  return planOf({ inspect, declareQueue: refuse, declareTopic: refuse }, topology);
}

const FIFO = () =>
  topologyOf({
    queue: "ledger.fifo",
    deadLetterQueue: "ledger-dlq.fifo",
    maxReceives: 3,
    contentBasedDeduplication: true,
    visibilityTimeoutMs: 12_000,
    delayMs: 0,
    subscribeTo: [{ topic: "entries.fifo", filter: { tenant: [{ prefix: "a" }] }, raw: false }],
  });

describe("an export that is read back", () => {
  for (const [name, make] of [["standard", shop], ["FIFO", FIFO]] as const) {
    it(`leaves nothing to plan: CloudFormation, ${name}`, async () => {
      const plan = await planFor(readTemplate(toCloudFormation(make())), make());
      assertEquals([plan.changes, plan.foreign], [[], []]);
    });

    it(`leaves nothing to plan: Terraform, ${name}`, async () => {
      const plan = await planFor(readTerraform(toTerraform(make())), make());
      assertEquals([plan.changes, plan.foreign], [[], []]);
    });
  }

  it("would show a setting that the export left out", async () => {
    const template = readTemplate(toCloudFormation(topologyOf(billing())));
    const plan = await planFor(template, topologyOf(billing({ visibilityTimeoutMs: 1_000 })));
    assertEquals(plan.changes.map(({ setting }) => setting), ["visibilityTimeoutMs"]);
  });
});

describe("toCloudFormation()", () => {
  const LAMBDA: SamFunction = { queue: "billing", codeUri: "dist/", handler: "main.handler" };

  it("keeps names apart that would become one", () => {
    const topology = topologyOf({ queue: "a-b", subscribeTo: ["t.fifo"] }, { queue: "a_b" });
    assertEquals(
      Object.keys(toCloudFormation(topology).Resources).filter((id) => /Queue\d?$/.test(id)),
      ["ABQueue", "ABQueue2", "TFifoTopicToABQueue"],
    );
  });

  it("adds functions that report failed items, and hides messages for six of their timeouts", () => {
    const template = toCloudFormation(shop(), { functions: [{ ...LAMBDA, timeoutSeconds: 20 }] });
    assertEquals(template.Transform, "AWS::Serverless-2016-10-31");
    assertEquals(template.Resources.BillingQueue?.Properties.VisibilityTimeout, 120);
    assertEquals(template.Resources.BillingQueueFunction?.Properties.Events, {
      BillingQueue: {
        Type: "SQS",
        Properties: {
          Queue: { "Fn::GetAtt": ["BillingQueue", "Arn"] },
          BatchSize: 10,
          FunctionResponseTypes: ["ReportBatchItemFailures"],
        },
      },
    });
  });

  it("writes a maximum concurrency, or pollers, and refuses both", () => {
    const scaled = (more: Partial<SamFunction>) => {
      const { Resources } = toCloudFormation(shop(), { functions: [{ ...LAMBDA, ...more }] });
      const { Events } = Resources.BillingQueueFunction?.Properties as {
        Events: { BillingQueue: { Properties: Record<string, unknown> } };
      };
      const { ScalingConfig, ProvisionedPollerConfig } = Events.BillingQueue.Properties;
      return [ScalingConfig, ProvisionedPollerConfig];
    };
    const provisionedPollers = { minimum: 2, maximum: 20 };
    assertEquals(scaled({ maximumConcurrency: 5 }), [{ MaximumConcurrency: 5 }, undefined]);
    assertEquals(scaled({ provisionedPollers }), [
      undefined,
      { MinimumPollers: 2, MaximumPollers: 20 },
    ]);
    assertThrows(
      () => scaled({ maximumConcurrency: 5, provisionedPollers }),
      TypeError,
      "one of them",
    );
    assertThrows(() => scaled({ maximumConcurrency: 1 }), RangeError, "2 or more");
  });

  it("refuses a function of a queue that is not there", () => {
    const functions = [{ ...LAMBDA, queue: "bilingl" }];
    assertThrows(() => toCloudFormation(shop(), { functions }), TypeError, 'no "bilingl"');
  });
});

describe("toTerraform()", () => {
  it("refuses names that would become one", () => {
    const topology = topologyOf({ queue: "a.fifo" }, { queue: "a_fifo" });
    assertThrows(() => toTerraform(topology), TypeError, '"a_fifo"');
  });
});
