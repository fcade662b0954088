import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { defineEvent, typed } from "../../../../src/event/event.ts";
import { inbox, PostgresInbox } from "../../../../src/handle/deduplication/inbox.ts";
import {
  type PostgresClient,
  PostgresDeduplicationStore,
} from "../../../../src/handle/deduplication/postgres.ts";
import type { HandlerContext } from "../../../../src/handle/handler.ts";

const Placed = defineEvent("Placed", { schema: typed<{ n: number }>() });

/** An inbox on a fake client, which marks a key once and knows of commits. */
function world() {
  const marked = new Set<unknown>();
  const ends: string[] = [];
  const ending = new AbortController();
  const client: PostgresClient = {
    query(_text, [key]) {
      const isFresh = !marked.has(key);
      marked.add(key);
      return Promise.resolve({ rows: isFresh ? [{ key }] : [] });
    },
  };
  const transaction = async <T>(run: (tx: PostgresClient) => Promise<T>): Promise<T> => {
    const before = [...marked];
    try {
      const result = await run(client);
      ends.push("commit");
      return result;
    } catch (error) {
      marked.clear();
      for (const key of before) marked.add(key);
      ends.push("rollback");
      throw error;
    }
  };
  const store = new PostgresInbox({
    store: new PostgresDeduplicationStore({ client }),
    transaction,
  });
  return {
    store,
    client,
    ends,
    ending,
    marked,
    context: { signal: ending.signal } as HandlerContext,
  };
}

describe("inbox()", () => {
  it("runs once per event and subscriber, with the transaction", async () => {
    const { store, client, context, marked } = world();
    const seen: unknown[] = [];
    const handler = (_: unknown, __: unknown, tx: unknown) => void seen.push(tx);
    const event = Placed({ n: 1 }, { id: "e:1" });
    for (const name of ["bill", "bill", "mail"]) {
      await inbox(store, handler, { name })(event, context);
    }
    assertEquals(seen, [client, client]);
    assertEquals([...marked], ["bill:e%3A1", "mail:e%3A1"]);
  });

  it("rolls back a failed handler, and runs it again", async () => {
    const { store, context, ends } = world();
    let tries = 0;
    const handle = inbox(store, () => {
      if (++tries === 1) throw new Error("no");
    }, { name: "bill" });
    const event = Placed({ n: 1 });
    await assertRejects(async () => await handle(event, context), Error, "no");
    await handle(event, context);
    assertEquals([ends, tries], [["rollback", "commit"], 2]);
  });

  it("rolls back a handler whose message was given up", async () => {
    const { store, context, ends, ending } = world();
    const handle = inbox(store, () => ending.abort(), { name: "bill" });
    await assertRejects(async () => await handle(Placed({ n: 1 }), context));
    assertEquals(ends, ["rollback"]);
  });

  it("refuses an event without an id, a name that is none, and a wrong time", async () => {
    const { store, context, ends } = world();
    const handle = inbox(store, () => {}, { name: "bill" });
    await assertRejects(async () => await handle(Placed({ n: 1 }, { id: "" }), context), TypeError);
    assertEquals(ends, []);
    assertThrows(() => inbox(store, () => {}, { name: "" }), TypeError);
    assertThrows(() => inbox(store, () => {}, { name: "a", retentionMs: -1 }), RangeError);
  });
});
