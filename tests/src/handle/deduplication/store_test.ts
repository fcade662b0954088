import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { VirtualClock } from "../../../../backends/memory/testing.ts";
import { MemoryDeduplicationStore } from "../../../../src/handle/deduplication/store.ts";

function setUp(options: { maxEntries?: number } = {}) {
  const clock = new VirtualClock({ now: 0 });
  const store = new MemoryDeduplicationStore({ clock, ...options });
  return {
    clock,
    store,
    status: async (key: string) => (await store.claim(key, 1_000)).status,
    async claim(key: string, leaseMs = 1_000) {
      const claim = await store.claim(key, leaseMs);
      assert(claim.status === "claimed");
      return claim.token;
    },
  };
}

describe("MemoryDeduplicationStore", () => {
  it("gives a key to one of many that claim it at the same time", async () => {
    const { store } = setUp();
    const claims = await Promise.all(Array.from({ length: 50 }, () => store.claim("a", 1_000)));
    assertEquals(claims.filter(({ status }) => status === "claimed").length, 1);
    assertEquals(claims.filter(({ status }) => status === "inProgress").length, 49);
  });

  it("has the claim before claim() returns", async () => {
    const { store } = setUp();
    void store.claim("a", 1_000);
    assertEquals((await store.claim("a", 1_000)).status, "inProgress");
  });

  it("keeps keys apart, whatever they are called", async () => {
    const { status } = setUp();
    for (const key of ["a", "b", "", "__proto__", "constructor"]) {
      assertEquals([await status(key), await status(key)], ["claimed", "inProgress"]);
    }
  });

  it("tells how long the lease of another still lasts", async () => {
    const { store, clock, claim } = setUp();
    await claim("a", 1_000);
    await clock.advance(400);
    assertEquals(await store.claim("a", 1_000), { status: "inProgress", retryAfterMs: 600 });
  });

  it("remembers what is completed for as long as it is told to", async () => {
    const { store, clock, claim, status } = setUp();
    await store.complete("a", await claim("a"), 5_000);
    await clock.advance(4_999);
    assertEquals(await status("a"), "completed");
    await clock.advance(1);
    assertEquals(await status("a"), "claimed");
  });

  it("gives a released key to the next at once", async () => {
    const { store, claim, status } = setUp();
    await store.release("a", await claim("a"));
    assertEquals(await status("a"), "claimed");
  });

  it("gives a key to another when the lease has ended, not before", async () => {
    const { clock, claim, status } = setUp();
    const first = await claim("a", 1_000);
    await clock.advance(999);
    assertEquals(await status("a"), "inProgress");
    await clock.advance(1);
    assert(await claim("a") !== first);
  });

  it("fences who lost the lease: it can neither complete, release nor renew", async () => {
    const { store, clock, claim, status } = setUp();
    const stale = await claim("a", 1_000);
    await clock.advance(1_000);
    const token = await claim("a", 1_000);
    await store.complete("a", stale, 5_000);
    assertEquals(await status("a"), "inProgress");
    await store.release("a", stale);
    assertEquals(await status("a"), "inProgress");
    assertEquals(await store.renew("a", stale, 60_000), false);
    await clock.advance(999);
    await store.complete("a", token, 5_000);
    assertEquals(await status("a"), "completed");
  });

  it("lets nobody undo what is completed", async () => {
    const { store, claim, status } = setUp();
    const token = await claim("a");
    await store.complete("a", token, 5_000);
    await store.release("a", token);
    assertEquals([await store.renew("a", token, 1_000), await status("a")], [false, "completed"]);
  });

  it("renew() prolongs a lease from now on", async () => {
    const { store, clock, claim, status } = setUp();
    const token = await claim("a", 1_000);
    await clock.advance(900);
    assertEquals(await store.renew("a", token, 1_000), true);
    await clock.advance(999);
    assertEquals(await status("a"), "inProgress");
    await clock.advance(1);
    assertEquals(await status("a"), "claimed");
  });

  it("renew() takes up a lease that has ended, as long as nobody else has it", async () => {
    const { store, clock, claim, status } = setUp();
    const token = await claim("a", 1_000);
    await clock.advance(5_000);
    assertEquals([await store.renew("a", token, 1_000), await status("a")], [true, "inProgress"]);
  });

  it("knows nothing of keys that nobody claimed", async () => {
    const { store, status } = setUp();
    await store.complete("a", "token", 5_000);
    await store.release("a", "token");
    assertEquals([await store.renew("a", "token", 1), await status("a")], [false, "claimed"]);
  });

  it("forgets the oldest of keys that are too long together", async () => {
    const store = new MemoryDeduplicationStore({ clock: new VirtualClock() });
    const keyOf = (n: number) => `${n}`.padEnd(10_000_000, "x");
    const handle = async (key: string) => {
      const claim = await store.claim(key, 1_000);
      if (claim.status === "claimed") await store.complete(key, claim.token, 60_000);
      return claim.status;
    };
    for (let n = 0; n < 6; n++) await handle(keyOf(n));
    assertEquals(await handle(keyOf(0)), "completed");
    await handle("short");
    await handle(keyOf(6));
    assertEquals([await handle(keyOf(1)), await handle("short")], ["completed", "completed"]);
    assertEquals(await handle(keyOf(0)), "claimed");
  });

  it("forgets the oldest of too many completed keys, and only those", async () => {
    const { store, claim, status } = setUp({ maxEntries: 3 });
    for (const key of ["a", "b", "c", "d"]) await store.complete(key, await claim(key), 60_000);
    assertEquals([await status("b"), await status("c"), await status("d")], [
      "completed",
      "completed",
      "completed",
    ]);
    assertEquals(await status("a"), "claimed");
  });

  it("does not count what has expired", async () => {
    const { store, clock, claim, status } = setUp({ maxEntries: 2 });
    await store.complete("a", await claim("a"), 1_000);
    await clock.advance(1_000);
    await store.complete("b", await claim("b"), 60_000);
    await store.complete("c", await claim("c"), 60_000);
    assertEquals([await status("b"), await status("c")], ["completed", "completed"]);
  });

  it("forgets no claim that is running, however many there are", async () => {
    const { store, claim, status } = setUp({ maxEntries: 2 });
    for (const key of ["a", "b", "c", "d", "e"]) await claim(key);
    await store.complete("f", await claim("f"), 60_000);
    for (const key of ["a", "b", "c", "d", "e"]) assertEquals(await status(key), "inProgress");
  });

  it("does not keep the claims of the dead for ever", async () => {
    const { store, clock, claim } = setUp({ maxEntries: 10 });
    const alive = await claim("alive");
    const dead = await claim("dead");
    for (let n = 0; n < 20; n++) {
      await claim(`${n}`);
      await clock.advance(1_000);
      assertEquals(await store.renew("alive", alive, 60_000), true);
    }
    assertEquals(await store.renew("dead", dead, 1_000), false);
  });

  it("refuses a size that makes no sense", () => {
    for (const maxEntries of [0, -1, 1.5, NaN, Infinity]) {
      assertThrows(() => setUp({ maxEntries }), RangeError, "maxEntries");
    }
  });

  it("remembers one key where it may remember one", async () => {
    const { store, claim, status } = setUp({ maxEntries: 1 });
    await store.complete("a", await claim("a"), 60_000);
    assertEquals(await status("a"), "completed");
    await store.complete("b", await claim("b"), 60_000);
    assertEquals([await status("b"), await status("a")], ["completed", "claimed"]);
  });

  it("remembers 100 000 keys unless it is told otherwise", async () => {
    const { store, claim, status } = setUp();
    for (let n = 0; n <= 100_000; n++) await store.complete(`${n}`, await claim(`${n}`), 60_000);
    assertEquals([await status("1"), await status("0")], ["completed", "claimed"]);
  });

  it("forgets the claims of the dead as soon as their lease has ended, where there are many", async () => {
    for (const [ms, kept] of [[999, true], [1_000, false]] as const) {
      const { store, clock, claim } = setUp({ maxEntries: 1 });
      const dead = await claim("dead", 1_000);
      await clock.advance(ms);
      await claim("other", 60_000);
      assertEquals(await store.renew("dead", dead, 1_000), kept);
    }
  });
});
