import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import * as engine from "../../../backends/memory/queue.ts";
import { seededRandom } from "../../../backends/memory/testing.ts";

/**
 * The queue once more, without any cleverness: a list that is searched anew each time. Slow, and so
 * short that its reader can tell that it is right.
 */
class NaiveQueue {
  readonly settings: engine.QueueSettings;
  messages: NaiveMessage[] = [];
  sent = new Map<string, { at: number; id: string }>();
  ordinal = 0;

  constructor(settings: engine.QueueSettings) {
    this.settings = settings;
  }

  send(now: number, id: string, { group, key }: { group: string; key: string }): string {
    const before = this.sent.get(key);
    if (this.settings.fifo && before && now < before.at + engine.DEDUPLICATION_MS) return before.id;
    this.sent.set(key, { at: now, id });
    const dueAt = now + this.settings.delayMs;
    const ordinal = ++this.ordinal;
    this.messages.push({ id, group, dueAt, ordinal, sentAt: now, receives: 0, inFlight: false });
    return id;
  }

  pass(now: number): void {
    this.messages = this.messages.filter((m) => m.sentAt + this.settings.retentionMs > now);
    for (const m of this.messages) if (m.dueAt <= now) m.inFlight = false;
  }

  receive(now: number, max: number, visibilityMs: number): { taken: string[]; dead: string[] } {
    this.pass(now);
    const taken: NaiveMessage[] = [];
    const dead: NaiveMessage[] = [];
    let room = Math.min(max, this.settings.inFlightLimit - this.count(now)[1]!);
    // As the engine does, it takes as many as there is room for before it sorts out the dead.
    while (room > 0) {
      const round = this.next(now, room);
      if (round.length === 0) break;
      for (const m of round) {
        if (m.receives >= this.settings.maxReceives) {
          dead.push(m);
          this.messages = this.messages.filter((each) => each !== m);
          continue;
        }
        Object.assign(m, { receives: m.receives + 1, inFlight: true, dueAt: now + visibilityMs });
        taken.push(m);
        room--;
      }
    }
    return { taken: taken.map((m) => m.id), dead: dead.map((m) => m.id) };
  }

  next(now: number, max: number): NaiveMessage[] {
    const byTime = (a: NaiveMessage, b: NaiveMessage) => a.dueAt - b.dueAt || a.ordinal - b.ordinal;
    const waiting = this.messages.filter((m) => !m.inFlight);
    if (!this.settings.fifo) {
      return waiting.filter((m) => m.dueAt <= now).sort(byTime).slice(0, max);
    }
    const isFree = ({ group, ordinal }: NaiveMessage) =>
      !this.messages.some((m) => m.group === group && m.inFlight && m.ordinal < ordinal);
    const groups = [...new Set(waiting.map((m) => m.group))]
      .map((group) =>
        waiting.filter((m) => m.group === group && isFree(m)).sort((a, b) => a.ordinal - b.ordinal)
      )
      .filter(([first]) => first !== undefined && first.dueAt <= now)
      .sort(([a], [b]) => byTime(a!, b!));
    const runs = groups.map((list) => {
      const end = list.findIndex((m) => m.dueAt > now);
      return end < 0 ? list : list.slice(0, end);
    });
    return runs.flat().slice(0, max);
  }

  count(now: number): number[] {
    this.pass(now);
    const inFlight = this.messages.filter((m) => m.inFlight).length;
    const delayed = this.messages.filter((m) => !m.inFlight && m.dueAt > now).length;
    return [this.messages.length - inFlight - delayed, inFlight, delayed];
  }

  find(now: number, id: string, receives: number): NaiveMessage | undefined {
    this.pass(now);
    return this.messages.find((m) => m.id === id && m.receives === receives && m.inFlight);
  }
}

interface NaiveMessage {
  readonly id: string;
  readonly group: string;
  readonly ordinal: number;
  readonly sentAt: number;
  dueAt: number;
  receives: number;
  inFlight: boolean;
}

interface Held {
  readonly receipt: string;
  readonly id: string;
  readonly receives: number;
}

/** Random operations on both; after each, both must say the same. */
function compare(fifo: boolean, seed: number): void {
  const random = seededRandom(seed);
  const upTo = (limit: number) => Math.floor(random() * limit);
  const settings: engine.QueueSettings = {
    fifo,
    visibilityTimeoutMs: 30_000,
    retentionMs: 2_000_000,
    delayMs: upTo(2) * 500,
    contentBasedDeduplication: false,
    inFlightLimit: fifo ? 12 : 1_000,
    maxReceives: 1 + upTo(4),
  };
  let real = engine.createQueue("q", settings);
  const naive = new NaiveQueue(settings);
  const held: Held[] = [];
  let now = 0;
  let epoch = 1;

  const operations = [
    function send() {
      const id = `m${naive.ordinal}-${upTo(1e9)}`;
      const [group, key] = [`g${upTo(4)}`, `k${upTo(500)}`];
      const message = { body: id, attributes: {}, group, deduplicationId: key };
      const result = engine.send(real, message, { now, id });
      assertEquals(result.ok && result.messageId, naive.send(now, id, { group, key }));
    },
    function receive() {
      const [max, visibilityMs] = [1 + upTo(10), upTo(4) * 700];
      const request = { now, max, visibilityMs, epoch, redrive: true };
      const { receipts, exhausted } = engine.receive(real, request);
      const deliveries = receipts.flatMap((receipt) => engine.deliveryOf(real, receipt) ?? []);
      const expected = naive.receive(now, max, visibilityMs);
      assertEquals(deliveries.map(({ message }) => message.id), expected.taken);
      assertEquals(exhausted.map(({ id }) => id), expected.dead);
      for (const { receipt, message } of deliveries) {
        held.push({ receipt, id: message.id, receives: message.attempt });
      }
    },
    function settle() {
      const each = held[upTo(held.length)];
      if (!each) return;
      const found = naive.find(now, each.id, each.receives);
      const endsInMs = upTo(3) * 900;
      const kind = upTo(3);
      const result = kind === 0
        ? engine.acknowledge(real, each.receipt, now)
        : kind === 1
        ? engine.release(real, each.receipt, { now, endsInMs })
        : engine.extend(real, each.receipt, { now, endsInMs });
      const repeated = kind === 0 && acknowledged.has(each.receipt);
      assertEquals(result.ok, found !== undefined || repeated, `${kind} ${each.receipt}`);
      if (!found) return;
      if (kind > 0) return void (found.dueAt = now + endsInMs);
      acknowledged.add(each.receipt);
      naive.messages = naive.messages.filter((m) => m !== found);
    },
    function pass() {
      now += upTo(10) === 0 ? upTo(400_000) : upTo(600);
    },
    function handOver() {
      if (upTo(20) > 0) return;
      real = engine.restore(structuredClone(engine.snapshot(real)));
      epoch++;
    },
  ];
  const acknowledged = new Set<string>();

  for (let step = 0; step < 1_500; step++) {
    operations[upTo(operations.length)]!();
    const { available, inFlight, delayed } = engine.countMessages(real, now);
    assertEquals([available, inFlight, delayed], naive.count(now), `step ${step}`);
    const nextAt = engine.nextChangeAt(real, now) ?? Infinity;
    const copy = structuredClone(naive.messages);
    const peeked = naive.receive(now, 1, 1);
    const found = peeked.taken.length + peeked.dead.length > 0;
    naive.messages = copy;
    assertEquals(nextAt <= now, found, `step ${step}: the next change is at ${nextAt - now}`);
  }
}

describe("queue beside a naive model", () => {
  for (const fifo of [false, true]) {
    it(`a ${fifo ? "FIFO" : "standard"} queue does the same for random operations`, () => {
      for (let seed = 1; seed <= 8; seed++) compare(fifo, seed);
    });
  }
});
