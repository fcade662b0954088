import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createAnswerOnce } from "../../../../../backends/aws/hosts/sns_endpoint/answered.ts";
import { VirtualClock } from "../../../../../backends/memory/testing.ts";

const HOUR = 3_600_000;

function setUp({ max = 100 } = {}) {
  const clock = new VirtualClock({ now: 0 });
  const once = createAnswerOnce({ clock, max });
  const state = { status: 200, answered: [] as string[] };
  const come = (id: string, expiresAt = HOUR) =>
    once({ id, expiresAt }, () => {
      state.answered.push(id);
      return Promise.resolve(state.status);
    });
  return { clock, once, state, come };
}

describe("createAnswerOnce()", () => {
  it("repeats an answer below 500, and asks again after any other", async () => {
    for (const [status, times] of [[200, 1], [422, 1], [499, 1], [500, 2], [503, 2]] as const) {
      const { state, come } = setUp();
      state.status = status;
      assertEquals([await come("a"), await come("a")], [status, status]);
      assertEquals(state.answered.length, times, `${status}`);
    }
  });

  it("asks again after one that failed", async () => {
    const { once, state, come } = setUp();
    const message = { id: "a", expiresAt: HOUR };
    await assertRejects(() => once(message, () => Promise.reject(new Error("boom"))), Error);
    assertEquals([await come("a"), state.answered], [200, ["a"]]);
  });

  it("remembers `max` messages, and forgets the oldest first", async () => {
    const { state, come } = setUp({ max: 3 });
    for (const id of ["a", "b", "c", "a"]) await come(id);
    assertEquals(state.answered, ["a", "b", "c"]);
    await come("d");
    for (const id of ["b", "c", "d"]) await come(id);
    assertEquals(state.answered, ["a", "b", "c", "d"]);
    await come("a");
    assertEquals(state.answered, ["a", "b", "c", "d", "a"]);
  });

  it("remembers a message as long as it may come again, and no longer", async () => {
    const { clock, state, come } = setUp();
    await come("a", 1_000);
    await clock.advance(1_000);
    await come("b");
    await come("a", 1_000);
    assertEquals(state.answered, ["a", "b"]);
    await clock.advance(1);
    await come("c");
    await come("a", 1_000);
    assertEquals(state.answered, ["a", "b", "c", "a"]);
  });
});
