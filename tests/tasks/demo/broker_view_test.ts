import { assertEquals } from "@std/assert";
import { beforeEach, describe, it } from "@std/testing/bdd";
import { type AwsEmulator, awsEmulator } from "../../../backends/aws/emulator/mod.ts";
import { AwsBackend } from "../../../backends/aws/mod.ts";
import { VirtualClock } from "../../../backends/memory/testing.ts";
import { deadLettersIn, depthsOf } from "../../../tasks/demo/broker_view.ts";

const letter = (fields: unknown) => ({
  body: "{}",
  attributes: { melange: JSON.stringify(fields) },
});

describe("what the broker says", () => {
  let aws: AwsEmulator;
  let backend: AwsBackend;

  beforeEach(() => {
    const clock = new VirtualClock();
    aws = awsEmulator({ clock });
    const { fetch, credentials, region } = aws;
    backend = new AwsBackend({ fetch, credentials, region, clock });
  });

  it("is how many messages a queue has", async () => {
    await backend.declareQueue("billing");
    await backend.declareQueue("shipping");
    const delayed = { body: "d", attributes: {}, delayMs: 60_000 };
    await backend.send({ queue: "billing" }, [letter({ id: "a" })]);
    await backend.receive("billing", { max: 1, waitMs: 0, visibilityMs: 30_000 });
    await backend.send({ queue: "billing" }, [
      letter({}),
      letter({}),
      letter({}),
      delayed,
      delayed,
    ]);
    assertEquals(depthsOf(aws.snapshot(), "billing"), { available: 3, delayed: 2, inFlight: 1 });
    assertEquals(depthsOf(aws.snapshot(), "missing"), { available: 0, delayed: 0, inFlight: 0 });
  });

  it("is which dead letters there are, and why they were given up", async () => {
    await backend.declareQueue("dead");
    await backend.send({ queue: "dead" }, [
      letter({ id: "a", dead: { reason: "card-expired" } }),
      letter({ id: "b" }),
      { body: "{}", attributes: {} },
    ]);
    assertEquals(deadLettersIn(aws.snapshot(), "dead"), [
      { eventId: "a", reason: "card-expired" },
      { eventId: "b", reason: undefined },
      { eventId: undefined, reason: undefined },
    ] as unknown);
  });
});
