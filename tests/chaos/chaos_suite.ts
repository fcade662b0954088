/** The short form of the laboratory: fixed seeds, in half a minute. */
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { fifoChaos, lies } from "./faults.ts";
import { type ChaosResult, runChaos } from "./run.ts";
import { together } from "./together.ts";

/** What must be true of every run, whatever the network did. */
function assertSound(result: ChaosResult): void {
  assertEquals(result.leftover, "");
  const { lost, left, refusedButHandled, unexpected, neverSent, outOfOrder, exitCode } = result;
  assertEquals(
    { lost, left, refusedButHandled, unexpected, neverSent, outOfOrder, exitCode },
    {
      lost: 0,
      left: 0,
      refusedButHandled: 0,
      unexpected: 0,
      neverSent: 0,
      outOfOrder: 0,
      exitCode: 0,
    },
  );
  const { poisonMissing, wronglyDead } = result;
  assertEquals({ poisonMissing, wronglyDead }, { poisonMissing: 0, wronglyDead: 0 });
  assertEquals(result.kills, 2);
  assert(result.heldAtKills.every((held) => held >= 5), `held ${result.heldAtKills}`);
}

describe("in chaos, with two of three workers killed", () => {
  const resultOf = together({
    standard: () =>
      runChaos({ messages: 1_000, seed: 1, sleeps: true, settings: { visibilityMs: 3_000 } }),
    transaction: () =>
      runChaos({
        messages: 500,
        seed: 2,
        profile: lies,
        settings: { once: "transaction", visibilityMs: 2_000, requestTimeoutMs: 1_000 },
      }),
    fifo: () =>
      runChaos({
        messages: 300,
        seed: 3,
        profile: fifoChaos,
        fifo: true,
        settings: { visibilityMs: 2_000 },
      }),
  });

  it("nothing is lost or handled unasked, and the dead letters are exactly the poison", () => {
    assertSound(resultOf("standard"));
  });

  it("nearly everything is acknowledged to its publisher", () => {
    const { acknowledged } = resultOf("standard");
    assert(acknowledged >= 990, `${acknowledged} of 1000`);
  });

  it("a request that was held until its signature was too old is signed anew", () => {
    const { expired, denied } = resultOf("standard");
    assert(expired > 0, `${expired} requests expired`);
    assertEquals(denied, 0);
  });

  it("a shared store lets no effect repeat but those whose handler a kill met", () => {
    assertEquals(resultOf("standard").repeatedUnexplained, 0);
  });

  it("effect and mark in one transaction let none repeat, also where the service lies", () => {
    assertSound(resultOf("transaction"));
    assertEquals(resultOf("transaction").repeated, 0);
  });

  it("a FIFO queue keeps the order of its groups, from publish to effect", () => {
    assertSound(resultOf("fifo"));
    assertEquals(resultOf("fifo").repeatedUnexplained, 0);
  });
});
