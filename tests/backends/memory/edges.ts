import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Backend, DeclareQueueOptions, Delivery } from "../../../src/backend.ts";
import type { Result } from "../../../src/support/result.ts";
import { MelangeError } from "../../../src/support/errors.ts";
import type { OutgoingMessage } from "../../../src/wire/message.ts";
import type { VirtualClock } from "../../../backends/memory/testing.ts";

const SECOND = 1_000;
const MINUTE = 60_000;
const DAY = 86_400_000;
const LONGEST_LOCK = 43_200_000;

/** A backend that has just been opened, in virtual time. */
export interface Bench {
  readonly backend: Backend;
  readonly clock: VirtualClock;
  /** What a call brings without that any time passes. */
  now<T>(call: Promise<T>): Promise<T>;
  close(): Promise<void>;
}

const message = (body: string, more: Partial<OutgoingMessage> = {}): OutgoingMessage => ({
  body,
  attributes: {},
  ...more,
});
const many = (count: number) => Array.from({ length: count }, (_, i) => message(`m${i}`));
const bodies = (deliveries: readonly Delivery[]) => deliveries.map(({ message }) => message.body);
const codes = (results: readonly Result[]) => results.map((r) => r.ok ? "ok" : r.error.code);

/** Options of {@linkcode testEdges}. */
export interface EdgeOptions {
  create: () => Promise<Bench>;
  /** Whether hours and days pass quickly, too. */
  hasDays: boolean;
}

/** Registers what memory promises at the edges of every number, for all that share its broker. */
export function testEdges(title: string, { create, hasDays }: EdgeOptions): void {
  /** A test with a bench of its own, which is closed at its end. */
  function check(name: string, test: (bench: Words) => Promise<void>): void {
    it(name, async () => {
      const bench = await create();
      await test(new Words(bench));
      await bench.close();
      assertEquals(bench.clock.pending, 0, "no timer is left");
    });
  }

  /** A test in which hours pass. */
  const checkDays: typeof check = (name, test) => void (hasDays && check(name, test));

  describe(`${title}, what it promises`, () => {
    check("everything but to outlive the process, within the limits of SNS and SQS", (w) => {
      assertEquals(w.backend.guarantees, {
        redelivers: true,
        fences: true,
        ordered: true,
        groups: true,
        delays: true,
        fansOut: true,
        filters: true,
        deduplicates: true,
        durable: false,
        countsAttempts: true,
        deadLetters: true,
        cancelsReceive: true,
      });
      const bytes = (most: number) => ({ batchBytes: most, messageBytes: most });
      assertEquals(w.backend.limits, {
        topic: { entries: 10, ...bytes(262_144), delayMs: 0 },
        queue: {
          entries: 10,
          ...bytes(1_048_576),
          delayMs: 900_000,
          waitMs: 20_000,
          visibilityMs: 43_200_000,
        },
      });
      return Promise.resolve();
    });
  });

  describe(`${title}, what one call takes`, () => {
    check("ten items for each verb, and not eleven", async (w) => {
      const { backend } = w;
      await w.now(backend.declareQueue("q", { deadLetterQueue: "dead" }));
      for (const destination of [{ queue: "q" }, { topic: "t" }]) {
        assertEquals((await w.now(backend.send(destination, many(10)))).length, 10);
        await w.rejects("INVALID_MESSAGE", backend.send(destination, many(11)));
      }
      const verbs: ((receipts: readonly string[]) => Promise<readonly Result[]>)[] = [
        (list) => backend.extend("q", list.map((receipt) => ({ receipt, visibilityMs: MINUTE }))),
        (list) => backend.release("q", list.map((receipt) => ({ receipt, delayMs: 0 }))),
        (list) => backend.acknowledge("q", list),
        (list) =>
          backend.deadLetter!("q", list.map((receipt) => ({ receipt, copy: message("c") }))),
      ];
      for (const verb of verbs) {
        const ten = Array<string>(10).fill("none");
        assertEquals(codes(await w.now(verb(ten))), Array(10).fill("LOCK_LOST"));
        await w.rejects("INVALID_MESSAGE", verb([...ten, "none"]));
        assertEquals(await w.now(verb([])), []);
      }
      assertEquals((await w.now(backend.describeQueue("q"))).available, 10);
    });

    for (
      const [destination, most] of [[{ queue: "q" }, 1_048_576], [{ topic: "t" }, 262_144]] as const
    ) {
      const kind = "queue" in destination ? "queue" : "topic";
      check(
        `${most} bytes for a ${kind}, in one message and together, and not one more`,
        async (w) => {
          const { backend } = w;
          await w.now(backend.declareQueue("q"));
          const sized = (bytes: number) => message("x".repeat(bytes));
          const send = (...list: OutgoingMessage[]) => w.now(backend.send(destination, list));
          assertEquals(codes(await send(sized(most))), ["ok"]);
          assertEquals(codes(await send(sized(most + 1))), ["INVALID_MESSAGE"]);
          assertEquals(codes(await send(sized(most - 1), sized(1))), ["ok", "ok"]);
          await w.rejects(
            "INVALID_MESSAGE",
            backend.send(destination, [sized(most - 1), sized(2)]),
          );
        },
      );
    }

    check("what is refused alone does not count together", async (w) => {
      await w.now(w.backend.declareQueue("q"));
      const list = [message("x".repeat(1_048_577)), message("x".repeat(1_048_575)), message("y")];
      const results = await w.now(w.backend.send({ queue: "q" }, list));
      assertEquals(codes(results), ["INVALID_MESSAGE", "ok", "ok"]);
    });

    check("delays of 0 and 15 minutes at a queue, and none at a topic", async (w) => {
      await w.now(w.backend.declareQueue("q"));
      const delayed = [0, 900_000, 900_001, -1].map((delayMs) => message("b", { delayMs }));
      const results = await w.now(w.backend.send({ queue: "q" }, delayed));
      assertEquals(codes(results), ["ok", "ok", "INVALID_MESSAGE", "INVALID_MESSAGE"]);
      const published = await w.now(w.backend.send({ topic: "t" }, [message("b", { delayMs: 1 })]));
      assertEquals(codes(published), ["INVALID_MESSAGE"]);
    });

    check("ten attributes, and not eleven", async (w) => {
      await w.now(w.backend.declareQueue("q"));
      const attributes = (count: number) =>
        Object.fromEntries(Array.from({ length: count }, (_, i) => [`a${i}`, "v"]));
      const list = [10, 11].map((count) => message("b", { attributes: attributes(count) }));
      const results = await w.now(w.backend.send({ queue: "q" }, list));
      assertEquals(codes(results), ["ok", "INVALID_MESSAGE"]);
    });
  });

  describe(`${title}, receive()`, () => {
    check("takes numbers at the edges, and refuses those past them", async (w) => {
      await w.now(w.backend.declareQueue("q"));
      const good = { max: 1, waitMs: 0, visibilityMs: 0 };
      const edges = [
        { max: 1 },
        { max: 10 },
        { visibilityMs: 0 },
        { visibilityMs: LONGEST_LOCK },
      ];
      for (const edge of edges) assertEquals(await w.receive("q", edge), []);
      const waiting = w.backend.receive("q", { ...good, waitMs: 20_000 });
      await w.clock.advance(20_000);
      assertEquals(await waiting, []);
      const wrong = [
        { max: 0 },
        { max: 11 },
        { waitMs: -1 },
        { waitMs: 20_001 },
        { visibilityMs: -1 },
        { visibilityMs: LONGEST_LOCK + 1 },
      ];
      for (const options of wrong) {
        const call = w.backend.receive("q", { ...good, ...options });
        await assertRejects(() => w.now(call), RangeError, "current value is");
      }
    });

    check("counts attempts from 1, also where a lock is 0 long", async (w) => {
      await w.now(w.backend.declareQueue("q"));
      await w.send("q", message("b"));
      for (let attempt = 1; attempt <= 3; attempt++) {
        const [delivery] = await w.receive("q", { visibilityMs: 0 });
        // Where a message passes no other context it is handed out; elsewhere its lock is over.
        if (delivery) assertEquals(delivery.message.attempt, attempt);
      }
      const [last] = await w.receive("q", {});
      assertEquals(last?.message.attempt, 4);
    });

    checkDays("hides for 12 hours to the millisecond", async (w) => {
      await w.now(w.backend.declareQueue("q"));
      await w.send("q", message("b"));
      const [delivery] = await w.receive("q", { visibilityMs: LONGEST_LOCK });
      assertEquals(delivery?.message.lockedUntil?.getTime(), w.clock.now() + LONGEST_LOCK);
      await w.wait(LONGEST_LOCK - 1);
      assertEquals(await w.receive("q", {}), []);
      await w.wait(1);
      assertEquals(bodies(await w.receive("q", {})), ["b"]);
    });

    check(
      "wakes up at the millisecond in which a lock or a delay ends, and not before",
      async (w) => {
        await w.now(w.backend.declareQueue("q"));
        await w.send("q", message("b", { delayMs: 1_500 }));
        for (const ms of [1_500, 2_500]) {
          let isSettled = false;
          const options = { max: 1, waitMs: 20_000, visibilityMs: 2_500 };
          const waiting = w.backend.receive("q", options).finally(() => isSettled = true);
          await w.wait(ms - 1);
          assertEquals(isSettled, false);
          await w.wait(1);
          assertEquals(isSettled, true);
          assertEquals(bodies(await waiting), ["b"]);
        }
      },
    );
  });

  describe(`${title}, locks`, () => {
    check(
      "release() takes 0 and the rest of 12 hours, extend() too, and neither takes more",
      async (w) => {
        await w.now(w.backend.declareQueue("q"));
        const edges: [number, string][] = [
          [0, "ok"],
          [LONGEST_LOCK, "ok"],
          [LONGEST_LOCK + 1, "INVALID_MESSAGE"],
          [-1, "INVALID_MESSAGE"],
        ];
        for (const [ms, code] of edges) {
          for (const verb of ["release", "extend"]) {
            await w.send("q", message("b"));
            const [{ receipt }] = await w.receive("q", {}) as [Delivery];
            const call: Promise<readonly Result[]> = verb === "release"
              ? w.backend.release("q", [{ receipt, delayMs: ms }])
              : w.backend.extend("q", [{ receipt, visibilityMs: ms }]);
            assertEquals(codes(await w.now(call)), [code], `${verb} ${ms}`);
            const removed = codes(await w.now(w.backend.acknowledge("q", [receipt])));
            assertEquals(removed, [ms === 0 ? "LOCK_LOST" : "ok"], `${verb} ${ms}`);
            if (ms === 0) await w.drain("q");
          }
        }
      },
    );

    check("a released message goes behind those that were there before", async (w) => {
      await w.now(w.backend.declareQueue("q"));
      await w.send("q", message("a"), message("b"), message("c"));
      const [a] = await w.receive("q", { max: 1 });
      await w.wait(1);
      await w.now(w.backend.release("q", [{ receipt: a!.receipt, delayMs: 0 }]));
      assertEquals(bodies(await w.receive("q", {})), ["b", "c", "a"]);
    });

    check(
      "a message released in a millisecond goes before one that is sent after it",
      async (w) => {
        await w.now(w.backend.declareQueue("q"));
        await w.send("q", message("first"));
        const [first] = await w.receive("q", {});
        await w.now(w.backend.release("q", [{ receipt: first!.receipt, delayMs: 0 }]));
        await w.send("q", message("second"));
        assertEquals(bodies(await w.receive("q", {})), ["first", "second"]);
      },
    );

    check("counts what is available, in flight and delayed", async (w) => {
      await w.now(w.backend.declareQueue("q"));
      await w.send("q", message("a"), message("b"), message("c"), message("d", { delayMs: 1 }));
      await w.receive("q", { max: 1, visibilityMs: 2 });
      const counts = async () => {
        const { available, inFlight, delayed } = await w.now(w.backend.describeQueue("q"));
        return [available, inFlight, delayed];
      };
      assertEquals(await counts(), [2, 1, 1]);
      await w.wait(1);
      assertEquals(await counts(), [3, 1, 0]);
      await w.wait(1);
      assertEquals(await counts(), [4, 0, 0]);
    });
  });

  describe(`${title}, FIFO`, () => {
    checkDays(
      "de-duplicates for five minutes to the millisecond, queues and topics alike",
      async (w) => {
        await w.now(w.backend.declareQueue("q.fifo"));
        await w.now(w.backend.declareQueue("s.fifo", { subscribeTo: ["t.fifo"] }));
        const outgoing = message("b", { group: "g", deduplicationId: "d" });
        for (const destination of [{ queue: "q.fifo" }, { topic: "t.fifo" }]) {
          const queue = "queue" in destination ? "q.fifo" : "s.fifo";
          const send = () => w.now(w.backend.send(destination, [outgoing]));
          const first = await send();
          await w.wait(5 * MINUTE - 1);
          assertEquals(await send(), first);
          await w.wait(1);
          const [again] = await send();
          assert(again?.ok && first[0]?.ok && again.messageId !== first[0].messageId);
          assertEquals((await w.now(w.backend.describeQueue(queue))).available, 2);
        }
      },
    );

    check(
      "does not de-duplicate by content unless it is told to, and no more when told not to",
      async (w) => {
        await w.now(w.backend.declareQueue("q.fifo"));
        await w.now(w.backend.declareTopic("t.fifo"));
        const outgoing = message("b", { group: "g" });
        const send = async () => {
          const results = [];
          for (const destination of [{ queue: "q.fifo" }, { topic: "t.fifo" }]) {
            results.push(...codes(await w.now(w.backend.send(destination, [outgoing]))));
          }
          return results;
        };
        assertEquals(await send(), ["INVALID_MESSAGE", "INVALID_MESSAGE"]);
        for (const contentBasedDeduplication of [true, false]) {
          const options = { contentBasedDeduplication };
          await w.now(w.backend.declareQueue("q.fifo", options));
          await w.now(w.backend.declareTopic("t.fifo", options));
          const code = contentBasedDeduplication ? "ok" : "INVALID_MESSAGE";
          assertEquals(await send(), [code, code]);
          // What a later declaration does not name stays as it is.
          await w.now(w.backend.declareQueue("q.fifo", { visibilityTimeoutMs: 1 }));
          await w.now(w.backend.declareTopic("t.fifo"));
          assertEquals(await send(), [code, code]);
        }
      },
    );

    check(
      "refuses de-duplication by content on standard queues and topics, and takes `false`",
      async (w) => {
        for (const contentBasedDeduplication of [true, false]) {
          const options = { contentBasedDeduplication };
          const calls = [
            () => w.backend.declareTopic("t", options),
            () => w.backend.declareQueue("q", options),
          ];
          for (const call of calls) {
            if (contentBasedDeduplication) await w.rejects("INVALID_MESSAGE", call());
            else await w.now(call());
          }
        }
      },
    );

    check("numbers the messages of each queue and topic from 1", async (w) => {
      await w.now(w.backend.declareQueue("q.fifo"));
      for (const destination of [{ queue: "q.fifo" }, { topic: "t.fifo" }]) {
        const list = ["a", "b"].map((id) => message(id, { group: "g", deduplicationId: id }));
        const results = await w.now(w.backend.send(destination, list));
        const numbers = results.map((result) => result.ok && result.sequenceNumber);
        assertEquals(numbers, ["00000000000000000001", "00000000000000000002"]);
      }
    });
  });

  describe(`${title}, declarations`, () => {
    check("take numbers at the edges of SQS, and refuse those past them", async (w) => {
      const edges: [keyof DeclareQueueOptions, number, number][] = [
        ["visibilityTimeoutMs", 0, LONGEST_LOCK],
        ["retentionMs", MINUTE, 14 * DAY],
        ["delayMs", 0, 900_000],
        ["maxReceives", 1, 1_000],
      ];
      for (const [option, least, most] of edges) {
        const declare = (value: number) =>
          w.backend.declareQueue("q", { deadLetterQueue: "dead", [option]: value });
        for (const value of [least, most]) await w.now(declare(value));
        for (const value of [least - 1, most + 1]) {
          await assertRejects(() => w.now(declare(value)), RangeError, option);
        }
      }
    });

    check("take names of 80 and 256 characters, the end of FIFO names included", async (w) => {
      const names: [number, (name: string) => Promise<{ name: string }>][] = [
        [80, (name) => w.backend.declareQueue(name)],
        [256, (name) => w.backend.declareTopic(name)],
      ];
      for (const [most, declare] of names) {
        for (const end of ["", ".fifo"]) {
          const longest = "n".repeat(most - end.length) + end;
          assertEquals((await w.now(declare(longest))).name, longest);
          await w.rejects("INVALID_MESSAGE", declare(`n${longest}`));
        }
        for (const name of ["", ".fifo", "a.b", "a b", "ä"]) {
          await w.rejects("INVALID_MESSAGE", declare(name));
        }
      }
    });

    checkDays("begin with the defaults of SQS", async (w) => {
      assertEquals(await w.now(w.backend.declareQueue("q")), {
        name: "q",
        address: "q",
        available: 0,
        inFlight: 0,
        delayed: 0,
        visibilityTimeoutMs: 30 * SECOND,
      });
      await w.send("q", message("b"));
      assertEquals(bodies(await w.receive("q", { visibilityMs: 0 })).length <= 1, true);
      await w.wait(4 * DAY - 1);
      assertEquals((await w.now(w.backend.describeQueue("q"))).available, 1);
      await w.wait(1);
      assertEquals((await w.now(w.backend.describeQueue("q"))).available, 0);
    });

    checkDays(
      "give a dead-letter queue that they make 14 days, and five receives to the queue",
      async (w) => {
        const declared = await w.now(w.backend.declareQueue("q", { deadLetterQueue: "dead" }));
        assertEquals([declared.deadLetterQueue, declared.maxReceives], ["dead", 5]);
        await w.send("dead", message("b"));
        await w.wait(14 * DAY - 1);
        assertEquals((await w.now(w.backend.describeQueue("dead"))).available, 1);
        await w.wait(1);
        assertEquals((await w.now(w.backend.describeQueue("dead"))).available, 0);
      },
    );

    check(
      "let a message be received maxReceives times, and move it at the next receive",
      async (w) => {
        const options = { deadLetterQueue: "dead", maxReceives: 2 };
        await w.now(w.backend.declareQueue("q", options));
        await w.send("q", message("bad"));
        for (let attempt = 1; attempt <= 2; attempt++) {
          const [delivery] = await w.receive("q", { visibilityMs: 1 });
          assertEquals(delivery?.message.attempt, attempt);
          await w.wait(1);
        }
        assertEquals((await w.now(w.backend.describeQueue("dead"))).available, 0);
        assertEquals(await w.receive("q", {}), []);
        assertEquals((await w.now(w.backend.describeQueue("q"))).available, 0);
        const [moved] = await w.receive("dead", {});
        assertEquals([moved?.message.body, moved?.message.attempt], ["bad", 3]);
      },
    );

    checkDays("keep a retention of a minute to the millisecond", async (w) => {
      await w.now(w.backend.declareQueue("q", { retentionMs: MINUTE }));
      await w.send("q", message("b"));
      await w.wait(MINUTE - 1);
      assertEquals((await w.now(w.backend.describeQueue("q"))).available, 1);
      await w.wait(1);
      assertEquals((await w.now(w.backend.describeQueue("q"))).available, 0);
    });

    checkDays("delay of a queue holds for 15 minutes to the millisecond", async (w) => {
      await w.now(w.backend.declareQueue("q", { delayMs: 900_000 }));
      await w.send("q", message("b"));
      await w.wait(899_999);
      assertEquals(await w.receive("q", {}), []);
      await w.wait(1);
      assertEquals(bodies(await w.receive("q", {})), ["b"]);
    });
  });

  describe(`${title}, a queue that is deleted`, () => {
    check(
      "ends who waits with NOT_FOUND, and has nothing to do with the next one of its name",
      async (w) => {
        await w.now(w.backend.declareQueue("q", { subscribeTo: ["t"], visibilityTimeoutMs: 1 }));
        await w.send("q", message("old"), message("older"));
        const [{ receipt }] = await w.receive("q", { max: 1 }) as [Delivery];
        const options = { max: 1, waitMs: 20_000, visibilityMs: 2_000 };
        const rest = await w.receive("q", {});
        assertEquals(rest.length, 1);
        const waiting = w.backend.receive("q", options);
        const ended = w.rejects("NOT_FOUND", waiting);
        await w.wait(1);
        await w.now(w.backend.deleteQueue("q"));
        await ended;
        const { visibilityTimeoutMs, available } = await w.now(w.backend.declareQueue("q"));
        assertEquals([visibilityTimeoutMs, available], [30_000, 0]);
        await w.now(w.backend.send({ topic: "t" }, many(1)));
        await w.send("q", message("new", { delayMs: 5_000 }));
        for (const ms of [5_000, 2_000]) {
          const next = w.backend.receive("q", options);
          // A follower may hear of it a moment later.
          await w.wait(ms + 100);
          assertEquals(bodies(await w.now(next)), ["new"]);
        }
        assertEquals(codes(await w.now(w.backend.acknowledge("q", [receipt]))), ["LOCK_LOST"]);
      },
    );
  });

  describe(`${title}, names`, () => {
    check("an ARN or a URL names what its end names, for every verb", async (w) => {
      const { backend } = w;
      const queue = "arn:aws:sqs:eu-west-1:123456789012:q";
      const url = "https://sqs.eu-west-1.amazonaws.com/123456789012/q";
      const plain = "http://127.0.0.1:4566/000000000000/q";
      const topic = "arn:aws:sns:eu-west-1:123456789012:t";
      const options = { deadLetterQueue: "arn:aws:sqs:eu-west-1:1:dead", subscribeTo: [topic] };
      assertEquals((await w.now(backend.declareQueue(queue, options))).name, "q");
      assertEquals((await w.now(backend.declareTopic(topic))).name, "t");
      await w.now(backend.send({ topic }, many(4)));
      for (const each of [queue, url, plain]) {
        assertEquals((await w.now(backend.describeQueue(each))).available, 4);
      }
      const some = await w.receive(url, {});
      const [a, b, c] = some.map(({ receipt }) => receipt) as [string, string, string];
      assertEquals(codes(await w.now(backend.acknowledge(queue, [a]))), ["ok"]);
      const extension = { receipt: b, visibilityMs: MINUTE };
      assertEquals(codes(await w.now(backend.extend(url, [extension]))), ["ok"]);
      const release = { receipt: b, delayMs: 0 };
      assertEquals(codes(await w.now(backend.release(plain, [release]))), ["ok"]);
      const letter = { receipt: c, copy: message("copy") };
      assertEquals(codes(await w.now(backend.deadLetter!(url, [letter]))), ["ok"]);
      assertEquals(bodies(await w.receive("dead", {})), ["copy"]);
      await w.now(backend.deleteTopic(topic));
      await w.now(backend.send({ topic }, many(1)));
      assertEquals((await w.now(backend.describeQueue("q"))).available, 1);
      await w.now(backend.deleteQueue(url));
      await w.rejects("NOT_FOUND", backend.describeQueue("q"));
    });

    check("what names nothing is NOT_FOUND for every verb, however long it is", async (w) => {
      const { backend } = w;
      const options = { max: 1, waitMs: 20_000, visibilityMs: 0 };
      for (const queue of ["none", "n".repeat(10_000), "arn:aws:sqs:eu-west-1:1:"]) {
        await w.rejects("NOT_FOUND", backend.send({ queue }, many(1)));
        await w.rejects("NOT_FOUND", backend.receive(queue, options));
        await w.rejects("NOT_FOUND", backend.acknowledge(queue, ["r"]));
        await w.rejects("NOT_FOUND", backend.release(queue, [{ receipt: "r", delayMs: 0 }]));
        await w.rejects("NOT_FOUND", backend.extend(queue, [{ receipt: "r", visibilityMs: 0 }]));
        const letter = { receipt: "r", copy: message("c") };
        await w.rejects("NOT_FOUND", backend.deadLetter!(queue, [letter]));
        await w.rejects("NOT_FOUND", backend.describeQueue(queue));
        await w.now(backend.deleteQueue(queue));
        await w.now(backend.deleteTopic(queue));
      }
    });

    check("a receipt that is none of the queue's is LOCK_LOST, however long it is", async (w) => {
      await w.now(w.backend.declareQueue("q", { deadLetterQueue: "dead" }));
      await w.send("q", message("b"));
      const [{ receipt }] = await w.receive("q", {}) as [Delivery];
      const wrong = ["", "r".repeat(10_000), `${receipt}0`, receipt.slice(0, -1), `x${receipt}`];
      for (const each of wrong) {
        assertEquals(codes(await w.now(w.backend.acknowledge("q", [each]))), ["LOCK_LOST"], each);
      }
      assertEquals(codes(await w.now(w.backend.acknowledge("q", [receipt]))), ["ok"]);
    });
  });

  describe(`${title}, an aborted call`, () => {
    check("rejects with the reason and changes nothing", async (w) => {
      const { backend } = w;
      await w.now(backend.declareQueue("q", { deadLetterQueue: "dead", subscribeTo: ["t"] }));
      await w.send("q", message("b"));
      const [{ receipt }] = await w.receive("q", {}) as [Delivery];
      const reason = new Error("enough");
      const options = { signal: AbortSignal.abort(reason) };
      const calls: (() => Promise<unknown>)[] = [
        () => backend.send({ queue: "q" }, many(1), options),
        () => backend.receive("q", { max: 1, waitMs: 0, visibilityMs: 0, ...options }),
        () => backend.acknowledge("q", [receipt], options),
        () => backend.release("q", [{ receipt, delayMs: 0 }], options),
        () => backend.extend("q", [{ receipt, visibilityMs: 0 }], options),
        () => backend.deadLetter!("q", [{ receipt, copy: message("c") }], options),
        () => backend.declareTopic("u", options),
        () => backend.declareQueue("r", options),
        () => backend.describeQueue("q", options),
        () => backend.deleteTopic("t", options),
        () => backend.deleteQueue("q", options),
      ];
      for (const call of calls) {
        const error = await assertRejects(() => w.now(call()));
        assertEquals(error, reason);
      }
      await w.rejects("NOT_FOUND", backend.describeQueue("r"));
      await w.now(backend.send({ topic: "t" }, many(1)));
      const { available, inFlight } = await w.now(backend.describeQueue("q"));
      assertEquals([available, inFlight], [1, 1]);
      assertEquals((await w.now(backend.describeQueue("dead"))).available, 0);
    });

    check("rejects all calls with CLOSED once the backend is closed", async (w) => {
      const { backend } = w;
      await w.now(backend.declareQueue("q"));
      await backend.close();
      await backend[Symbol.asyncDispose]();
      const calls: (() => Promise<unknown>)[] = [
        () => backend.send({ queue: "q" }, many(1)),
        () => backend.receive("q", { max: 1, waitMs: 0, visibilityMs: 0 }),
        () => backend.acknowledge("q", ["r"]),
        () => backend.describeQueue("q"),
        () => backend.deleteQueue("q"),
      ];
      for (const call of calls) await w.rejects("CLOSED", call());
    });
  });
}

/** Short words for what most tests do. */
class Words {
  readonly #bench: Bench;
  readonly backend: Backend;
  readonly clock: VirtualClock;

  constructor(bench: Bench) {
    this.#bench = bench;
    this.backend = bench.backend;
    this.clock = bench.clock;
  }

  now<T>(call: Promise<T>): Promise<T> {
    return this.#bench.now(call);
  }

  wait(ms: number): Promise<void> {
    return this.clock.advance(ms);
  }

  async send(queue: string, ...messages: OutgoingMessage[]): Promise<void> {
    const results = await this.now(this.backend.send({ queue }, messages));
    assertEquals(codes(results), messages.map(() => "ok"));
  }

  receive(queue: string, options: { max?: number; visibilityMs?: number }): Promise<Delivery[]> {
    const all = { max: 10, waitMs: 0, visibilityMs: 30_000, ...options };
    return this.now(this.backend.receive(queue, all));
  }

  async drain(queue: string): Promise<void> {
    const some = await this.receive(queue, {});
    await this.now(this.backend.acknowledge(queue, some.map(({ receipt }) => receipt)));
  }

  async rejects(code: string, call: Promise<unknown>): Promise<void> {
    const error = await assertRejects(() => this.now(call));
    assertInstanceOf(error, MelangeError);
    assertEquals(error.code, code);
  }
}
