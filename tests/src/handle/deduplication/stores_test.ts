import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { testDeduplicationStore } from "../../../../backends/conformance/mod.ts";
import { VirtualClock } from "../../../../backends/memory/testing.ts";
import { DenoKvDeduplicationStore } from "../../../../src/handle/deduplication/deno_kv.ts";
import {
  DurableObjectDeduplicationStore,
  DurableObjectKeys,
} from "../../../../src/handle/deduplication/durable_objects.ts";
import { PostgresDeduplicationStore } from "../../../../src/handle/deduplication/postgres.ts";
import { RedisDeduplicationStore } from "../../../../src/handle/deduplication/redis.ts";
import { serverKey } from "../../../../src/handle/deduplication/shared.ts";
import { MemoryDeduplicationStore } from "../../../../src/handle/deduplication/store.ts";
import { FakeKv, fakeNamespace } from "../../../fakes/key_value.ts";

testDeduplicationStore({
  name: "MemoryDeduplicationStore",
  test: it,
  create: () => {
    const clock = new VirtualClock();
    const store = new MemoryDeduplicationStore({ clock });
    return { store, other: store, pass: (ms) => clock.advance(ms) };
  },
});

testDeduplicationStore({
  name: "DenoKvDeduplicationStore",
  can: ["down"],
  test: it,
  create: () => {
    const clock = new VirtualClock();
    const kv = new FakeKv();
    const open = () => new DenoKvDeduplicationStore({ kv, clock });
    const broken = { get: () => Promise.reject(new Error("down")), atomic: () => kv.atomic() };
    return {
      store: open(),
      other: open(),
      pass: (ms) => clock.advance(ms),
      down: () => new DenoKvDeduplicationStore({ kv: broken, clock }),
    };
  },
});

testDeduplicationStore({
  name: "DurableObjectDeduplicationStore",
  can: ["down"],
  test: it,
  create: () => {
    const clock = new VirtualClock();
    const namespace = fakeNamespace((state) => new DurableObjectKeys(state, undefined, clock));
    const open = () => new DurableObjectDeduplicationStore({ namespace });
    const get = () => ({ fetch: () => Promise.reject(new Error("down")) });
    return {
      store: open(),
      other: open(),
      pass: (ms) => clock.advance(ms),
      down: () => new DurableObjectDeduplicationStore({ namespace: { ...namespace, get } }),
    };
  },
});

describe("RedisDeduplicationStore", () => {
  const answering = (answer: unknown) =>
    new RedisDeduplicationStore({ eval: () => Promise.resolve(answer) });

  it("reads the answers of all clients: text, bytes, and a number made of digits", async () => {
    const bytes = new TextEncoder().encode("1500");
    for (const answer of ["1500", bytes, 1500]) {
      const claim = await answering(answer).claim("a", 1_000);
      assertEquals(claim, { status: "inProgress", retryAfterMs: 1_500 });
    }
  });

  it("gives one key and texts to the client, and the key once", async () => {
    const calls: unknown[][] = [];
    const store = new RedisDeduplicationStore({
      eval: (_script, keys, args) => (calls.push([keys, args.slice(1)]), Promise.resolve("yes")),
    });
    await store.complete("a:b", "t", 1.5);
    assertEquals(calls, [[["melange:dedup:a:b"], ["2"]]]);
  });

  it("rejects a strange answer without showing it", async () => {
    for (const answer of [undefined, null, {}, [], true, "secret"]) {
      const error = await assertRejects(() => answering(answer).claim("a", 1_000), TypeError);
      assertEquals(error.message.includes("secret"), false);
      await assertRejects(() => answering(answer).renew("a", "t", 1_000), TypeError);
    }
  });

  it("refuses a client in place of a function", () => {
    assertThrows(() => new RedisDeduplicationStore({ eval: {} as never }), TypeError);
  });
});

describe("PostgresDeduplicationStore", () => {
  const answering = (...answers: unknown[]) => {
    const query = () => Promise.resolve(answers.shift());
    return new PostgresDeduplicationStore({ client: { query } });
  };

  it("reads the rows of pg and of postgres.js", async () => {
    const row = { done: 0, left_ms: "900" };
    for (const wrap of [(rows: unknown[]) => rows, (rows: unknown[]) => ({ rows })]) {
      const claim = await answering(wrap([]), wrap([row])).claim("a", 1_000);
      assertEquals(claim, { status: "inProgress", retryAfterMs: 900 });
      assertEquals((await answering(wrap([{ token: "t" }])).claim("a", 1)).status, "claimed");
    }
  });

  it("is asked again where the key went away in between", async () => {
    const claim = await answering([], []).claim("a", 1_000);
    assertEquals(claim, { status: "inProgress", retryAfterMs: 0 });
  });

  it("rejects a strange answer", async () => {
    for (const answer of [undefined, null, {}, "secret", 1]) {
      await assertRejects(() => answering(answer).claim("a", 1_000), TypeError);
    }
  });

  it("refuses a table that would be more than a name", () => {
    const client = { query: () => Promise.resolve([]) };
    for (const table of ["", "a b", "a;DROP", 'a"b', "a.b.c", "1a"]) {
      assertThrows(() => new PostgresDeduplicationStore({ client, table }), TypeError);
    }
    new PostgresDeduplicationStore({ client, table: "events.handled_1" });
  });
});

describe("stores on servers", () => {
  it("refuse Workers KV, which has no compare-and-set", () => {
    const namespace = { get() {}, put() {}, getWithMetadata() {}, list() {}, delete() {} };
    const opens = [
      () => new DenoKvDeduplicationStore({ kv: namespace as never }),
      () => new DurableObjectDeduplicationStore({ namespace: namespace as never }),
      () => new PostgresDeduplicationStore({ client: namespace as never }),
    ];
    for (const open of opens) assertThrows(open, TypeError, "no compare-and-set");
  });

  it("keep long keys as a hash, and spell out what servers refuse", async () => {
    assertEquals(await serverKey("bill:o-1%3A"), "bill:o-1%3A");
    assertEquals(await serverKey("a\0~\uD800"), "a~0000~007e~d800");
    const [one, two] = [await serverKey("k".repeat(1_025)), await serverKey("k".repeat(1_026))];
    assertEquals([one === two, one?.length], [false, 72]);
    assertEquals((await serverKey("k".repeat(1_024))).length, 1_024);
  });
});
