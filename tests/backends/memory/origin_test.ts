import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { MemoryBackend } from "../../../backends/memory/mod.ts";
import { VirtualClock } from "../../../backends/memory/testing.ts";
import { openEnvelope } from "../../../src/wire/sns_envelope.ts";

describe("the origin of a message of MemoryBackend", () => {
  it("is what its envelope says; a raw delivery says nothing, as on AWS", async () => {
    const clock = new VirtualClock();
    const backend = new MemoryBackend({ clock });
    await backend.declareQueue("wrapped", { subscribeTo: [{ topic: "orders", raw: false }] });
    await backend.declareQueue("raw", { subscribeTo: ["orders"] });
    await backend.send({ topic: "orders" }, [{ body: "{}", attributes: {} }]);
    const origins = [];
    for (const queue of ["wrapped", "raw"]) {
      const call = { max: 1, waitMs: 0, visibilityMs: 1_000 };
      const [delivery] = await backend.receive(queue, call);
      origins.push(openEnvelope(delivery!.message).origin);
    }
    assertEquals(origins, [{
      topic: "arn:aws:sns:memory:000000000000:orders",
      publishedAt: new Date(clock.now()),
    }, undefined]);
    await backend.close();
  });
});
