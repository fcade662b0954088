/** Runs of the laboratory that cannot succeed: they end soon, and say what they saw. */
import { assertRejects, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { AwsBackend } from "../../backends/aws/mod.ts";
import { MessagePublisher } from "../../mod.ts";
import { workOf, WorkOrdered } from "./event.ts";
import { openLaboratory } from "./laboratory.ts";
import { OURS } from "./programs.ts";
import { runChaos } from "./run.ts";
import { watchPrograms } from "./watch.ts";

const dies = new URL("./broken/dies.ts", import.meta.url);

describe("runChaos()", () => {
  for (
    const [who, programs] of [
      ["worker", { ...OURS, worker: dies }],
      ["publisher", { ...OURS, publisher: dies }],
    ] as const
  ) {
    it(`ends at once when a ${who} ends by itself, with its exit code and what it wrote`, async () => {
      const run = runChaos({ messages: 100, seed: 1, programs });
      const { message } = await assertRejects(() => run, Error);
      assertStringIncludes(message, `Cannot go on as ${who}`);
      assertStringIncludes(message, "ended by itself with exit code 3");
      assertStringIncludes(message, "out of luck");
    });
  }
});

describe("watchPrograms()", () => {
  it("ends a wait in which nothing moves, and says who has what", async () => {
    await using lab = await openLaboratory();
    const endpoint = await lab.proxy.open("client");
    await using backend = new AwsBackend({
      endpoint,
      region: "us-east-1",
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
    });
    const publisher = new MessagePublisher({ backend });
    const events = [0, 1].map((n) => WorkOrdered(workOf(n), { id: workOf(n).key }));
    await publisher.publishAll(events, { queue: "work" });
    await backend.receive("work", { max: 1, waitMs: 0, visibilityMs: 60_000 });
    const watch = watchPrograms(lab, { stallMs: 50 });
    const { message } = await assertRejects(() => watch.until("it is over", () => false), Error);
    const parts = [
      "Cannot wait until it is over as nothing moved for 0.05 s: 2 stored, 1 taken, 0 handled",
      '"available":1,"inFlight":1',
      "ended: nobody",
      "event-0, delivered to client, event-1, not delivered",
    ];
    for (const part of parts) assertStringIncludes(message, part);
  });
});
