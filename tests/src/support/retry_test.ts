import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { VirtualClock } from "../../../backends/memory/testing.ts";
import type { Result } from "../../../src/support/result.ts";
import type { MelangeError } from "../../../src/support/errors.ts";
import {
  backoffMs,
  checkRetryPolicy,
  createRetryBudget,
  isRetryable,
  retry,
  retryEach,
  type RetryOptions,
  takeToken,
} from "../../../src/support/retry.ts";
import { lasting, passing } from "../../fakes/sender.ts";
import { countListeners } from "../../fakes/signal.ts";

/** Waits for half of what it may, and notes when each attempt began. */
function setUp(options: Partial<RetryOptions> = {}) {
  const clock = new VirtualClock({ now: 0 });
  const startedAt: number[] = [];
  return {
    clock,
    startedAt,
    options: { clock, random: () => 0.5, ...options },
    /** Fails with these, one after the other, then succeeds. */
    failing(...errors: unknown[]) {
      return () => {
        const error = errors[startedAt.length];
        startedAt.push(clock.now());
        return error === undefined ? Promise.resolve("done") : Promise.reject(error);
      };
    },
  };
}

const always = Array.from({ length: 50 }, () => passing());

describe("backoffMs()", () => {
  const backoff = { baseMs: 100, maxMs: 1_000 };

  it("doubles its bound with each attempt up to the maximum", () => {
    const bounds = [1, 2, 3, 4, 5, 6, 5_000].map((attempt) => backoffMs(attempt, backoff, () => 1));
    assertEquals(bounds, [100, 200, 400, 800, 1_000, 1_000, 1_000]);
  });

  it("spreads over everything below the bound", () => {
    assertEquals([0, 0.25, 0.5].map((n) => backoffMs(2, backoff, () => n)), [0, 50, 100]);
  });
});

describe("isRetryable()", () => {
  it("trusts only what says so of itself", () => {
    assertEquals(
      [passing(), lasting(), new TypeError("bug"), undefined, { retryable: true }].map(isRetryable),
      [true, false, false, false, false],
    );
  });
});

describe("retry()", () => {
  it("returns what the first success gave, after growing pauses", async () => {
    const { clock, options, startedAt, failing } = setUp();
    const done = retry(failing(passing(), passing(), passing()), options);
    await clock.advance(10_000);
    assertEquals(await done, "done");
    assertEquals(startedAt, [0, 50, 150, 350]);
  });

  it("tells the operation which attempt it is", async () => {
    const { clock, options } = setUp();
    const attempts: number[] = [];
    const done = retry((attempt) => {
      attempts.push(attempt);
      return attempt < 3 ? Promise.reject(passing()) : Promise.resolve();
    }, options);
    await clock.advance(1_000);
    await done;
    assertEquals(attempts, [1, 2, 3]);
  });

  it("throws what cannot go away at once, and what no backend throws", async () => {
    for (const error of [lasting(), new TypeError("bug")]) {
      const { options, startedAt, failing } = setUp();
      assertStrictEquals(await assertRejects(() => retry(failing(error), options)), error);
      assertEquals(startedAt.length, 1);
    }
  });

  it("throws the last error after eight attempts unless told otherwise", async () => {
    for (const [maxAttempts, expected] of [[undefined, 8], [1, 1], [3, 3]] as const) {
      const { clock, options, startedAt, failing } = setUp(
        maxAttempts === undefined ? {} : { maxAttempts },
      );
      const outcome = retry(failing(...always), options).catch((error) => error);
      await clock.advance(60_000);
      assertStrictEquals(await outcome, always[expected - 1]);
      assertEquals([startedAt.length, clock.pending], [expected, 0]);
    }
  });

  it("starts no attempt after the deadline", async () => {
    const { clock, options, startedAt, failing } = setUp({
      maxAttempts: Infinity,
      baseMs: 1_000,
      deadlineMs: 5_000,
    });
    const outcome = retry(failing(...always), options).catch((error) => error);
    await clock.advance(60_000);
    assertEquals((await outcome).code, "THROTTLED");
    assertEquals(startedAt, [0, 500, 1_500, 3_500]);
  });

  it("waits as long as the service asked, if that is longer", async () => {
    const { clock, options, startedAt, failing } = setUp();
    const done = retry(
      failing(
        passing("THROTTLED", { retryAfterMs: 7_000 }),
        passing("THROTTLED", { retryAfterMs: 1 }),
      ),
      options,
    );
    await clock.advance(10_000);
    await done;
    assertEquals(startedAt, [0, 7_000, 7_100]);
  });

  it("does not wait for a time that lies behind the deadline", async () => {
    const { options, startedAt, failing } = setUp();
    const error = passing("THROTTLED", { retryAfterMs: 3_600_000 });
    assertStrictEquals(await assertRejects(() => retry(failing(error), options)), error);
    assertEquals(startedAt.length, 1);
  });

  it("stops waiting when the signal aborts, and leaves neither timer nor listener", async () => {
    const controller = new AbortController();
    const listeners = countListeners(controller.signal);
    const { clock, options, startedAt, failing } = setUp({ signal: controller.signal });
    const outcome = retry(failing(...always), options).catch((error) => error);
    await clock.advance(60);
    controller.abort();
    assertEquals((await outcome).code, "THROTTLED");
    assertEquals([startedAt.length, clock.pending, listeners.now], [2, 0, 0]);
  });
});

describe("retryEach()", () => {
  type Answer = "ok" | MelangeError | undefined;

  /** Runs letters through a script: each run answers the letters it is given. */
  function runEach(
    items: string,
    script: Record<string, Answer[]>,
    own: Partial<RetryOptions> = {},
  ) {
    const { clock, options } = setUp(own);
    const runs: string[] = [];
    const settled: [string, string][] = [];
    const run = (pending: string[]) => {
      runs.push(pending.join(""));
      return Promise.resolve(pending.map((item) => {
        const outcome = script[item]?.shift() ?? "ok";
        return (outcome === "ok" ? { ok: true, item } : { ok: false, error: outcome }) as Result<
          { item: string }
        >;
      }));
    };
    const done = retryEach(
      [...items],
      run,
      (item, result) => settled.push([item, result.ok ? "ok" : result.error.code]),
      options,
    );
    return { clock, runs, settled, done };
  }

  it("runs again only the items that may still succeed", async () => {
    const { clock, runs, settled, done } = runEach("abcd", {
      b: [passing(), passing()],
      c: [lasting("NOT_FOUND")],
      d: [passing("OUTCOME_UNKNOWN")],
    });
    await clock.advance(10_000);
    await done;
    assertEquals(runs, ["abcd", "bd", "b"]);
    assertEquals(settled, [["a", "ok"], ["c", "NOT_FOUND"], ["d", "ok"], ["b", "ok"]]);
  });

  it("settles each item as soon as its result is known", async () => {
    const { clock, settled } = runEach("ab", { b: [passing()] });
    await clock.advance(0);
    assertEquals(settled, [["a", "ok"]]);
    await clock.advance(1_000);
    assertEquals(settled, [["a", "ok"], ["b", "ok"]]);
  });

  it("keeps OUTCOME_UNKNOWN of an item whatever a later attempt says, but for success", async () => {
    const { clock, settled, done } = runEach("abc", {
      a: [passing("OUTCOME_UNKNOWN"), lasting("ACCESS_DENIED")],
      b: [passing("OUTCOME_UNKNOWN"), passing(), passing()],
      c: [passing("OUTCOME_UNKNOWN"), passing()],
    }, { maxAttempts: 3 });
    await clock.advance(10_000);
    await done;
    assertEquals(settled, [["a", "OUTCOME_UNKNOWN"], ["c", "ok"], ["b", "OUTCOME_UNKNOWN"]]);
  });

  it("says what the last attempt said when the attempts are used up and none was unknown", async () => {
    const { clock, settled, done } = runEach("a", { a: [passing(), passing("REFUSED")] }, {
      maxAttempts: 2,
    });
    await clock.advance(10_000);
    await done;
    assertEquals(settled, [["a", "REFUSED"]]);
  });

  it("takes a missing result for an unknown outcome, and runs the item again", async () => {
    const { clock, options } = setUp();
    const runs: string[][] = [];
    const settled: string[] = [];
    const done = retryEach(
      ["a", "b"],
      (items) => {
        runs.push(items);
        return Promise.resolve(
          runs.length < 2 ? [{ ok: true } as Result] : [{ ok: true } as Result],
        );
      },
      (item) => settled.push(item),
      options,
    );
    await clock.advance(10_000);
    await done;
    assertEquals([runs, settled], [[["a", "b"], ["b"]], ["a", "b"]]);
  });

  it("takes a rejection for the error of each item", async () => {
    const { clock, options } = setUp({ maxAttempts: 2 });
    const settled: unknown[] = [];
    const done = retryEach(
      ["a", "b"],
      () => Promise.reject(passing("THROTTLED")),
      (item, result) => settled.push([item, !result.ok && result.error.code]),
      options,
    );
    await clock.advance(10_000);
    await done;
    assertEquals(settled, [["a", "THROTTLED"], ["b", "THROTTLED"]]);
  });

  it("takes an unexpected rejection or answer for an unknown outcome that stays", async () => {
    const answers: unknown[] = [Promise.reject(new TypeError("bug")), undefined, "nonsense"];
    for (const given of answers) {
      const { options } = setUp();
      const codes: unknown[] = [];
      await retryEach(
        ["a"],
        () => given as Promise<Result[]>,
        (_, result) => codes.push(!result.ok && result.error.code),
        { ...options, maxAttempts: 1 },
      );
      assertEquals(codes, ["OUTCOME_UNKNOWN"]);
    }
  });

  it("gives each item its last error when the signal aborts", async () => {
    const controller = new AbortController();
    const { clock, runs, settled, done } = runEach("ab", { b: [passing(), passing()] }, {
      signal: controller.signal,
    });
    await clock.advance(0);
    controller.abort();
    await done;
    assertEquals([runs, settled], [["ab"], [["a", "ok"], ["b", "THROTTLED"]]]);
  });

  it("waits for the longest time that the service asked for", async () => {
    const after = (retryAfterMs: number) => passing("THROTTLED", { retryAfterMs });
    const { clock, runs } = runEach("ab", { a: [after(2_000)], b: [after(5_000)] });
    await clock.advance(4_999);
    assertEquals(runs.length, 1);
    await clock.advance(1);
    assertEquals(runs.length, 2);
  });
});

describe("createRetryBudget()", () => {
  it("lets a burst through, then so many a second", async () => {
    const clock = new VirtualClock({ now: 0 });
    const budget = createRetryBudget({ clock, capacity: 3, refillPerSecond: 2 });
    const at: number[] = [];
    for (let i = 0; i < 6; i++) void takeToken(budget, { clock }).then(() => at.push(clock.now()));
    await clock.advance(10_000);
    assertEquals(at, [0, 0, 0, 500, 1_000, 1_500]);
  });

  it("fills with time and success, up to its capacity", async () => {
    const clock = new VirtualClock({ now: 0 });
    const budget = createRetryBudget({ clock, capacity: 2, refillPerSecond: 1 });
    await Promise.all([takeToken(budget, { clock }), takeToken(budget, { clock })]);
    budget.credit();
    await takeToken(budget, { clock });
    await clock.advance(3_600_000);
    const at: number[] = [];
    for (let i = 0; i < 3; i++) void takeToken(budget, { clock }).then(() => at.push(clock.now()));
    await clock.advance(0);
    assertEquals(at.length, 2);
  });

  it("rejects with the signal's reason, and leaves neither timer nor listener", async () => {
    const clock = new VirtualClock({ now: 0 });
    const budget = createRetryBudget({ clock, capacity: 1, refillPerSecond: 1 });
    const controller = new AbortController();
    const listeners = countListeners(controller.signal);
    await takeToken(budget, { clock });
    const waiting = takeToken(budget, { clock, signal: controller.signal }).catch((reason) =>
      reason
    );
    controller.abort("enough");
    assertEquals([await waiting, clock.pending, listeners.now], ["enough", 0, 0]);
  });

  it("gives the token back when a waiting one gives up", async () => {
    const clock = new VirtualClock({ now: 0 });
    const budget = createRetryBudget({ clock, capacity: 1, refillPerSecond: 1 });
    await takeToken(budget, { clock });
    for (let i = 0; i < 20; i++) {
      const controller = new AbortController();
      const waiting = takeToken(budget, { clock, signal: controller.signal }).catch(() => {});
      controller.abort();
      await waiting;
    }
    let at = -1;
    void takeToken(budget, { clock }).then(() => at = clock.now());
    await clock.advance(60_000);
    assertEquals(at, 1_000);
  });

  it("bounds what all that share it send to a service that is down", async () => {
    const { clock, options } = setUp({ maxAttempts: Infinity, deadlineMs: 10_000, maxMs: 100 });
    const budget = createRetryBudget({ clock, capacity: 5, refillPerSecond: 1 });
    let attempts = 0;
    const fleet = Array.from({ length: 10 }, () =>
      retry(() => {
        attempts += 1;
        return Promise.reject(passing());
      }, { ...options, budget }).catch(() => {}));
    await clock.advance(10_000);
    await clock.advance(60_000);
    await Promise.all(fleet);
    assert(attempts > 15 && attempts <= 10 + 5 + 10, `${attempts} attempts`);
  });

  it("is filled by success, and by those that do not use what they took", async () => {
    const { clock, options } = setUp();
    const budget = createRetryBudget({ clock, capacity: 1, refillPerSecond: 0.001 });
    const isFull = async () => {
      let taken = false;
      const controller = new AbortController();
      const take = takeToken(budget, { clock, signal: controller.signal }).then(
        () => taken = true,
        () => {},
      );
      await clock.advance(0);
      controller.abort();
      await take;
      if (taken) budget.credit();
      return taken;
    };
    await takeToken(budget, { clock });
    assertEquals(await isFull(), false);
    await retry(() => Promise.resolve(), { ...options, budget });
    assertEquals(await isFull(), true);
    await takeToken(budget, { clock });
    await retryEach(["a"], () => Promise.resolve([{ ok: true }]), () => {}, { ...options, budget });
    assertEquals(await isFull(), true);
    const late = passing("THROTTLED", { retryAfterMs: 3_600_000 });
    await assertRejects(() => retry(() => Promise.reject(late), { ...options, budget }));
    assertEquals(await isFull(), true);
  });

  it("does not carry an attempt past the deadline", async () => {
    const { clock, options, startedAt, failing } = setUp({ deadlineMs: 5_000 });
    const budget = createRetryBudget({ clock, capacity: 1, refillPerSecond: 0.1 });
    await takeToken(budget, { clock });
    let failedAt = -1;
    const outcome = retry(failing(...always), { ...options, budget })
      .catch((error) => {
        failedAt = clock.now();
        return error;
      });
    await clock.advance(60_000);
    assertEquals((await outcome).code, "THROTTLED");
    assertEquals(startedAt, [0]);
    assert(failedAt <= 5_000, `told at ${failedAt}`);
  });
});

describe("checkRetryPolicy()", () => {
  it("takes the edges, and what is left out", () => {
    checkRetryPolicy({});
    checkRetryPolicy({ maxAttempts: 1, baseMs: 0, maxMs: 0, deadlineMs: 0 });
    checkRetryPolicy({ maxAttempts: Infinity, deadlineMs: Infinity });
  });

  for (const maxAttempts of [0, 0.5, -1, NaN]) {
    it(`refuses ${maxAttempts} attempts`, () => {
      assertThrows(() => checkRetryPolicy({ maxAttempts }), RangeError, `${maxAttempts}`);
    });
  }

  for (const name of ["baseMs", "maxMs", "deadlineMs"]) {
    it(`refuses a ${name} that is negative or no number`, () => {
      for (const value of [-1, NaN]) {
        assertThrows(() => checkRetryPolicy({ [name]: value }), RangeError, name);
      }
    });
  }
});

describe("retry() where it is told nothing", () => {
  it("pauses from 100 ms to 20 s, and ends after eight attempts", async () => {
    const { clock, startedAt, options, failing } = setUp({ random: () => 1 });
    const errors = Array.from({ length: 9 }, () => passing());
    const done = retry(failing(...errors), options).catch((error) => error);
    await clock.advance(120_000);
    assertEquals(await done, errors[7]);
    const pauses = startedAt.slice(1).map((at, index) => at - startedAt[index]!);
    assertEquals(pauses, [100, 200, 400, 800, 1_600, 3_200, 6_400]);
  });

  it("pauses 20 s at the most, and starts nothing later than a minute after the first", async () => {
    const { clock, startedAt, options, failing } = setUp({
      random: () => 1,
      baseMs: 15_000,
      maxAttempts: 99,
    });
    const done = retry(failing(...Array(9).fill(passing())), options).catch((error) => error);
    await clock.advance(120_000);
    await done;
    assertEquals(startedAt, [0, 15_000, 35_000, 55_000]);
  });

  it("starts an attempt a minute after the first, and none a millisecond later", async () => {
    for (const [retryAfterMs, attempts] of [[60_000, 2], [60_001, 1]] as const) {
      const { clock, startedAt, options, failing } = setUp();
      const done = retry(failing(passing("THROTTLED", { retryAfterMs })), options)
        .catch((error) => error);
      await clock.advance(120_000);
      await done;
      assertEquals(startedAt.length, attempts);
    }
  });

  it("starts the next attempt at once where chance says 0", async () => {
    const { clock, startedAt, options, failing } = setUp({ random: () => 0 });
    const done = retry(failing(passing(), passing()), options);
    await clock.advance(0);
    assertEquals([await done, startedAt], ["done", [0, 0, 0]]);
  });
});

describe("RetryBudget where it is told nothing", () => {
  it("lets a hundred through at once, then ten a second", () => {
    const budget = createRetryBudget({ clock: new VirtualClock({ now: 0 }) });
    const waits = Array.from({ length: 103 }, () => budget.reserve());
    assertEquals(waits.slice(0, 100), Array(100).fill(0));
    assertEquals(waits.slice(100), [100, 200, 300]);
  });

  it("has a token again as soon as its time has come", async () => {
    const clock = new VirtualClock({ now: 1_000_000 });
    const budget = createRetryBudget({ clock, capacity: 1 });
    budget.reserve();
    await clock.advance(100);
    assertEquals(budget.reserve(), 0);
    assertEquals(budget.reserve(), 100);
  });
});
