import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Delivery } from "../../../src/backend.ts";
import type { Result } from "../../../src/support/result.ts";
import { MelangeError } from "../../../src/support/errors.ts";
import * as engine from "../../../backends/memory/queue.ts";
import { sha256 } from "../../../backends/memory/sha256.ts";
import { ownMessage } from "../../../backends/memory/stored_message.ts";

const HOUR = 3_600_000;

/** A queue with a clock to turn and short words for the operations. */
class Bench {
  readonly queue: engine.Queue;
  now = 1_000_000;
  epoch = 1;
  sent = 0;

  constructor(settings: Partial<engine.QueueSettings> = {}) {
    this.queue = engine.createQueue("q", { ...SETTINGS, ...settings });
  }

  send(body: string, group?: string, more: { delayMs?: number; deduplicationId?: string } = {}) {
    const { fifo } = this.queue.settings;
    const message = {
      body,
      attributes: {},
      ...(group === undefined ? {} : { group }),
      ...(fifo ? { deduplicationId: `d${this.sent}` } : {}),
      ...more,
    };
    return engine.send(this.queue, message, { now: this.now, id: `m${++this.sent}` });
  }

  receive(max = 10, more: { visibilityMs?: number; redrive?: boolean } = {}) {
    const { visibilityMs = 30_000, redrive = false } = more;
    const { now, epoch } = this;
    const request = { now, max, visibilityMs, epoch, redrive };
    const { receipts, exhausted } = engine.receive(this.queue, request);
    const deliveries = receipts.flatMap((receipt) => engine.deliveryOf(this.queue, receipt) ?? []);
    assertEquals(deliveries.length, receipts.length);
    return { deliveries, exhausted };
  }

  take(max = 10, visibilityMs = 30_000): Delivery[] {
    return this.receive(max, { visibilityMs }).deliveries;
  }

  one(visibilityMs = 30_000): Delivery {
    const [delivery] = this.take(1, visibilityMs);
    assert(delivery, "there is a message");
    return delivery;
  }

  acknowledge(delivery: Delivery) {
    return engine.acknowledge(this.queue, delivery.receipt, this.now);
  }

  release(delivery: Delivery, delayMs = 0) {
    return engine.release(this.queue, delivery.receipt, { now: this.now, endsInMs: delayMs });
  }

  extend(delivery: Delivery, visibilityMs: number) {
    const change = { now: this.now, endsInMs: visibilityMs };
    return engine.extend(this.queue, delivery.receipt, change);
  }

  counts() {
    const { available, inFlight, delayed } = engine.countMessages(this.queue, this.now);
    return [available, inFlight, delayed];
  }

  nextChangeIn() {
    const at = engine.nextChangeAt(this.queue, this.now);
    return at === undefined ? undefined : at - this.now;
  }
}

const SETTINGS: engine.QueueSettings = {
  fifo: false,
  visibilityTimeoutMs: 30_000,
  retentionMs: 96 * HOUR,
  delayMs: 0,
  contentBasedDeduplication: false,
  inFlightLimit: 120_000,
  maxReceives: 2,
};

const bodies = (deliveries: readonly Delivery[]) => deliveries.map(({ message }) => message.body);
const code = (result: Result) => result.ok ? "ok" : result.error.code;

describe("queue, both kinds", () => {
  for (const fifo of [false, true]) {
    const kind = fifo ? "FIFO" : "standard";
    const bench = (settings: Partial<engine.QueueSettings> = {}) =>
      new Bench({ fifo, ...settings });

    it(`${kind}: receive() hands out a message with its facts and locks it`, () => {
      const b = bench();
      b.send("a", "g");
      b.now += 5;
      const { receipt, message } = b.one(1_000);
      assert(receipt.length > 0);
      assertEquals(message.id, "m1");
      assertEquals(message.body, "a");
      assertEquals(message.group, "g");
      assertEquals(message.attempt, 1);
      assertEquals(message.sentAt.getTime(), b.now - 5);
      assertEquals(message.lockedUntil?.getTime(), b.now + 1_000);
      assertEquals(message.sequenceNumber, fifo ? "00000000000000000001" : undefined);
      assertEquals(message.deduplicationId, fifo ? "d0" : undefined);
      assertEquals(b.take(), []);
    });

    it(`${kind}: a lock hides until its end, not at it, and each receive counts`, () => {
      const b = bench();
      b.send("a", "g");
      const first = b.one(1_000);
      b.now += 999;
      assertEquals(b.take(), []);
      b.now += 1;
      const second = b.one(1_000);
      assertEquals(second.message.attempt, 2);
      assert(first.receipt !== second.receipt);
    });

    it(`${kind}: acknowledge() removes for good and is success a second time`, () => {
      const b = bench();
      b.send("a", "g");
      const delivery = b.one(1_000);
      assertEquals(code(b.acknowledge(delivery)), "ok");
      assertEquals(code(b.acknowledge(delivery)), "ok");
      b.now += HOUR;
      assertEquals(b.take(), []);
      assertEquals(b.counts(), [0, 0, 0]);
    });

    it(`${kind}: a receipt is lost when its lock is over, also before the next receive`, () => {
      const b = bench();
      b.send("a", "g");
      const delivery = b.one(1_000);
      b.now += 1_000;
      assertEquals(code(b.acknowledge(delivery)), "LOCK_LOST");
      assertEquals(code(b.release(delivery, 5_000)), "LOCK_LOST");
      assertEquals(code(b.extend(delivery, 5_000)), "LOCK_LOST");
      assertEquals(bodies(b.take()), ["a"]);
    });

    it(`${kind}: a receipt of an earlier receive is lost while a later one holds the lock`, () => {
      const b = bench();
      b.send("a", "g");
      const first = b.one(1_000);
      b.now += 1_000;
      const second = b.one(1_000);
      assertEquals(code(b.acknowledge(first)), "LOCK_LOST");
      assertEquals(code(b.acknowledge(second)), "ok");
      assertEquals(code(b.acknowledge(first)), "LOCK_LOST");
      assertEquals(code(b.acknowledge(second)), "ok");
    });

    it(`${kind}: a receipt that was never given is lost`, () => {
      const b = bench();
      b.send("a", "g");
      const { receipt, message } = b.one();
      const [id, epoch] = receipt.split(":");
      const forged = [
        "",
        "junk",
        `${id}:${epoch}:9:1`,
        `x:${epoch}:1:1`,
        `${id}:0:1:1`,
        `${id}:::`,
      ];
      for (const each of forged) {
        assertEquals(code(b.acknowledge({ receipt: each, message })), "LOCK_LOST", each);
      }
      assertEquals(code(b.acknowledge({ receipt, message })), "ok");
    });

    it(`${kind}: release() makes available at once, or after a delay with a good receipt`, () => {
      const b = bench();
      b.send("a", "g");
      const first = b.one();
      assertEquals(code(b.release(first)), "ok");
      assertEquals(code(b.release(first)), "LOCK_LOST");
      const second = b.one();
      assertEquals(second.message.attempt, 2);
      assertEquals(code(b.release(second, 2_000)), "ok");
      assertEquals(b.counts(), [0, 1, 0]);
      b.now += 1_999;
      assertEquals(b.take(), []);
      b.now += 1;
      assertEquals(bodies(b.take()), ["a"]);
    });

    it(`${kind}: extend() moves the end of the lock both ways and says where it is`, () => {
      const b = bench();
      b.send("a", "g");
      const delivery = b.one(1_000);
      b.now += 500;
      assertEquals(b.extend(delivery, 10_000), { ok: true, lockedUntil: new Date(b.now + 10_000) });
      b.now += 9_999;
      assertEquals(b.take(), []);
      assertEquals(code(b.extend(delivery, 10)), "ok");
      b.now += 10;
      assertEquals(bodies(b.take()), ["a"]);
    });

    it(`${kind}: a lock lasts 12 hours from its receive at the most, and a new receive begins anew`, () => {
      const b = bench();
      b.send("a", "g");
      const delivery = b.one(HOUR);
      assertEquals(code(b.extend(delivery, 12 * HOUR)), "ok");
      assertEquals(code(b.extend(delivery, 12 * HOUR + 1)), "INVALID_MESSAGE");
      b.now += HOUR;
      assertEquals(code(b.extend(delivery, 11 * HOUR + 1)), "INVALID_MESSAGE");
      assertEquals(code(b.release(delivery, 11 * HOUR + 1)), "INVALID_MESSAGE");
      assertEquals(code(b.extend(delivery, -1)), "INVALID_MESSAGE");
      assertEquals(code(b.extend(delivery, NaN)), "INVALID_MESSAGE");
      assertEquals(b.nextChangeIn(), 11 * HOUR, "what was refused changed nothing");
      b.now += 11 * HOUR;
      assertEquals(code(b.extend(b.one(), 12 * HOUR)), "ok");
    });

    it(`${kind}: the delay of the queue hides new messages and counts them apart`, () => {
      const b = bench({ delayMs: 1_000 });
      b.send("a", "g");
      assertEquals(b.counts(), [0, 0, 1]);
      assertEquals(b.nextChangeIn(), 1_000);
      b.now += 999;
      assertEquals(b.take(), []);
      b.now += 1;
      assertEquals(b.counts(), [1, 0, 0]);
      assertEquals(b.nextChangeIn(), 0);
      assertEquals(bodies(b.take()), ["a"]);
      assertEquals(b.counts(), [0, 1, 0]);
      assertEquals(b.nextChangeIn(), 30_000);
    });

    it(`${kind}: messages older than the retention go, also when they are locked`, () => {
      const b = bench({ retentionMs: 60_000 });
      b.send("a", "g");
      b.send("b", "g");
      const delivery = b.one(120_000);
      b.now += 59_999;
      assertEquals(b.counts(), [1, 1, 0]);
      b.now += 1;
      assertEquals(b.counts(), [0, 0, 0]);
      assertEquals(code(b.acknowledge(delivery)), "LOCK_LOST");
      b.send("c", "g");
      assertEquals(bodies(b.take()), ["c"]);
    });

    it(`${kind}: configure() applies a new retention to what is stored`, () => {
      const b = bench();
      b.send("a", "g");
      b.now += 60_000;
      engine.configure(b.queue, { retentionMs: 60_000 }, b.now);
      assertEquals(b.counts(), [0, 0, 0]);
    });

    it(`${kind}: configure() with a longer retention brings nothing back`, () => {
      const b = bench({ retentionMs: 60_000 });
      b.send("a", "g");
      b.now += 60_000;
      engine.configure(b.queue, { retentionMs: 600_000 }, b.now);
      assertEquals(b.counts(), [0, 0, 0]);
    });

    it(`${kind}: deliveryOf() knows no lock that is over`, () => {
      const b = bench();
      b.send("a", "g");
      const { receipt } = b.one(1_000);
      assertEquals(engine.deliveryOf(b.queue, receipt)?.receipt, receipt);
      b.now += 1_000;
      b.counts();
      assertEquals(engine.deliveryOf(b.queue, receipt), undefined);
    });

    it(`${kind}: visibility 0 hands out without a lock`, () => {
      const b = bench();
      b.send("a", "g");
      const first = b.one(0);
      assertEquals(code(b.acknowledge(first)), "LOCK_LOST");
      assertEquals(b.one(0).message.attempt, 2);
    });

    it(`${kind}: attributes are copied by ownMessage() and at every receive`, () => {
      const b = bench();
      const bytes = new Uint8Array([1, 2]);
      const attributes = {
        bytes,
        label: { type: "Binary.gif", value: bytes },
        text: { type: "String", value: "t" },
        exact: { type: "Number", value: "1.0" },
        ["__proto__"]: "own",
      };
      const message = { body: "a", attributes, group: "g", deduplicationId: "d" };
      engine.send(b.queue, ownMessage(message), { now: b.now, id: "m" });
      bytes[0] = 9;
      const first = b.one(0).message.attributes;
      (first["bytes"] as Uint8Array)[1] = 9;
      const second = b.one(0).message.attributes;
      assertEquals(Object.entries(second), [
        ["bytes", new Uint8Array([1, 2])],
        ["label", { type: "Binary.gif", value: new Uint8Array([1, 2]) }],
        ["text", "t"],
        ["exact", { type: "Number", value: "1.0" }],
        ["__proto__", "own"],
      ]);
    });

    it(`${kind}: a snapshot survives a structured clone and keeps locks, delays and counts`, () => {
      const b = bench({ delayMs: 0 });
      for (const body of ["a", "b", "c"]) b.send(body, body);
      const locked = b.one(5_000);
      const done = b.one(5_000);
      b.acknowledge(done);
      const data = structuredClone(engine.snapshot(b.queue));
      b.acknowledge(locked);
      const copy = Object.assign(bench(), { queue: engine.restore(data), now: b.now, epoch: 2 });
      assertEquals(copy.counts(), [1, 1, 0]);
      assertEquals(code(copy.acknowledge(done)), "ok");
      assertEquals(code(copy.acknowledge(locked)), "ok", "a lock that the snapshot knows is good");
      assertEquals(bodies(copy.take()), ["c"]);
    });

    it(`${kind}: an owner of a higher epoch tells apart locks that its snapshot did not know`, () => {
      const b = bench();
      b.send("a", "g");
      const data = structuredClone(engine.snapshot(b.queue));
      const deposed = b.one();
      const heir = Object.assign(bench(), { queue: engine.restore(data), now: b.now, epoch: 2 });
      assertEquals(code(heir.acknowledge(deposed)), "LOCK_LOST");
      const taken = heir.one();
      assert(taken.receipt !== deposed.receipt);
      assertEquals(code(heir.extend(deposed, 1)), "LOCK_LOST");
      assertEquals(code(heir.acknowledge(taken)), "ok");
      assertEquals(code(heir.acknowledge(deposed)), "LOCK_LOST");
    });
  }
});

describe("standard queue", () => {
  it("takes messages in the order in which they became available", () => {
    const b = new Bench();
    for (const body of ["a", "b", "c"]) b.send(body);
    const first = b.one();
    b.now += 1;
    b.release(first);
    assertEquals(bodies(b.take()), ["b", "c", "a"]);
  });

  it("delays one message on its own, which counts before the delay of the queue", () => {
    const b = new Bench({ delayMs: 1_000 });
    b.send("late", undefined, { delayMs: 5_000 });
    b.send("now", undefined, { delayMs: 0 });
    b.send("soon");
    assertEquals(b.counts(), [1, 0, 2]);
    assertEquals(bodies(b.take()), ["now"]);
    b.now += 1_000;
    assertEquals(bodies(b.take()), ["soon"]);
    b.now += 4_000;
    assertEquals(bodies(b.take()), ["late"]);
  });

  it("hands out messages of one group in parallel and takes the same body twice", () => {
    const b = new Bench();
    b.send("a", "g");
    b.send("a", "g");
    assertEquals(bodies([...b.take(1), ...b.take(1)]), ["a", "a"]);
  });

  it("throws THROTTLED, to be retried, when too many messages are in flight", () => {
    const b = new Bench({ inFlightLimit: 2 });
    for (const body of ["a", "b", "c"]) b.send(body);
    const [first] = b.take();
    const error = assertThrows(() => b.take());
    assertInstanceOf(error, MelangeError);
    assertEquals([error.code, error.retryable], ["THROTTLED", true]);
    assertEquals(b.nextChangeIn(), 30_000, "nothing can be received before");
    b.acknowledge(first!);
    assertEquals(bodies(b.take()), ["c"]);
  });
});

describe("FIFO queue", () => {
  const fifo = (settings: Partial<engine.QueueSettings> = {}) =>
    new Bench({ fifo: true, ...settings });

  it("hands out several messages of one group in one receive, in order", () => {
    const b = fifo();
    for (let i = 0; i < 12; i++) b.send(`a${i}`, "a");
    assertEquals(bodies(b.take(10)), Array.from({ length: 10 }, (_, i) => `a${i}`));
  });

  it("fills a receive from the next group when the first has no more", () => {
    const b = fifo();
    b.send("a1", "a");
    b.send("b1", "b");
    b.send("a2", "a");
    assertEquals(bodies(b.take()), ["a1", "a2", "b1"]);
  });

  it("yields nothing more of a group with messages in flight, also after some were deleted", () => {
    const b = fifo();
    for (const body of ["a1", "a2", "a3"]) b.send(body, "a");
    b.send("b1", "b");
    const [a1, a2] = b.take(2);
    assertEquals(bodies(b.take()), ["b1"]);
    b.acknowledge(a1!);
    assertEquals(b.take(), []);
    b.acknowledge(a2!);
    assertEquals(bodies(b.take()), ["a3"]);
  });

  it("gives back a group in its order when its locks end, up to a message in flight", () => {
    const b = fifo();
    for (const body of ["a1", "a2", "a3"]) b.send(body, "a");
    const [, a2] = b.take(2, 1_000);
    b.extend(a2!, 5_000);
    b.now += 1_000;
    const again = b.take(10, 1_000);
    assertEquals(bodies(again), ["a1"]);
    assertEquals(b.take(), []);
    b.acknowledge(again[0]!);
    assertEquals(b.take(), []);
    b.now += 4_000;
    assertEquals(bodies(b.take()), ["a2", "a3"]);
  });

  it("keeps a group back while a released message of it waits", () => {
    const b = fifo();
    b.send("a1", "a");
    b.send("a2", "a");
    b.release(b.one(), 1_000);
    assertEquals(b.take(), []);
    b.now += 1_000;
    assertEquals(bodies(b.take()), ["a1", "a2"]);
  });

  it("does not let a group that fails again and again keep others waiting", () => {
    const b = fifo();
    b.send("bad", "a");
    b.send("good", "b");
    const bad = b.one();
    b.now += 1;
    b.release(bad);
    assertEquals(bodies(b.take(1)), ["good"]);
  });

  it("does not hand out a message before a delayed one of its group", () => {
    const b = fifo({ delayMs: 1_000 });
    b.send("a1", "a");
    engine.configure(b.queue, { delayMs: 0 }, b.now);
    b.send("a2", "a");
    assertEquals(b.take(), []);
    b.now += 1_000;
    assertEquals(bodies(b.take()), ["a1", "a2"]);
  });

  it("hands out silently fewer messages at the limit in flight", () => {
    const b = fifo({ inFlightLimit: 2 });
    for (const body of ["a", "b", "c"]) b.send(body, body);
    assertEquals(b.take().length, 2);
    assertEquals(b.take(), []);
    assertEquals(b.nextChangeIn(), 30_000, "no wake-up that would find nothing");
  });

  it("answers a repeated deduplication id with the first message for five minutes", () => {
    const b = fifo();
    const first = b.send("a", "g", { deduplicationId: "x" });
    b.now += 299_999;
    assertEquals(b.send("b", "other", { deduplicationId: "x" }), first);
    assertEquals(bodies(b.take()), ["a"]);
    b.now += 1;
    const later = b.send("c", "other", { deduplicationId: "x" });
    assert(later.ok && first.ok && later.messageId !== first.messageId);
    assertEquals(bodies(b.take()), ["c"]);
  });

  it("remembers a deduplication id after the message was deleted, and in a snapshot", () => {
    const b = fifo();
    const first = b.send("a", "g", { deduplicationId: "x" });
    b.acknowledge(b.one());
    assertEquals(b.send("a", "g", { deduplicationId: "x" }), first);
    const copy = engine.restore(structuredClone(engine.snapshot(b.queue)));
    const again = { body: "a", attributes: {}, group: "g", deduplicationId: "x" };
    assertEquals(engine.send(copy, again, { now: b.now, id: "other" }), first);
    assertEquals(b.take(), []);
  });

  it("de-duplicates per queue", () => {
    const [one, other] = [fifo(), fifo()];
    one.send("a", "g", { deduplicationId: "x" });
    other.send("a", "g", { deduplicationId: "x" });
    assertEquals(other.counts(), [1, 0, 0]);
  });

  it("refuses a message without a deduplication id unless the body stands in for it", () => {
    const b = fifo();
    const message = { body: "a", attributes: { n: 1 }, group: "g" };
    assertEquals(
      code(engine.send(b.queue, message, { now: b.now, id: "1" })),
      "INVALID_MESSAGE",
    );
    engine.configure(b.queue, { contentBasedDeduplication: true }, b.now);
    const first = engine.send(b.queue, message, { now: b.now, id: "2" });
    const other = { ...message, attributes: { n: 2 } };
    assertEquals(engine.send(b.queue, other, { now: b.now, id: "3" }), first);
    assertEquals(b.one().message.deduplicationId, sha256("a"));
  });

  it("numbers messages in 20 digits", () => {
    const b = fifo();
    const numbers = ["a", "b"].map((body) => {
      const result = b.send(body, "g");
      return result.ok && result.sequenceNumber;
    });
    assertEquals(numbers, ["00000000000000000001", "00000000000000000002"]);
  });
});

describe("redrive", () => {
  it("moves a message at the receive after maxReceives, and only where it is asked to", () => {
    const b = new Bench({ maxReceives: 2 });
    b.send("bad");
    for (let i = 0; i < 2; i++) b.release(b.one());
    b.send("good");
    assertEquals(bodies(b.receive(10, { redrive: false, visibilityMs: 0 }).deliveries).length, 2);
    const { deliveries, exhausted } = b.receive(10, { redrive: true });
    assertEquals(bodies(deliveries), ["good"]);
    assertEquals(exhausted.map((message) => message.body), ["bad"]);
    assertEquals(b.counts(), [0, 1, 0]);
  });

  it("fills a receive with others when some are moved", () => {
    const b = new Bench({ maxReceives: 1 });
    for (const body of ["a", "b", "c"]) b.send(body);
    for (const delivery of b.take(2)) b.release(delivery);
    b.send("d");
    const { deliveries, exhausted } = b.receive(2, { redrive: true });
    assertEquals(exhausted.length + deliveries.length, 4);
    assertEquals(bodies(deliveries), ["c", "d"]);
  });

  it("goes on with a FIFO group behind the moved message", () => {
    const b = new Bench({ fifo: true, maxReceives: 1 });
    for (const body of ["a1", "a2"]) b.send(body, "a");
    b.release(b.one());
    const { deliveries, exhausted } = b.receive(10, { redrive: true });
    assertEquals(exhausted.map((message) => message.body), ["a1"]);
    assertEquals(bodies(deliveries), ["a2"]);
  });

  it("loses the receipts of a moved message", () => {
    const b = new Bench({ maxReceives: 1 });
    b.send("a");
    const delivery = b.one(1_000);
    b.now += 1_000;
    assertEquals(b.receive(1, { redrive: true }).exhausted.length, 1);
    assertEquals(code(b.acknowledge(delivery)), "LOCK_LOST");
  });

  it("accept() keeps id, time, attributes and the count of receives, and counts its own from 0", () => {
    const b = new Bench({ maxReceives: 1 });
    const message = { body: "a", attributes: { n: 1 } };
    engine.send(b.queue, message, { now: b.now, id: "m" });
    const sentAt = b.now;
    b.release(b.one());
    b.now += HOUR;
    const target = new Bench({ maxReceives: 1 });
    target.now = b.now;
    for (const each of b.receive(1, { redrive: true }).exhausted) {
      engine.accept(target.queue, each, { now: b.now, from: "q" });
    }
    const [moved] = target.receive(1, { redrive: true }).deliveries;
    assertEquals(moved?.message.id, "m");
    assertEquals(moved?.message.sentAt.getTime(), sentAt);
    assertEquals(moved?.message.attributes, { n: 1 });
    assertEquals(moved?.message.attempt, 2);
  });

  it("retention goes on in a standard queue and begins again in a FIFO queue", () => {
    for (const [fifo, left] of [[false, 0], [true, 1]] as const) {
      const b = new Bench({ fifo, maxReceives: 1, retentionMs: 10 * HOUR });
      const target = new Bench({ fifo, retentionMs: 10 * HOUR });
      b.send("a", "g");
      b.release(b.one());
      b.now += 9 * HOUR;
      for (const each of b.receive(1, { redrive: true }).exhausted) {
        engine.accept(target.queue, each, { now: b.now, from: "q" });
      }
      target.now = b.now + HOUR;
      assertEquals(target.counts(), [left, 0, 0], `FIFO: ${fifo}`);
    }
  });
});

describe("a backlog of 200 000 messages", () => {
  for (const fifo of [false, true]) {
    it(`does not slow down a ${fifo ? "FIFO" : "standard"} queue`, () => {
      const small = timeOf(fifo, 1_000);
      const large = timeOf(fifo, 200_000);
      assert(large < Math.max(small, 5) * 20, `${large} ms instead of ${small} ms`);
    });
  }

  /** The time of 1 000 rounds of send, receive and acknowledge beside a backlog. */
  function timeOf(fifo: boolean, backlog: number): number {
    const b = new Bench({ fifo });
    for (let i = 0; i < backlog; i++) b.send("x", `g${i % 100}`);
    const start = performance.now();
    for (let i = 0; i < 1_000; i++) {
      b.send("x", `g${i % 100}`);
      b.now++;
      b.acknowledge(b.one());
    }
    return performance.now() - start;
  }
});
