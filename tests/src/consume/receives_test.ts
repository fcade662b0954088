import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { VirtualClock } from "../../../backends/memory/testing.ts";
import type { Delivery, ReceiveOptions } from "../../../src/backend.ts";
import { sleep } from "../../../src/support/clock.ts";
import type { MelangeError } from "../../../src/support/errors.ts";
import { deliveryOf, failure, hang } from "../../fakes/receiver.ts";
import { createWorker } from "../../fakes/worker.ts";
import { deferred, watch } from "../../fakes/world.ts";

type Script = (options: ReceiveOptions, call: number) => Promise<Delivery[]>;

/** A worker whose receives follow a script; `free` ends the work on the oldest deliveries. */
function createReceives(
  { script, ...options }: Omit<Parameters<typeof createWorker>[0], "receive"> & {
    script: (clock: VirtualClock) => Script;
  },
) {
  const { worker, ...rest } = createWorker({ receive: script, ...options });
  const { receiver, clock, works } = rest;
  const start = clock.now();
  const receives = () => receiver.of("receive");
  return {
    ...rest,
    worker,
    receives,
    start: () => watch(worker.run()),
    held: () => works.length,
    free(count: number) {
      for (const { end } of works.splice(0, count)) end({ outcome: "acknowledge" });
    },
    at: () => receives().map((call) => call.at - start),
    maxima: () => receives().map(({ options }) => options.max),
  };
}

/** A long poll that finds nothing. */
const empty = (clock: VirtualClock): Script => async ({ waitMs, signal }) => {
  await sleep(clock, waitMs, signal);
  return [];
};

/** A queue that is never empty and takes 10 ms to answer. */
const busy = (clock: VirtualClock): Script => {
  let sent = 0;
  return async ({ max }) => {
    await sleep(clock, 10);
    return Array.from({ length: max }, () => deliveryOf(`r${++sent}`));
  };
};

const failing = (error: MelangeError) => () => () => Promise.reject(error);

describe("Receives", () => {
  it("has one receive under way when idle: at most four a minute", async () => {
    const { clock, start, receives, worker } = createReceives({ script: empty, slots: 100 });
    start();
    await clock.advance(600_000);
    assert(receives().length <= 40, `${receives().length} receives in ten minutes`);
    assertEquals(worker.hungrySince, clock.now() - 600_000 % 20_000);
  });

  it("asks for a batch, and says how long to wait and to lock", async () => {
    const { clock, start, receives } = createReceives({ script: empty });
    start();
    await clock.advance(0);
    const { max, waitMs, visibilityMs, attemptId } = receives()[0]?.options ?? {};
    assertEquals([max, waitMs, visibilityMs, attemptId], [10, 20_000, 30_000, undefined]);
  });

  it("has more receives under way only after full answers, until all slots are taken", async () => {
    const { clock, start, at, most, maxima } = createReceives({ script: busy, slots: 45 });
    start();
    await clock.advance(10);
    assertEquals(at(), [0, 10, 10]);
    await clock.advance(1_000);
    assertEquals(most(), 45);
    assertEquals(maxima(), [10, 10, 10, 10, 5]);
    await clock.advance(60_000);
    assertEquals(maxima().length, 5);
  });

  it("never asks for more than there is room for, whatever becomes free", async () => {
    const { clock, start, most, held, free, maxima } = createReceives({
      script: busy,
      slots: 12,
    });
    start();
    for (let i = 0; i < 20; i++) {
      await clock.advance(35);
      free(Math.min(held(), 1 + (i * 7) % 5));
    }
    await clock.advance(1_000);
    assertEquals(most(), 12);
    assert(maxima().every((max) => max !== undefined && max >= 1 && max <= 10));
  });

  it("waits for a batch of free slots, but no longer than refillMs", async () => {
    const { clock, start, held, free, at, maxima } = createReceives({ script: busy });
    start();
    await clock.advance(1_000);
    assertEquals(held(), 10);
    free(1);
    await clock.advance(60);
    free(2);
    await clock.advance(39);
    assertEquals(at().length, 1);
    await clock.advance(1);
    assertEquals(maxima(), [10, 3]);
    await clock.advance(1_000);
    free(10);
    await clock.advance(0);
    assertEquals(at(), [0, 1_100, 2_100]);
  });

  it("asks for one after the other where only one at a time is handled", async () => {
    const { clock, start, held, free, maxima } = createReceives({ script: busy, slots: 1 });
    start();
    await clock.advance(50);
    assertEquals([held(), maxima()], [1, [1]]);
    free(1);
    await clock.advance(50);
    assertEquals([held(), maxima()], [1, [1, 1]]);
  });

  it("repeats an answer that is empty at once not more than once a second", async () => {
    const { clock, start, receives } = createReceives({
      script: () => () => Promise.resolve([]),
    });
    start();
    await clock.advance(60_000);
    assert(receives().length <= 61, `${receives().length} receives`);
    assert(receives().length >= 60);
  });

  const classes = [
    failure("OUTCOME_UNKNOWN"),
    failure("REFUSED", { retryable: true }),
    failure("THROTTLED", { retryable: true }),
    failure("ACCESS_DENIED"),
    failure("NOT_FOUND"),
    failure("CLOSED"),
    new TypeError("a bug") as unknown as MelangeError,
  ];
  for (const error of classes) {
    it(`backs off when a receive fails with ${error.code ?? error.name}`, async () => {
      const { clock, start, receives, at, counts } = createReceives({ script: failing(error) });
      start();
      await clock.advance(5_000);
      const pauses = at().map((time, index) => time - (at()[index - 1] ?? 0)).slice(1);
      const [first = 0, ...others] = pauses;
      assert(first >= 20, `the first pause is ${first}`);
      others.forEach((pause, index) => assertEquals(pause, first * 2 ** (index + 1)));
      await clock.advance(600_000);
      assert(receives().length < 60, `${receives().length} receives in ten minutes`);
      assertEquals(counts.receiveErrors, receives().length);
    });
  }

  it("pauses even where chance says 0, and never longer than 30 s", async () => {
    const error = failure("REFUSED", { retryable: true });
    const least = createReceives({ script: failing(error), random: () => 0 });
    least.start();
    await least.clock.advance(1_000);
    assert(least.at().length <= 51, `${least.at().length} receives in a second`);
    const most = createReceives({ script: failing(error), random: () => 0.999999 });
    most.start();
    await most.clock.advance(600_000);
    const last = most.at().slice(-2);
    assertEquals(Math.round((last[1] ?? 0) - (last[0] ?? 0)), 30_000);
  });

  it("pauses for a second at the most while the service cannot be reached", async () => {
    const error = failure("OUTCOME_UNKNOWN", { retryable: true });
    const { clock, start, at } = createReceives({
      script: failing(error),
      random: () => 0.999999,
    });
    start();
    await clock.advance(60_000);
    const pauses = at().map((time, index) => Math.round(time - (at()[index - 1] ?? 0))).slice(1);
    assertEquals(pauses.slice(0, 6), [100, 200, 400, 800, 1_000, 1_000]);
    assertEquals(pauses.at(-1), 1_000);
  });

  it("waits as long as the service asks", async () => {
    const error = failure("THROTTLED", { retryable: true, retryAfterMs: 45_000 });
    const { clock, start, at } = createReceives({ script: failing(error) });
    start();
    await clock.advance(100_000);
    assertEquals(at(), [0, 45_000, 90_000]);
  });

  it("takes from the budget while it is throttled", async () => {
    const error = failure("THROTTLED", { retryable: true });
    const options = { script: failing(error), random: () => 0, refillPerSecond: 0.1 };
    const { clock, start, at } = createReceives(options);
    start();
    await clock.advance(60_000);
    assert(at().length <= 9, `${at().length} receives in a minute with a token every 10 s`);
  });

  it("is at full speed as soon as an outage is over", async () => {
    let down = true;
    const { clock, start, at, held, worker } = createReceives({
      slots: 40,
      script: (clock) => {
        const up = busy(clock);
        return (options, call) =>
          down
            ? Promise.reject(failure("OUTCOME_UNKNOWN", { retryable: true }))
            : up(options, call);
      },
    });
    start();
    await clock.advance(60_000);
    assertEquals(worker.hungrySince, clock.now() - 60_000);
    down = false;
    await clock.advance(30_000);
    assertEquals(held(), 40);
    const times = at().slice(-4);
    assert((times[3] ?? 0) - (times[0] ?? 0) <= 30, `it took ${times} to fill up`);
  });

  it("pauses shortly again after a failure that follows a success", async () => {
    const { clock, start, at, free } = createReceives({
      script: (clock) => {
        const up = busy(clock);
        return (options, call) =>
          call === 8 ? up(options, call) : Promise.reject(failure("REFUSED"));
      },
    });
    start();
    await clock.advance(60_000);
    assertEquals(at().length, 8);
    free(10);
    await clock.advance(1_000);
    const [first = 0, second = 0] = at();
    const [third = 0, fourth = 0] = at().slice(8);
    assertEquals(fourth - third, second - first);
  });

  it("has one receive under way again when a busy time is over", async () => {
    let sent = 0;
    const { clock, start, receives, receiver, held, free } = createReceives({
      slots: 100,
      script: (clock) => async ({ max, waitMs, signal }) => {
        await sleep(clock, sent < 80 ? 10 : waitMs, signal);
        const count = Math.min(max, Math.max(0, 80 - sent));
        sent += count;
        return Array.from({ length: count }, (_, i) => deliveryOf(`r${sent}-${i}`));
      },
    });
    start();
    await clock.advance(1_000);
    assertEquals(held(), 80);
    free(80);
    await clock.advance(60_000);
    receiver.calls.length = 0;
    await clock.advance(300_000);
    assert(receives().length <= 20, `${receives().length} receives in five minutes`);
  });

  it("asks for the same messages again when the answer of a FIFO receive was lost", async () => {
    const { clock, start, receives } = createReceives({
      fifo: true,
      script: () => (_options, call) =>
        call === 1
          ? Promise.reject(failure("OUTCOME_UNKNOWN", { retryable: true }))
          : call === 2
          ? Promise.reject(failure("REFUSED", { retryable: true }))
          : Promise.resolve([]),
    });
    start();
    await clock.advance(3_000);
    const ids = receives().map(({ options }) => options.attemptId);
    assertEquals([ids[1], ids[2]], [ids[0], ids[0]]);
    assert(ids[3] !== ids[2] && ids.every((id) => id !== undefined && id !== ""));
  });

  it("asks for other messages after a FIFO receive that was refused", async () => {
    const { clock, receives, start, worker } = createReceives({
      fifo: true,
      script: () => (options, call) =>
        call === 1 ? Promise.reject(failure("ACCESS_DENIED")) : hang(options.signal),
    });
    start();
    await clock.advance(60_000);
    const [first, second] = receives().map(({ options }) => options.attemptId);
    assert(first !== undefined && second !== undefined && first !== second);
    worker.drain(0);
    await clock.advance(0);
  });

  const pauses: [what: string, error: MelangeError, random: number, expected: number[]][] = [
    ["grow from 100 ms to 30 s", failure("REFUSED"), 1, [
      ...[100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000],
    ]],
    [
      "grow from 100 ms to a second in an outage",
      failure("OUTCOME_UNKNOWN", { retryable: true }),
      1,
      [
        ...[100, 200, 400, 800, 1_000, 1_000],
      ],
    ],
    ["are those of a refusal where an unknown outcome is for good", failure("OUTCOME_UNKNOWN"), 1, [
      ...[100, 200, 400, 800, 1_600],
    ]],
    ["are 20 ms where chance says 0", failure("REFUSED"), 0, [20, 20, 20]],
    [
      "are a minute at the most, whatever is asked",
      failure("THROTTLED", {
        retryable: true,
        retryAfterMs: 60_001,
      }),
      1,
      [60_000, 60_000],
    ],
  ];
  for (const [what, error, random, expected] of pauses) {
    it(`has pauses that ${what}`, async () => {
      const { clock, start, at } = createReceives({
        script: failing(error),
        random: () => random,
      });
      start();
      await clock.advance(expected.reduce((sum, pause) => sum + pause, 0));
      const times = at();
      assertEquals(times.slice(1).map((time, index) => time - times[index]!), expected);
    });
  }

  it("repeats an answer that is empty at once a second after it was asked for", async () => {
    const { clock, start, at } = createReceives({
      script: (clock) => async () => {
        await sleep(clock, 300);
        return [];
      },
    });
    start();
    await clock.advance(3_500);
    assertEquals(at(), [0, 1_000, 2_000, 3_000]);
  });
});

describe("a service that asks for patience", () => {
  it("gets a minute at the most", async () => {
    const { clock, start, receives } = createReceives({
      script: () => () =>
        Promise.reject(failure("THROTTLED", { retryable: true, retryAfterMs: 86_400_000 })),
    });
    start();
    await clock.advance(59_000);
    assertEquals(receives().length, 1);
    await clock.advance(2_000);
    assertEquals(receives().length, 2);
  });
});

describe("Worker.hungrySince", () => {
  it("is the beginning of the first receive that has not succeeded", async () => {
    const { clock, start, worker } = createReceives({
      script: (clock) => async (_options, call) => {
        await sleep(clock, 1_000);
        if (call < 4) throw failure("REFUSED");
        return Array.from({ length: 10 }, (_, i) => deliveryOf(`r${i}`));
      },
    });
    assertEquals(worker.hungrySince, undefined);
    start();
    const begin = clock.now();
    await clock.advance(3_000);
    assertEquals(worker.hungrySince, begin);
    await clock.advance(5_000);
    assertEquals(worker.hungrySince, undefined);
  });

  it("tells of a receive that hangs although another one succeeded", async () => {
    const { clock, start, free, worker } = createReceives({
      slots: 30,
      script: (clock) => async ({ signal, max }, call) => {
        await sleep(clock, 1_000);
        if (call === 2) return await hang(signal);
        const count = call === 1 ? max : 1;
        return Array.from({ length: count }, (_, i) => deliveryOf(`r${call}-${i}`));
      },
    });
    start();
    const begin = clock.now();
    await clock.advance(5_000);
    free(11);
    await clock.advance(600_000);
    assertEquals(worker.hungrySince, begin + 2_000);
  });

  it("is undefined while there is no room for more", async () => {
    let down = true;
    const { clock, start, worker, held, free } = createReceives({
      script: (clock) => {
        const up = busy(clock);
        return (options, call) => down ? Promise.reject(failure("REFUSED")) : up(options, call);
      },
    });
    start();
    await clock.advance(10_000);
    assertEquals(worker.hungrySince, clock.now() - 10_000);
    down = false;
    await clock.advance(60_000);
    assertEquals([held(), worker.hungrySince], [10, undefined]);
    down = true;
    const begin = clock.now();
    free(10);
    await clock.advance(60_000);
    assertEquals(worker.hungrySince, begin);
  });
});

describe("Worker.drain()", () => {
  it("lets the receive under way end, gives back what it brings, and starts none", async () => {
    const guarantees = { cancelsReceive: false };
    const { clock, start, worker, held, receiver, receives } = createReceives({
      script: busy,
      guarantees,
    });
    const ended = start();
    await clock.advance(5);
    worker.drain(60_000);
    await clock.advance(4);
    assertEquals(ended.state, "pending");
    await clock.advance(1);
    assertEquals([ended.state, held()], ["done", 0]);
    assertEquals(receiver.of("release").flatMap(({ items }) => items).length, 10);
    await clock.advance(60_000);
    assertEquals([receives().length, clock.pending], [1, 0]);
  });

  it("waits for what the last receive brings, whatever else ends at that moment", async () => {
    for (let apart = 0; apart < 40; apart++) {
      const answers = [deferred<Delivery[]>(), deferred<Delivery[]>()];
      const { clock, start, worker, free, receiver } = createReceives({
        slots: 2,
        guarantees: { cancelsReceive: false },
        script: () => (_options, call) => answers[call - 1]!.promise,
      });
      const acknowledged = deferred();
      receiver.faults.acknowledge = (next) => acknowledged.promise.then(next);
      receiver.faults.release = (_next, _queue, _items, options) => hang(options?.signal);
      const ended = start();
      answers[0]?.resolve([deliveryOf("a")]);
      await clock.advance(0);
      free(1);
      await clock.advance(0);
      worker.drain(60_000);
      acknowledged.resolve();
      for (let turn = 0; turn < apart; turn++) await Promise.resolve();
      answers[1]?.resolve([deliveryOf("b")]);
      await clock.advance(0);
      assertEquals([ended.state, worker.inFlight], ["pending", 1], `${apart} apart`);
      worker.drain(0);
      await clock.advance(250);
      assertEquals(ended.state, "done");
    }
  });

  it("ends pauses at once", async () => {
    for (const script of [failing(failure("REFUSED")), () => () => Promise.resolve([])]) {
      const { clock, start, worker } = createReceives({ script });
      const ended = start();
      await clock.advance(50);
      worker.drain(60_000);
      await clock.advance(0);
      assertEquals([ended.state, clock.pending], ["done", 0]);
    }
  });

  it("ends a wait for the budget at once", async () => {
    const error = failure("THROTTLED", { retryable: true });
    const { clock, start, worker } = createReceives({
      script: failing(error),
      random: () => 0,
      refillPerSecond: 0.001,
    });
    const ended = start();
    await clock.advance(10_000);
    worker.drain(60_000);
    await clock.advance(0);
    assertEquals([ended.state, clock.pending], ["done", 0]);
  });

  it("ends the wait for more room", async () => {
    const { clock, start, worker, free, receives } = createReceives({ script: busy });
    const ended = start();
    await clock.advance(1_000);
    free(1);
    worker.drain(60_000);
    await clock.advance(1_000);
    free(9);
    await clock.advance(0);
    assertEquals([ended.state, receives().length, clock.pending], ["done", 1, 0]);
  });

  it("gives up what is under way where it can be cancelled, and reports no error", async () => {
    const { clock, start, worker, counts } = createReceives({ script: empty });
    const ended = start();
    await clock.advance(5_000);
    worker.drain(60_000);
    await clock.advance(0);
    assertEquals([ended.state, counts.receiveErrors, clock.pending], ["done", 0, 0]);
  });
});
