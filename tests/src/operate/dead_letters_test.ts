import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { MemoryBackend } from "../../../backends/memory/mod.ts";
import { VirtualClock } from "../../../backends/memory/testing.ts";
import type { Receiver, Sender } from "../../../src/backend.ts";
import { defineEvent, typed } from "../../../src/event/event.ts";
import { Dispatcher } from "../../../src/handle/dispatcher.ts";
import { DeadLetters, type DeadLettersOptions } from "../../../src/operate/dead_letters.ts";
import { MelangeError } from "../../../src/support/errors.ts";
import { deadLetterCopy, deadLetterFactsOf } from "../../../src/wire/dead_letter.ts";
import { encode, read } from "../../../src/wire/format.ts";
import type { Format } from "../../../src/wire/packed.ts";
import { SerializerRegistry } from "../../../src/wire/serializer_registry.ts";
import { within } from "../../wait.ts";

const OrderPlaced = defineEvent("OrderPlaced", { schema: typed<{ total: number }>() });
const QUIET = { debug() {}, info() {}, warn() {}, error() {} };

interface Death {
  id: string;
  total?: number;
  reason?: string;
  group?: string;
  format?: Format;
}

interface SetUpOptions extends Partial<DeadLettersOptions> {
  fifo?: boolean;
}

/** A queue whose dead-letter queue holds these letters, and the view of it. */
async function setUp(deaths: readonly Death[], { fifo = false, ...options }: SetUpOptions = {}) {
  const clock = new VirtualClock();
  const memory = new MemoryBackend({ clock });
  const [queue, dlq] = fifo ? ["q.fifo", "dlq.fifo"] : ["q", "dlq"];
  await memory.declareQueue(queue, { deadLetterQueue: dlq, maxReceives: 1_000 });
  await memory.declareQueue(dlq);
  for (const death of deaths) await die(memory, death, { queue, dlq });
  const dead = new DeadLetters({
    backend: memory,
    queue: dlq,
    waitMs: 0,
    clock,
    random: () => 0,
    logger: QUIET,
    ...options,
  });
  return { clock, memory, queue, dlq, dead };
}

async function die(
  memory: MemoryBackend,
  { id, total = 1, reason = "BROKEN", group, format = "plain" }: Death,
  { queue, dlq }: { queue: string; dlq: string },
): Promise<void> {
  const event = OrderPlaced({ total }, { id });
  const serializers = new SerializerRegistry();
  const published = encode(event, { format, serializers, toQueue: true, attributes: { a: "b" } });
  const message = {
    id: crypto.randomUUID(),
    ...published,
    sentAt: new Date(0),
    attempt: 1,
    ...(group === undefined ? {} : { group }),
  };
  const copy = deadLetterCopy(message, { reason, queue, attempts: 1 }, 1_048_576);
  // The group of a FIFO queue is that of the facts.
  const placed = dlq.endsWith(".fifo") ? { group: group ?? "g", deduplicationId: message.id } : {};
  const [result] = await memory.send({ queue: dlq }, [{ ...copy, ...placed }]);
  if (!result?.ok) throw result?.error ?? new Error("not sent");
}

/** All messages of a queue, which stay locked. */
async function messagesIn(backend: Receiver, queue: string) {
  const all = [];
  for (let looks = 0; looks < 100; looks++) {
    const batch = await backend.receive(queue, { max: 10, waitMs: 0, visibilityMs: 30_000 });
    if (batch.length === 0) break;
    all.push(...batch.map(({ message }) => message));
  }
  return all;
}

async function idsIn(backend: Receiver, queue: string): Promise<string[]> {
  return (await messagesIn(backend, queue)).map((message) => read(message).facts.id);
}

/** A backend whose named verbs are replaced. */
function altered<B extends object>(backend: B, verbs: Partial<Receiver & Sender>): B {
  return new Proxy(backend, {
    get(target, key) {
      if (Object.hasOwn(verbs, key)) return verbs[key as keyof typeof verbs];
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

function letters(count: number): Death[] {
  return Array.from({ length: count }, (_, index) => ({ id: `o-${index}` }));
}

describe("DeadLetters.list", () => {
  it("shows reason, event, source and age, and gives back at once what it saw", async () => {
    const { dead, memory, clock } = await setUp([{ id: "o-1", total: 42, reason: "CARD_DOWN" }]);
    await clock.advance(5_000);
    for (const attempt of [1, 2]) {
      const seen = [];
      for await (const letter of dead.list()) seen.push(letter);
      assertEquals(
        seen.map(({ facts, type, event, source, ageMs, attempt }) => {
          return [facts?.reason, type, event?.data, event?.id, source, ageMs, attempt];
        }),
        [["CARD_DOWN", "OrderPlaced", { total: 42 }, "o-1", "q", 5_000, attempt]],
      );
      const { available, inFlight } = await memory.describeQueue("dlq");
      assertEquals([available, inFlight], [1, 0]);
    }
  });

  it("shows each letter once, and gives back all of them after a break", async () => {
    const { dead, memory } = await setUp(letters(25));
    const ids = [];
    for await (const { event } of dead.list()) ids.push(event?.id);
    assertEquals(new Set(ids).size, 25);
    assertEquals(ids.length, 25);
    for await (const _ of dead.list()) break;
    let seen = 0;
    for await (const _ of dead.list({ max: 12 })) seen += 1;
    assertEquals(seen, 12);
    assertEquals((await memory.describeQueue("dlq")).available, 25);
  });

  it("shows a letter that the broker moved, and one that cannot be read", async () => {
    const { dead, memory } = await setUp([]);
    await memory.declareQueue("q", { deadLetterQueue: "dlq", maxReceives: 1 });
    const body = "no json";
    await memory.send({ queue: "q" }, [{ body, attributes: { manifest: "OrderPlaced" } }]);
    const options = { max: 1, waitMs: 0, visibilityMs: 0 };
    await memory.receive("q", options);
    await memory.receive("q", options);
    const seen = [];
    for await (const { type, event, facts, source } of dead.list()) {
      seen.push([type, event, facts, source]);
    }
    assertEquals(seen, [["OrderPlaced", undefined, undefined, "q"]]);
  });
});

describe("DeadLetters.redrive", () => {
  it("moves what `where` chooses to its source, with its id and without its facts", async () => {
    const { dead, memory } = await setUp([
      { id: "o-1", reason: "CARD_DOWN" },
      { id: "o-2", reason: "OTHER" },
      { id: "o-3", reason: "CARD_DOWN" },
    ]);
    const report = await dead.redrive({ where: ({ facts }) => facts?.reason === "CARD_DOWN" });
    assertEquals(report, { seen: 3, moved: 2, kept: 1, failed: 0 });
    const moved = await messagesIn(memory, "q");
    assertEquals(moved.map((message) => read(message).facts.id), ["o-1", "o-3"]);
    assertEquals(moved.map(deadLetterFactsOf), [undefined, undefined]);
    assertEquals(moved[0]?.attributes.a, "b");
    assertEquals((await memory.describeQueue("dlq")).available, 1);
  });

  it("tells with dryRun what it would do, and does nothing", async () => {
    const { dead, memory } = await setUp(letters(12));
    const report = await dead.redrive({ dryRun: true, where: ({ event }) => event?.id !== "o-3" });
    assertEquals(report, { seen: 12, moved: 11, kept: 1, failed: 0 });
    assertEquals((await memory.describeQueue("dlq")).available, 12);
    assertEquals((await memory.describeQueue("q")).available, 0);
  });

  for (const format of ["plain", "melange", "cloudevents"] as const) {
    it(`sends an edited event as ${format}, under its own id`, async () => {
      const { dead, memory } = await setUp([{ id: "o-1", total: -1, format }, {
        id: "o-2",
        format,
      }]);
      const report = await dead.redrive({
        edit: (event) => {
          const data = event.data as { total: number };
          if (data.total < 0) data.total = 7;
          return event;
        },
      });
      assertEquals(report, { seen: 2, moved: 2, kept: 0, failed: 0 });
      const moved = (await messagesIn(memory, "q")).map((message) => {
        const event = read(message);
        return [event.facts.id, event.data(new SerializerRegistry(), ""), message.attributes.a];
      });
      assertEquals(moved, [["o-1", { total: 7 }, "b"], ["o-2", { total: 1 }, "b"]]);
    });
  }

  it("keeps a letter that cannot be edited, or that its schema refuses", async () => {
    const schema = {
      "~standard": {
        version: 1 as const,
        vendor: "test",
        validate: (value: unknown) =>
          (value as { total: number }).total > 0
            ? { value: value as { total: number } }
            : { issues: [{ message: "too few", path: ["total"] }] },
      },
    };
    const dispatcher = new Dispatcher({ logger: QUIET });
    dispatcher.subscribe(defineEvent("OrderPlaced", { schema }), () => {});
    const { dead, memory } = await setUp([{ id: "o-1", total: 5 }, { id: "o-2" }], { dispatcher });
    await memory.send({ queue: "dlq" }, [{ body: "x", attributes: {} }]);
    const failed: unknown[] = [];
    const report = await dead.redrive({
      to: "q",
      edit: (event) => ({ ...event, data: { total: event.id === "o-1" ? -5 : 5 } }),
      onFailed: ({ event }, { code, message }) => failed.push([event?.id, code, message]),
    });
    assertEquals(report, { seen: 3, moved: 1, kept: 0, failed: 2 });
    assertEquals(failed.map((each) => (each as unknown[]).slice(0, 2)), [
      ["o-1", "INVALID_EVENT"],
      [undefined, "UNDECODABLE"],
    ]);
    assertMatch(String((failed[0] as unknown[])[2]), /schema at total/);
    assertEquals((await memory.describeQueue("dlq")).available, 2);
  });

  it("keeps groups and their order in FIFO queues, with fresh deduplication ids", async () => {
    const deaths = Array.from({ length: 24 }, (_, index) => ({
      id: `o-${index}`,
      group: `g-${index % 3}`,
    }));
    const { dead, memory } = await setUp(deaths, { fifo: true });
    const ids: string[] = [];
    for await (const letter of dead.list()) ids.push(letter.message.deduplicationId!);
    const report = await dead.redrive();
    assertEquals(report, { seen: 24, moved: 24, kept: 0, failed: 0 });
    const moved = [];
    for (let takes = 0; takes < 24; takes++) moved.push(...await take(memory, "q.fifo"));
    for (const group of ["g-0", "g-1", "g-2"]) {
      const own = moved.filter((message) => message.group === group);
      assertEquals(
        own.map((message) => read(message).facts.id),
        deaths.filter((death) => death.group === group).map(({ id }) => id),
      );
    }
    assertEquals(moved.filter(({ deduplicationId }) => ids.includes(deduplicationId!)), []);
    assertEquals(new Set(moved.map(({ deduplicationId }) => deduplicationId)).size, 24);
  });

  it("lets no letter overtake one of its FIFO group that could not be sent", async () => {
    const deaths = ["a", "b", "c"].map((id) => ({ id, group: "g" }));
    const { memory, clock } = await setUp([...deaths, { id: "d", group: "h" }], { fifo: true });
    let calls = 0;
    const backend = altered(memory, {
      send: async (destination, messages, options) => {
        const results = await memory.send(destination, messages.slice(0, 0), options);
        for (const message of messages) {
          const refused = read({ id: "", sentAt: new Date(), attempt: 1, ...message }).facts.id;
          if (refused === "b" && ++calls > 0) {
            results.push({ ok: false, error: new MelangeError("REFUSED", "Cannot: no") });
          } else results.push(...await memory.send(destination, [message], options));
        }
        return results;
      },
    });
    const options = { queue: "dlq.fifo", waitMs: 0, clock, random: () => 0, logger: QUIET };
    const dead = new DeadLetters({ backend, ...options });
    assertEquals(await dead.redrive(), { seen: 4, moved: 2, kept: 0, failed: 2 });
    assertEquals(calls, 1);
    // What was not sent is not removed.
    assertEquals(await idsIn(memory, "dlq.fifo"), ["b", "c"]);
    assertEquals(await idsIn(memory, "q.fifo"), ["a", "d"]);
  });

  it("sends first: what dies between leaves a letter in both queues, and a FIFO queue one copy", async () => {
    const { memory, clock } = await setUp([{ id: "a", group: "g" }], { fifo: true });
    const gone = new MelangeError("REFUSED", "Cannot: the process is gone");
    const backend = altered(memory, {
      acknowledge: (_, receipts) =>
        Promise.resolve(receipts.map(() => ({ ok: false as const, error: gone }))),
    });
    const options = { queue: "dlq.fifo", waitMs: 0, clock, random: () => 0, logger: QUIET };
    await new DeadLetters({ backend, ...options }).redrive();
    assertEquals((await memory.describeQueue("q.fifo")).available, 1);
    await clock.advance(60_000);
    assertEquals((await memory.describeQueue("dlq.fifo")).available, 1);
    const again = await new DeadLetters({ backend: memory, ...options }).redrive();
    assertEquals(again, { seen: 1, moved: 1, kept: 0, failed: 0 });
    assertEquals((await memory.describeQueue("q.fifo")).available, 1);
  });

  it("removes no letter before its copy is stored", async () => {
    const { memory, clock } = await setUp(letters(3));
    const steps: string[] = [];
    const backend = altered(memory, {
      send: async (...given) => {
        const results = await memory.send(...given);
        steps.push("stored");
        return results;
      },
      acknowledge: (...given) => {
        steps.push("removed");
        return memory.acknowledge(...given);
      },
    });
    const options = { queue: "dlq", waitMs: 0, clock, random: () => 0, logger: QUIET };
    await new DeadLetters({ backend, ...options }).redrive();
    assertEquals(steps, ["stored", "removed"]);
  });

  it("takes no more than its rate, and keeps the locks of what it leaves", async () => {
    const deaths = letters(40).map((death, index) => ({
      ...death,
      reason: index < 10 ? "KEEP" : "GO",
    }));
    const { dead, memory, clock } = await setUp(deaths, { lockMs: 2_000 });
    const counts: number[] = [];
    const redriving = dead.redrive({
      where: ({ facts }) => facts?.reason === "GO",
      ratePerSecond: 2,
      onProgress: ({ moved }) => counts.push(moved),
    });
    for (let second = 0; second < 20; second++) {
      await clock.advance(500);
      assertEquals((counts.at(-1) ?? 0) <= 2 + second, true, `${counts.at(-1)} by ${second / 2} s`);
    }
    await clock.advance(20_000);
    assertEquals(await redriving, { seen: 40, moved: 30, kept: 10, failed: 0 });
    assertEquals((await memory.describeQueue("dlq")).available, 10);
  });

  it("ends where letters fail again as fast as they go back", async () => {
    const { memory, clock } = await setUp(letters(20));
    const backend = altered(memory, {
      send: async (destination, messages, options) => {
        await clock.advance(1);
        const results = await memory.send(destination, messages, options);
        for (
          const { message, receipt } of await memory.receive("q", {
            max: 10,
            waitMs: 0,
            visibilityMs: 1_000,
          })
        ) {
          const copy = deadLetterCopy(message, { reason: "AGAIN", queue: "q", attempts: 1 }, 1e6);
          await memory.deadLetter("q", [{ receipt, copy }]);
        }
        return results;
      },
    });
    const dead = new DeadLetters({ backend, queue: "dlq", waitMs: 0, clock, logger: QUIET });
    assertEquals((await dead.redrive()).moved, 20);
    assertEquals((await memory.describeQueue("dlq")).available, 20);
  });

  it("rejects with the reason of an abort, and gives back what it holds", async () => {
    const { dead, memory, clock } = await setUp(letters(20));
    const stop = new AbortController();
    const redriving = dead.redrive({ ratePerSecond: 1, signal: stop.signal });
    const rejected = assertRejects(() => redriving, Error, "enough");
    await clock.advance(3_500);
    stop.abort(new Error("enough"));
    await within(rejected, { what: "the end of the redrive" });
    const [dlq, q] = [await memory.describeQueue("dlq"), await memory.describeQueue("q")];
    assertEquals(dlq.inFlight, 0);
    assertEquals(dlq.available + q.available, 20);
    assertEquals(q.available > 0 && q.available < 6, true);
  });

  it("ends by itself when a callback never settles, and when the backend never answers", async () => {
    const { dead, clock } = await setUp([{ id: "o-1" }]);
    const never = new Promise<never>(() => {});
    const stuck = dead.redrive({ where: () => never });
    await clock.advance(60_000);
    assertEquals(await stuck, { seen: 1, moved: 0, kept: 0, failed: 1 });
    const { memory, clock: other } = await setUp([{ id: "o-1" }]);
    const backend = altered(memory, { send: () => never });
    const options = { queue: "dlq", waitMs: 0, clock: other, random: () => 0, logger: QUIET };
    const silent = new DeadLetters({ backend, ...options }).redrive();
    await other.advance(120_000);
    assertEquals(await silent, { seen: 1, moved: 0, kept: 0, failed: 1 });
  });

  it("tells each kind of failure once, and never with data", async () => {
    const lines: string[] = [];
    const logger = {
      ...QUIET,
      warn: (message: string, fields?: object) => lines.push(JSON.stringify([message, fields])),
    };
    const { dead } = await setUp(letters(12), { logger });
    await dead.redrive({
      to: () => {
        throw new Error("secret-total");
      },
    });
    assertEquals(lines.length, 1);
    assertEquals(lines[0]?.includes("secret-total"), false);
  });

  it("refuses to redrive a queue to itself, and a letter without a source", async () => {
    const { dead, memory } = await setUp([]);
    await assertRejects(() => dead.redrive({ to: "dlq" }), MelangeError, "to itself");
    await memory.send({ queue: "dlq" }, [{ body: "{}", attributes: { manifest: "OrderPlaced" } }]);
    const codes: string[] = [];
    const onFailed = (_: unknown, { message }: MelangeError) => codes.push(message);
    assertEquals((await dead.redrive({ onFailed })).failed, 1);
    assertMatch(codes[0]!, /pass `to`/);
    await assertRejects(() => dead.redrive({ max: 0 }), RangeError);
    assertThrows(
      () => new DeadLetters({ backend: memory, queue: "dlq", lockMs: 1 }),
      RangeError,
    );
  });

  it("keeps the identity of an event of another writer", async () => {
    const { dead, memory } = await setUp([]);
    await memory.send({ queue: "dlq" }, [{ body: "{}", attributes: { manifest: "OrderPlaced" } }]);
    let id: string | undefined;
    for await (const { event } of dead.list()) id = event?.id;
    await dead.redrive({ to: "q" });
    assertEquals(await idsIn(memory, "q"), [id!]);
  });
});

describe("DeadLetters.purge", () => {
  it("removes what is chosen, and nothing else", async () => {
    const { dead, memory } = await setUp([
      { id: "o-1", reason: "UNDECODABLE" },
      { id: "o-2" },
      { id: "o-3", reason: "UNDECODABLE" },
    ]);
    const where = ({ facts }: { facts?: { reason: string } | undefined }) =>
      facts?.reason === "UNDECODABLE";
    assertEquals(await dead.purge({ where, dryRun: true }), {
      seen: 3,
      moved: 2,
      kept: 1,
      failed: 0,
    });
    assertEquals(await dead.purge({ where }), { seen: 3, moved: 2, kept: 1, failed: 0 });
    assertEquals(await idsIn(memory, "dlq"), ["o-2"]);
  });
});

async function take(memory: MemoryBackend, queue: string) {
  const batch = await memory.receive(queue, { max: 10, waitMs: 0, visibilityMs: 30_000 });
  await memory.acknowledge(queue, batch.map(({ receipt }) => receipt));
  return batch.map(({ message }) => message);
}
