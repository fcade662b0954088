import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { DatabaseSync } from "node:sqlite";
import { VirtualClock } from "../../../backends/memory/testing.ts";
import { SqliteDeduplicationStore } from "../../../src/deduplication/sqlite.ts";

/** Two stores on one database, as two processes would have them. */
async function withStores(
  test: (world: ReturnType<typeof worldOf>) => Promise<void>,
): Promise<void> {
  const database = new DatabaseSync(":memory:");
  try {
    await test(worldOf(database));
  } finally {
    database.close();
  }
}

function worldOf(database: DatabaseSync) {
  const clock = new VirtualClock({ now: 0 });
  const store = new SqliteDeduplicationStore({ database, clock });
  const other = new SqliteDeduplicationStore({ database, clock });
  return {
    clock,
    store,
    other,
    database,
    status: async (key: string) => (await other.claim(key, 1_000)).status,
    async claim(key: string, leaseMs = 1_000) {
      const claim = await store.claim(key, leaseMs);
      assert(claim.status === "claimed");
      return claim.token;
    },
    rows: () => database.prepare("SELECT count(*) AS n FROM melange_deduplication").get()?.n,
  };
}

describe("SqliteDeduplicationStore", () => {
  it("gives a key to one of two, and tells the other how long that one's lease lasts", () =>
    withStores(async ({ clock, other, claim }) => {
      await claim("a", 1_000);
      await clock.advance(400);
      assertEquals(await other.claim("a", 1_000), { status: "inProgress", retryAfterMs: 600 });
    }));

  it("keeps keys apart, whatever they are called", () =>
    withStores(async ({ status }) => {
      for (const key of ["a", "", "__proto__", "'; DROP TABLE melange_deduplication; --"]) {
        assertEquals([await status(key), await status(key)], ["claimed", "inProgress"]);
      }
    }));

  it("gives a key to the next when its lease ended or was given back", () =>
    withStores(async ({ clock, store, claim, status }) => {
      await claim("a", 1_000);
      await store.release("b", await claim("b"));
      await clock.advance(1_000);
      assertEquals([await status("a"), await status("b")], ["claimed", "claimed"]);
    }));

  it("remembers what is completed for as long as it is told to", () =>
    withStores(async ({ clock, store, claim, status }) => {
      await store.complete("a", await claim("a"), 5_000);
      await clock.advance(4_999);
      assertEquals(await status("a"), "completed");
      await clock.advance(1);
      assertEquals(await status("a"), "claimed");
    }));

  it("renews a lease of one's own, until another has claimed the key", () =>
    withStores(async ({ clock, store, other, claim, status }) => {
      const token = await claim("a", 1_000);
      await clock.advance(900);
      assertEquals(await store.renew("a", token, 1_000), true);
      await clock.advance(900);
      assertEquals(await status("a"), "inProgress");
      await clock.advance(100);
      assertEquals((await other.claim("a", 1_000)).status, "claimed");
      assertEquals(await store.renew("a", token, 1_000), false);
    }));

  it("lets nobody complete or release what another has claimed since", () =>
    withStores(async ({ clock, store, other, claim, status }) => {
      const stale = await claim("a", 1_000);
      await clock.advance(1_000);
      assertEquals((await other.claim("a", 10_000)).status, "claimed");
      await store.complete("a", stale, 60_000);
      await store.release("a", stale);
      assertEquals(await status("a"), "inProgress");
    }));

  it("once() runs an effect one time, and keeps nothing of one that throws", () =>
    withStores(async ({ store, other, database, status }) => {
      database.exec("CREATE TABLE effects (n INTEGER)");
      const effect = () => database.exec("INSERT INTO effects VALUES (1)");
      const count = () => database.prepare("SELECT count(*) AS n FROM effects").get()?.n;
      assertThrows(
        () =>
          store.once("a", () => {
            effect();
            throw new Error("boom");
          }),
        Error,
        "boom",
      );
      assertEquals(count(), 0);
      assertEquals([store.once("a", effect), other.once("a", effect), count()], [true, false, 1]);
      assertEquals(await status("a"), "completed");
    }));

  it("once() remembers for a day unless it is told otherwise", () =>
    withStores(async ({ clock, store, status }) => {
      store.once("a", () => {});
      store.once("b", () => {}, 1_000);
      await clock.advance(999);
      assertEquals(await status("b"), "completed");
      await clock.advance(86_400_000 - 1_000);
      assertEquals([await status("b"), await status("a")], ["claimed", "completed"]);
      await clock.advance(1);
      assertEquals(await status("a"), "claimed");
    }));

  it("waits for who writes for five seconds, or as long as it is told, and keeps a log", () =>
    withStores(({ database, clock }) => {
      const pragma = (name: string) =>
        Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0];
      assertEquals(pragma("busy_timeout"), 5_000);
      assertEquals(pragma("synchronous"), 1);
      new SqliteDeduplicationStore({ database, clock, busyTimeoutMs: 1_234.5 });
      assertEquals(pragma("busy_timeout"), 1_234);
      return Promise.resolve();
    }));

  it("sweeps what is no longer remembered", () =>
    withStores(async ({ clock, store, claim, rows }) => {
      for (let n = 0; n < 999; n++) await store.complete(`${n}`, await claim(`${n}`), 1_000);
      await clock.advance(1_000);
      assertEquals(rows(), 999);
      await store.complete("last", await claim("last"), 1_000);
      assertEquals(rows(), 1);
    }));

  it("rejects where the database is closed", async () => {
    const database = new DatabaseSync(":memory:");
    const store = new SqliteDeduplicationStore({ database });
    database.close();
    const failed = await store.claim("a", 1).then(() => false, () => true);
    assertEquals(failed, true);
  });

  it("gives each key to one of several processes", async () => {
    const folder = await Deno.makeTempDir();
    const program = new URL("./claimer.ts", import.meta.url).pathname;
    const args = ["run", "-A", "-q", program, `${folder}/shared.db`, "500"];
    const outputs = await Promise.all(
      Array.from({ length: 3 }, () => new Deno.Command(Deno.execPath(), { args }).output()),
    );
    await Deno.remove(folder, { recursive: true });
    const got = outputs.flatMap(({ stdout }) =>
      JSON.parse(new TextDecoder().decode(stdout)) as string[]
    );
    assertEquals([got.length, new Set(got).size], [500, 500]);
  });
});
