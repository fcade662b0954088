import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { VirtualClock } from "../../../backends/memory/testing.ts";
import type { Delivery, Guarantees, ReceiveOptions } from "../../../src/backend.ts";
import { sleep } from "../../../src/support/clock.ts";
import type { MelangeError } from "../../../src/support/errors.ts";
import { Polling } from "../../../src/consume/polling.ts";
import { RetryBudget } from "../../../src/support/retry.ts";
import { deliveryOf, failure, hang, scriptedReceiver } from "../../fakes/receiver.ts";

type Script = (options: ReceiveOptions, call: number) => Promise<Delivery[]>;

/** A poller with `slots`; `held` counts those that are taken, `free` gives some back. */
function createPolling(
  { script, slots = 10, batch = Math.min(slots, 10), fifo = false, random = () => 0.5, ...rest }: {
    script: (clock: VirtualClock) => Script;
    slots?: number;
    batch?: number;
    fifo?: boolean;
    random?: () => number;
    waitMs?: number;
    guarantees?: Partial<Guarantees>;
    refillPerSecond?: number;
  },
) {
  const { waitMs = 20_000, guarantees = {}, refillPerSecond = 10 } = rest;
  const clock = new VirtualClock();
  const receiver = scriptedReceiver({ clock, receive: script(clock), guarantees });
  let held = 0;
  let most = 0;
  const errors: unknown[] = [];
  let ended = 0;
  const polling = new Polling({
    receiver,
    queue: "q",
    fifo,
    batch,
    waitMs,
    visibilityMs: 30_000,
    refillMs: 100,
    clock,
    random,
    budget: new RetryBudget({ clock, capacity: 2, refillPerSecond }),
    room: () => slots - held,
    take(deliveries) {
      held += deliveries.length;
      most = Math.max(most, held);
    },
    received: (error) => error === undefined || errors.push(error),
    ended: () => ended++,
  });
  const start = clock.now();
  return {
    clock,
    receiver,
    polling,
    errors,
    held: () => held,
    most: () => most,
    ended: () => ended,
    free(count: number) {
      held -= count;
      polling.fill();
    },
    at: () => receiver.calls.map((call) => call.at - start),
    maxima: () => receiver.calls.map(({ options }) => options.max),
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

describe("Polling", () => {
  it("has one receive under way when idle: at most four a minute", async () => {
    const { clock, polling, receiver } = createPolling({ script: empty, slots: 100 });
    polling.fill();
    await clock.advance(600_000);
    assert(receiver.calls.length <= 40, `${receiver.calls.length} receives in ten minutes`);
    assertEquals(polling.hungrySince, clock.now() - 600_000 % 20_000);
  });

  it("asks for a batch, and says how long to wait and to lock", async () => {
    const { clock, polling, receiver } = createPolling({ script: empty });
    polling.fill();
    await clock.advance(0);
    const { max, waitMs, visibilityMs, attemptId } = receiver.calls[0]?.options ?? {};
    assertEquals([max, waitMs, visibilityMs, attemptId], [10, 20_000, 30_000, undefined]);
  });

  it("has more receives under way only after full answers, until all slots are taken", async () => {
    const { clock, polling, at, most, maxima } = createPolling({ script: busy, slots: 45 });
    polling.fill();
    await clock.advance(10);
    assertEquals(at(), [0, 10, 10]);
    await clock.advance(1_000);
    assertEquals(most(), 45);
    assertEquals(maxima(), [10, 10, 10, 10, 5]);
    await clock.advance(60_000);
    assertEquals(maxima().length, 5);
  });

  it("never asks for more than there is room for, whatever becomes free", async () => {
    const { clock, polling, most, held, free, maxima } = createPolling({ script: busy, slots: 12 });
    polling.fill();
    for (let i = 0; i < 20; i++) {
      await clock.advance(35);
      free(Math.min(held(), 1 + (i * 7) % 5));
    }
    await clock.advance(1_000);
    assertEquals(most(), 12);
    assert(maxima().every((max) => max !== undefined && max >= 1 && max <= 10));
  });

  it("waits for a batch of free slots, but no longer than refillMs", async () => {
    const { clock, polling, held, free, at, maxima } = createPolling({ script: busy });
    polling.fill();
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
    const { clock, polling, held, free, maxima } = createPolling({ script: busy, slots: 1 });
    polling.fill();
    await clock.advance(50);
    assertEquals([held(), maxima()], [1, [1]]);
    free(1);
    await clock.advance(50);
    assertEquals([held(), maxima()], [1, [1, 1]]);
  });

  it("repeats an answer that is empty at once not more than once a second", async () => {
    const { clock, polling, receiver } = createPolling({ script: () => () => Promise.resolve([]) });
    polling.fill();
    await clock.advance(60_000);
    assert(receiver.calls.length <= 61, `${receiver.calls.length} receives`);
    assert(receiver.calls.length >= 60);
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
      const { clock, polling, receiver, at, errors } = createPolling({ script: failing(error) });
      polling.fill();
      await clock.advance(5_000);
      const pauses = at().map((time, index) => time - (at()[index - 1] ?? 0)).slice(1);
      const [first = 0, ...others] = pauses;
      assert(first >= 20, `the first pause is ${first}`);
      others.forEach((pause, index) => assertEquals(pause, first * 2 ** (index + 1)));
      await clock.advance(600_000);
      assert(receiver.calls.length < 60, `${receiver.calls.length} receives in ten minutes`);
      assertEquals(errors.length, receiver.calls.length);
    });
  }

  it("pauses even where chance says 0, and never longer than 30 s", async () => {
    const error = failure("REFUSED", { retryable: true });
    const least = createPolling({ script: failing(error), random: () => 0 });
    least.polling.fill();
    await least.clock.advance(1_000);
    assert(least.at().length <= 51, `${least.at().length} receives in a second`);
    const most = createPolling({ script: failing(error), random: () => 0.999999 });
    most.polling.fill();
    await most.clock.advance(600_000);
    const last = most.at().slice(-2);
    assertEquals(Math.round((last[1] ?? 0) - (last[0] ?? 0)), 30_000);
  });

  it("pauses for a second at the most while the service cannot be reached", async () => {
    const error = failure("OUTCOME_UNKNOWN", { retryable: true });
    const { clock, polling, at } = createPolling({
      script: failing(error),
      random: () => 0.999999,
    });
    polling.fill();
    await clock.advance(60_000);
    const pauses = at().map((time, index) => Math.round(time - (at()[index - 1] ?? 0))).slice(1);
    assertEquals(pauses.slice(0, 6), [100, 200, 400, 800, 1_000, 1_000]);
    assertEquals(pauses.at(-1), 1_000);
  });

  it("waits as long as the service asks", async () => {
    const error = failure("THROTTLED", { retryable: true, retryAfterMs: 45_000 });
    const { clock, polling, at } = createPolling({ script: failing(error) });
    polling.fill();
    await clock.advance(100_000);
    assertEquals(at(), [0, 45_000, 90_000]);
  });

  it("takes from the budget while it is throttled", async () => {
    const error = failure("THROTTLED", { retryable: true });
    const options = { script: failing(error), random: () => 0, refillPerSecond: 0.1 };
    const { clock, polling, at } = createPolling(options);
    polling.fill();
    await clock.advance(60_000);
    assert(at().length <= 9, `${at().length} receives in a minute with a token every 10 s`);
  });

  it("is at full speed as soon as an outage is over", async () => {
    let down = true;
    const { clock, polling, at, held } = createPolling({
      slots: 40,
      script: (clock) => {
        const up = busy(clock);
        return (options, call) =>
          down
            ? Promise.reject(failure("OUTCOME_UNKNOWN", { retryable: true }))
            : up(options, call);
      },
    });
    polling.fill();
    await clock.advance(60_000);
    assertEquals(polling.hungrySince, clock.now() - 60_000);
    down = false;
    await clock.advance(30_000);
    assertEquals(held(), 40);
    const times = at().slice(-4);
    assert((times[3] ?? 0) - (times[0] ?? 0) <= 30, `it took ${times} to fill up`);
  });

  it("pauses shortly again after a failure that follows a success", async () => {
    const { clock, polling, at, free } = createPolling({
      script: (clock) => {
        const up = busy(clock);
        return (options, call) =>
          call === 8 ? up(options, call) : Promise.reject(failure("REFUSED"));
      },
    });
    polling.fill();
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
    const { clock, polling, receiver, held, free } = createPolling({
      slots: 100,
      script: (clock) => async ({ max, waitMs, signal }) => {
        await sleep(clock, sent < 80 ? 10 : waitMs, signal);
        const count = Math.min(max, Math.max(0, 80 - sent));
        sent += count;
        return Array.from({ length: count }, (_, i) => deliveryOf(`r${sent}-${i}`));
      },
    });
    polling.fill();
    await clock.advance(1_000);
    assertEquals(held(), 80);
    free(80);
    await clock.advance(60_000);
    receiver.calls.length = 0;
    await clock.advance(300_000);
    assert(receiver.calls.length <= 20, `${receiver.calls.length} receives in five minutes`);
  });

  it("asks for the same messages again when the answer of a FIFO receive was lost", async () => {
    const { clock, polling, receiver } = createPolling({
      fifo: true,
      script: () => (_options, call) =>
        call === 1
          ? Promise.reject(failure("OUTCOME_UNKNOWN", { retryable: true }))
          : call === 2
          ? Promise.reject(failure("REFUSED", { retryable: true }))
          : Promise.resolve([]),
    });
    polling.fill();
    await clock.advance(3_000);
    const ids = receiver.calls.map(({ options }) => options.attemptId);
    assertEquals([ids[1], ids[2]], [ids[0], ids[0]]);
    assert(ids[3] !== ids[2] && ids.every((id) => id !== undefined && id !== ""));
  });

  it("asks for other messages after a FIFO receive that was refused", async () => {
    const { clock, receiver, polling } = createPolling({
      fifo: true,
      script: () => (options, call) =>
        call === 1 ? Promise.reject(failure("ACCESS_DENIED")) : hang(options.signal),
    });
    polling.fill();
    await clock.advance(60_000);
    const [first, second] = receiver.of("receive").map(({ options }) => options.attemptId);
    assert(first !== undefined && second !== undefined && first !== second);
    polling.stop();
    polling.abort("end");
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
      const { clock, polling, at } = createPolling({
        script: failing(error),
        random: () => random,
      });
      polling.fill();
      await clock.advance(expected.reduce((sum, pause) => sum + pause, 0));
      const times = at();
      assertEquals(times.slice(1).map((time, index) => time - times[index]!), expected);
    });
  }

  it("repeats an answer that is empty at once a second after it was asked for", async () => {
    const { clock, polling, at } = createPolling({
      script: (clock) => async () => {
        await sleep(clock, 300);
        return [];
      },
    });
    polling.fill();
    await clock.advance(3_500);
    assertEquals(at(), [0, 1_000, 2_000, 3_000]);
  });
});

describe("a service that asks for patience", () => {
  it("gets a minute at the most", async () => {
    const { clock, polling, receiver } = createPolling({
      script: () => () =>
        Promise.reject(failure("THROTTLED", { retryable: true, retryAfterMs: 86_400_000 })),
    });
    polling.fill();
    await clock.advance(59_000);
    assertEquals(receiver.calls.length, 1);
    await clock.advance(2_000);
    assertEquals(receiver.calls.length, 2);
  });
});

describe("Polling.hungrySince", () => {
  it("is the beginning of the first receive that has not succeeded", async () => {
    const { clock, polling } = createPolling({
      script: (clock) => async (_options, call) => {
        await sleep(clock, 1_000);
        if (call < 4) throw failure("REFUSED");
        return Array.from({ length: 10 }, (_, i) => deliveryOf(`r${i}`));
      },
    });
    assertEquals(polling.hungrySince, undefined);
    polling.fill();
    const start = clock.now();
    await clock.advance(3_000);
    assertEquals(polling.hungrySince, start);
    await clock.advance(5_000);
    assertEquals(polling.hungrySince, undefined);
  });

  it("tells of a receive that hangs although another one succeeded", async () => {
    const { clock, polling, free } = createPolling({
      slots: 30,
      script: (clock) => async ({ signal, max }, call) => {
        await sleep(clock, 1_000);
        if (call === 2) return await hang(signal);
        const count = call === 1 ? max : 1;
        return Array.from({ length: count }, (_, i) => deliveryOf(`r${call}-${i}`));
      },
    });
    polling.fill();
    const start = clock.now();
    await clock.advance(5_000);
    free(11);
    await clock.advance(600_000);
    assertEquals(polling.hungrySince, start + 2_000);
  });

  it("is undefined while there is no room for more", async () => {
    const script = failing(failure("REFUSED"));
    const { clock, polling, free } = createPolling({ script });
    polling.fill();
    await clock.advance(10_000);
    const start = clock.now() - 10_000;
    assertEquals(polling.hungrySince, start);
    free(-10);
    await clock.advance(60_000);
    assertEquals(polling.hungrySince, undefined);
    free(10);
    await clock.advance(60_000);
    assertEquals(polling.hungrySince, start + 70_000);
  });
});

describe("Polling.stop()", () => {
  it("lets the receive under way end, takes what it brings, and starts none", async () => {
    const { clock, polling, held, ended, receiver } = createPolling({ script: busy });
    polling.fill();
    await clock.advance(5);
    polling.stop();
    assertEquals([polling.idle, ended()], [false, 0]);
    await clock.advance(5);
    assertEquals([polling.idle, ended(), held()], [true, 1, 10]);
    polling.fill();
    await clock.advance(60_000);
    assertEquals([receiver.calls.length, clock.pending], [1, 0]);
  });

  it("ends pauses at once", async () => {
    for (const script of [failing(failure("REFUSED")), () => () => Promise.resolve([])]) {
      const { clock, polling, ended } = createPolling({ script });
      polling.fill();
      await clock.advance(50);
      polling.stop();
      await clock.advance(0);
      assertEquals([polling.idle, ended(), clock.pending], [true, 1, 0]);
    }
  });

  it("ends a wait for the budget at once", async () => {
    const error = failure("THROTTLED", { retryable: true });
    const { clock, polling } = createPolling({
      script: failing(error),
      random: () => 0,
      refillPerSecond: 0.001,
    });
    polling.fill();
    await clock.advance(10_000);
    polling.stop();
    await clock.advance(0);
    assertEquals([polling.idle, clock.pending], [true, 0]);
  });

  it("ends the wait for more room", async () => {
    const { clock, polling, free, receiver } = createPolling({ script: busy });
    polling.fill();
    await clock.advance(1_000);
    free(1);
    polling.stop();
    await clock.advance(1_000);
    assertEquals([receiver.calls.length, clock.pending], [1, 0]);
  });

  it("abort() gives up what is under way and reports no error", async () => {
    const { clock, polling, ended, errors } = createPolling({ script: empty });
    polling.fill();
    await clock.advance(5_000);
    polling.stop();
    polling.abort(failure("STOPPED"));
    await clock.advance(0);
    assertEquals([polling.idle, ended(), errors, clock.pending], [true, 1, [], 0]);
  });
});
