import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { drainTimes } from "../../../src/consume/drain.ts";

const CANCELS = { cancelsReceive: true };
const STRANDS = { cancelsReceive: false };

describe("drainTimes()", () => {
  it("keeps a fifth, a second at the most, for giving back", () => {
    assertEquals(drainTimes(1_000, { waitMs: 20_000, guarantees: CANCELS }), {
      receivesMs: 0,
      handlersMs: 800,
      endMs: 1_000,
    });
    assertEquals(drainTimes(60_000, { waitMs: 20_000, guarantees: CANCELS }).handlersMs, 59_000);
  });

  it("waits for a receive that cannot be cancelled, a second longer than its wait", () => {
    const { receivesMs } = drainTimes(60_000, { waitMs: 20_000, guarantees: STRANDS });
    assertEquals(receivesMs, 21_000);
    assertEquals(drainTimes(10_000, { waitMs: 20_000, guarantees: STRANDS }).receivesMs, 9_000);
  });

  it("leaves 250 ms for giving back where it is forced, and has no end where none is asked for", () => {
    assertEquals(drainTimes(0, { waitMs: 0, guarantees: CANCELS }), {
      receivesMs: 0,
      handlersMs: 0,
      endMs: 250,
    });
    assertEquals(drainTimes(Infinity, { waitMs: 0, guarantees: CANCELS }).endMs, Infinity);
  });
});
