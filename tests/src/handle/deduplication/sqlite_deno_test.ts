import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { DatabaseSync } from "node:sqlite";
import { seededRandom, VirtualClock } from "../../../../backends/memory/testing.ts";
import { SqliteDeduplicationStore } from "../../../../src/handle/deduplication/sqlite.ts";
import { dispatch } from "../../../../src/handle/dispatch.ts";
import { Dispatcher } from "../../../../src/handle/dispatcher.ts";
import { mustRun } from "../../../../tasks/process.ts";
import { recordingLogger } from "../../../fakes/world.ts";

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

  it("waits for who writes for five seconds, or as long as it is told", () =>
    withStores(({ database, clock }) => {
      const pragma = (name: string) =>
        Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0];
      assertEquals(pragma("busy_timeout"), 5_000);
      assertEquals(pragma("synchronous"), 1);
      new SqliteDeduplicationStore({ database, clock, busyTimeoutMs: 1_234.5 });
      assertEquals(pragma("busy_timeout"), 1_234);
      return Promise.resolve();
    }));

  it("keeps a log beside a file, and works without one where another process has the file", async () => {
    const folder = await Deno.makeTempDir();
    const file = `${folder}/shared.db`;
    const [first, second] = [new DatabaseSync(file), new DatabaseSync(file)];
    const mode = () => first.prepare("PRAGMA journal_mode").get()?.journal_mode;
    try {
      // The first process writes while the second one asks for a log.
      first.exec("BEGIN IMMEDIATE");
      const database = {
        prepare: (sql: string) => second.prepare(sql),
        exec(sql: string) {
          try {
            second.exec(sql);
          } finally {
            if (sql.includes("journal_mode")) first.exec("COMMIT");
          }
        },
      };
      const store = new SqliteDeduplicationStore({ database, busyTimeoutMs: 0 });
      assertEquals(mode(), "delete");
      assertEquals((await store.claim("a", 1_000)).status, "claimed");
      second.close();
      const later = new SqliteDeduplicationStore({ database: first });
      assertEquals(mode(), "wal");
      assertEquals((await later.claim("a", 1_000)).status, "inProgress");
    } finally {
      first.close();
      if (second.isOpen) second.close();
      await Deno.remove(folder, { recursive: true });
    }
  });

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
      Array.from({ length: 3 }, () => mustRun(Deno.execPath(), args, { timeoutMs: 60_000 })),
    );
    await Deno.remove(folder, { recursive: true });
    const got = outputs.flatMap(({ stdout }) => JSON.parse(stdout) as string[]);
    assertEquals([got.length, new Set(got).size], [500, 500]);
  });
});

describe("a commit that fails", () => {
  /** A database in which each commit of a change to the table fails, as on a full disk. */
  function full(database: DatabaseSync): void {
    database.exec("PRAGMA foreign_keys = ON");
    database.exec("CREATE TABLE parent (id INTEGER PRIMARY KEY)");
    database.exec(`CREATE TABLE child (
      id INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)`);
    for (const verb of ["INSERT", "UPDATE", "DELETE"]) {
      database.exec(`CREATE TRIGGER fail_${verb} AFTER ${verb} ON melange_deduplication
        BEGIN INSERT INTO child VALUES (1); END`);
    }
  }
  const REASON = "FOREIGN KEY";

  it("rejects with its cause, and nothing is claimed, completed, released or renewed", () =>
    withStores(async ({ store, other, database, claim, rows }) => {
      const token = await claim("a");
      full(database);
      await assertRejects(() => store.claim("b", 1_000), Error, REASON);
      await assertRejects(() => store.complete("a", token, 1_000), Error, REASON);
      await assertRejects(() => store.release("a", token), Error, REASON);
      await assertRejects(() => store.renew("a", token, 1_000), Error, REASON);
      assertEquals(rows(), 1);
      assertEquals((await other.claim("a", 1_000)).status, "inProgress");
    }));

  it("is what once() throws, also where the database has rolled back by itself", () =>
    withStores(({ store, database }) => {
      database.exec("CREATE TABLE effects (n INTEGER)");
      const effect = () => database.exec("INSERT INTO effects VALUES (1)");
      full(database);
      assertThrows(() => store.once("a", effect), Error, REASON);
      const rollback = () => {
        effect();
        database.exec("ROLLBACK");
        throw new Error("the disk is full");
      };
      assertThrows(() => store.once("a", rollback), Error, "the disk is full");
      assertEquals(database.prepare("SELECT count(*) AS n FROM effects").get()?.n, 0);
      return Promise.resolve();
    }));

  it("is met closed or open as configured, loudly", () =>
    withStores(async ({ clock, store, database }) => {
      full(database);
      for (const onFailure of ["retry", "process"] as const) {
        const log = recordingLogger();
        const dispatcher = new Dispatcher({ logger: log, deduplication: { store, onFailure } });
        let handled = 0;
        dispatcher.subscribeAll(() => void handled++, { name: "bill" });
        const message = {
          id: "m-1",
          body: "{}",
          attributes: { manifest: "Job" },
          sentAt: new Date(0),
          attempt: 1,
        };
        const { outcome } = await dispatch(dispatcher, message, { queue: "q", clock });
        const expected = onFailure === "retry" ? ["retry", 0] : ["acknowledge", 1];
        assertEquals([outcome, handled], expected);
        assertEquals(log.at("error").length, 1);
      }
    }));

  it("of a disk that is really full rejects too", () =>
    withStores(async ({ store, database, rows }) => {
      const pages = Number(database.prepare("PRAGMA page_count").get()?.page_count);
      database.exec(`PRAGMA max_page_count = ${pages}`);
      const key = "k".repeat(20_000);
      await assertRejects(() => store.claim(key, 1_000), Error, "full");
      assertThrows(() => store.once(key, () => {}), Error, "full");
      assertEquals(rows(), 0);
    }));
});

describe("once()", () => {
  const asynchronous: [string, () => unknown][] = [
    ["an async function", async () => {}],
    ["a function that returns a promise", () => Promise.resolve()],
    ["one that returns a promise that rejects", () => Promise.reject(new Error("later"))],
    ["a thenable", () => ({ then() {} })],
    ["a generator", function* () {}],
    ["an async generator", async function* () {}],
    ["nothing", undefined as never],
    ["an object", {} as never],
  ];
  for (const [what, effect] of asynchronous) {
    it(`refuses ${what}, and marks nothing`, () =>
      withStores(async ({ store, status, database }) => {
        assertThrows(() => store.once("a", effect as never), TypeError, "asynchronous");
        assertEquals(await status("a"), "claimed");
        database.exec("BEGIN");
        database.exec("COMMIT");
      }));
  }

  it("refuses what returns a generator that has not begun, or a thenable function", () =>
    withStores(async ({ store, status }) => {
      const effects = [
        () => (function* () {})(),
        () => (async function* () {})(),
        () => Object.assign(() => {}, { then() {} }),
      ];
      for (const effect of effects) {
        assertThrows(() => store.once("a", effect as never), TypeError, "asynchronous");
      }
      assertEquals(await status("a"), "claimed");
    }));

  it("refuses times that are none, as all calls do, and changes nothing", () =>
    withStores(async ({ store, database, claim, status }) => {
      const token = await claim("a");
      for (const ms of [-1, NaN, Infinity, "5", 5n, null]) {
        assertThrows(() => store.once("b", () => {}, ms as never), RangeError, "once");
        await assertRejects(() => store.claim("b", ms as never), RangeError);
        await assertRejects(() => store.renew("a", token, ms as never), RangeError);
        await assertRejects(() => store.complete("a", token, ms as never), RangeError);
        const options = { database, busyTimeoutMs: ms as never };
        assertThrows(() => new SqliteDeduplicationStore(options), RangeError, "busyTimeoutMs");
      }
      assertEquals([await status("a"), await status("b")], ["inProgress", "claimed"]);
    }));

  it("keeps nothing of what such an effect did before its first await", () =>
    withStores(({ store, database }) => {
      database.exec("CREATE TABLE effects (n INTEGER)");
      const effect = () => {
        database.exec("INSERT INTO effects VALUES (1)");
        return Promise.resolve();
      };
      assertThrows(() => store.once("a", effect as never), TypeError);
      assertEquals(database.prepare("SELECT count(*) AS n FROM effects").get()?.n, 0);
      return Promise.resolve();
    }));
});

describe("leases, when the clock is set", () => {
  const HOUR = 3_600_000;

  it("back: never last longer than the lease, looked at before or not", () =>
    withStores(async ({ clock, other, claim }) => {
      await clock.advance(2 * HOUR);
      await claim("a", 60_000);
      await claim("b", 60_000);
      await clock.advance(30_000);
      clock.step(-HOUR);
      assertEquals(await other.claim("a", 60_000), { status: "inProgress", retryAfterMs: 30_000 });
      await clock.advance(29_999);
      assertEquals((await other.claim("b", 60_000)).status, "inProgress");
      await clock.advance(1);
      assertEquals((await other.claim("a", 60_000)).status, "claimed");
      assertEquals((await other.claim("b", 60_000)).status, "claimed");
    }));

  it("back: by a process that did not see it, one lease at the most", () =>
    withStores(async ({ clock, database, claim }) => {
      await clock.advance(2 * HOUR);
      await claim("a", 60_000);
      clock.step(-HOUR);
      const late = new SqliteDeduplicationStore({ database, clock });
      assertEquals(await late.claim("a", 5), { status: "inProgress", retryAfterMs: 60_000 });
      await clock.advance(60_000);
      assertEquals((await late.claim("a", 5)).status, "claimed");
    }));

  it("forward: nobody gets what somebody still works on", () =>
    withStores(async ({ clock, other, store, claim }) => {
      const token = await claim("a", 60_000);
      await clock.advance(20_000);
      clock.step(HOUR);
      assertEquals(await other.claim("a", 60_000), { status: "inProgress", retryAfterMs: 40_000 });
      assertEquals(await store.renew("a", token, 60_000), true);
      await clock.advance(60_000);
      assertEquals((await other.claim("a", 60_000)).status, "claimed");
    }));

  for (const step of [-HOUR, HOUR, 48 * HOUR]) {
    it(`by ${step / HOUR} hours: what is done is remembered for its time, not much longer`, () =>
      withStores(async ({ clock, store, other, claim }) => {
        await clock.advance(100 * HOUR);
        await store.complete("a", await claim("a"), 24 * HOUR);
        store.once("b", () => {}, 24 * HOUR);
        await clock.advance(HOUR);
        clock.step(step);
        for (const each of [store, other]) {
          for (const key of ["a", "b"]) {
            assertEquals((await each.claim(key, 1)).status, "completed");
          }
        }
        await clock.advance(22 * HOUR);
        assertEquals((await other.claim("a", 1)).status, "completed");
        await clock.advance(3 * HOUR);
        for (const key of ["a", "b"]) assertEquals((await other.claim(key, 1)).status, "claimed");
      }));
  }

  it("again and again, each step missed by some of three processes: nothing done is forgotten", () =>
    withStores(async ({ clock, database, store, other, claim }) => {
      const random = seededRandom(7);
      const offsets = [0, -HOUR, HOUR, -60_000, 24 * HOUR];
      const stores = [store, other, new SqliteDeduplicationStore({ database, clock })];
      const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)]!;
      let [offset, done] = [0, 0];
      await claim("lease", 24 * HOUR);
      for (let turn = 0; turn < 300; turn++) {
        const next = pick(offsets);
        clock.step(next - offset);
        offset = next;
        await clock.advance(1_500);
        if (random() < 0.5) assertEquals(pick(stores).once(`key-${done++}`, () => {}), true);
        const key = `key-${Math.floor(random() * done)}`;
        if (done > 0) assertEquals(pick(stores).once(key, () => {}), false);
      }
      for (const each of stores) {
        assertEquals(await each.claim("lease", 1), {
          status: "inProgress",
          retryAfterMs: 24 * HOUR - 300 * 1_500,
        });
      }
    }));

  it("forward, before another process starts: nothing done is forgotten", () =>
    withStores(async ({ clock, database, store, claim }) => {
      await store.complete("a", await claim("a"), 24 * HOUR);
      clock.step(24 * HOUR);
      const late = new SqliteDeduplicationStore({ database, clock });
      assertEquals((await late.claim("a", 1)).status, "completed");
      assertEquals((await store.claim("a", 1)).status, "completed");
    }));

  it("between the starts of two processes, before either was asked: nothing done is forgotten", () =>
    withStores(async ({ clock, store, database, claim }) => {
      clock.step(24 * HOUR);
      const late = new SqliteDeduplicationStore({ database, clock });
      await store.complete("a", await claim("a"), 24 * HOUR);
      assertEquals((await late.claim("a", 1)).status, "completed");
    }));

  it("not at all: a process that starts later gets what a dead one has claimed, after its lease", () =>
    withStores(async ({ clock, database, claim }) => {
      await claim("a", 60_000);
      await clock.advance(59_999);
      const early = new SqliteDeduplicationStore({ database, clock });
      assertEquals(await early.claim("a", 5), { status: "inProgress", retryAfterMs: 1 });
      await clock.advance(1);
      const late = new SqliteDeduplicationStore({ database, clock });
      assertEquals((await late.claim("a", 5)).status, "claimed");
    }));

  it("twice, seen by two processes: each lease is moved once", () =>
    withStores(async ({ clock, store, other, claim }) => {
      await clock.advance(3 * HOUR);
      await claim("a", 60_000);
      for (const step of [-HOUR, HOUR, -2 * HOUR]) {
        clock.step(step);
        for (const each of [store, other, store, other]) {
          assertEquals(await each.claim("a", 1), { status: "inProgress", retryAfterMs: 60_000 });
        }
      }
      await clock.advance(60_000);
      assertEquals((await store.claim("a", 1)).status, "claimed");
    }));
});

describe("a database of an older version", () => {
  it("gets the table that it lacks, and keeps what is in it", async () => {
    const database = new DatabaseSync(":memory:");
    try {
      database.exec(`CREATE TABLE melange_deduplication (key TEXT PRIMARY KEY, token TEXT NOT NULL,
        done INTEGER NOT NULL, expires_at INTEGER NOT NULL) WITHOUT ROWID`);
      database.exec(
        "INSERT INTO melange_deduplication VALUES ('a', '', 1, 5000), ('b', 't', 0, 500)",
      );
      const clock = new VirtualClock({ now: 0 });
      const stores = [1, 2].map(() => new SqliteDeduplicationStore({ database, clock }));
      assertEquals((await stores[1]!.claim("a", 1)).status, "completed");
      assertEquals(await stores[0]!.claim("b", 1), { status: "inProgress", retryAfterMs: 500 });
    } finally {
      database.close();
    }
  });
});

describe("keys that SQLite cannot keep as they are", () => {
  it("stay different", () =>
    withStores(async ({ status }) => {
      const keys = ["\uD800", "\uD801", "\uFFFD", "\uFFFEd800", "\uFFFE", "a\0b", "a", "a\0c"];
      for (const key of keys) {
        assertEquals([await status(key), await status(key)], ["claimed", "inProgress"]);
      }
    }));
});
