/** Runs of the laboratory that cannot succeed: they end soon, and say what they saw. */
import { assertRejects, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { calm } from "./faults.ts";
import { OURS } from "./programs.ts";
import { runChaos } from "./run.ts";

const dies = new URL("./broken/dies.ts", import.meta.url);
const sleeps = new URL("./broken/sleeps.ts", import.meta.url);

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

  it("says what it saw when nothing moves", async () => {
    const programs = { ...OURS, worker: sleeps };
    const run = runChaos({ messages: 60, seed: 1, profile: calm, programs, stallMs: 5_000 });
    const { message } = await assertRejects(() => run, Error);
    for (
      const part of [
        "until events are received up to the kill of worker-1 as nothing moved for 5 s",
        "60 stored, 0 taken, 0 handled",
        '"available":60',
        "ended: publisher with 0",
        "worker-1 has 0 deliveries",
        "event-0, not delivered",
      ]
    ) assertStringIncludes(message, part);
  });
});
