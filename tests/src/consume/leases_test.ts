import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { VirtualClock } from "../../../backends/memory/testing.ts";
import { MelangeError } from "../../../src/support/errors.ts";
import { type Lease, Leases } from "../../../src/consume/leases.ts";
import {
  deliveryOf,
  failure,
  type FaultyReceiver,
  hang,
  refuseAll,
  scriptedReceiver,
} from "../../fakes/receiver.ts";
import { deferred, watch } from "../../fakes/world.ts";

const VISIBILITY = 30_000;
const HOUR = 3_600_000;

function createLeases(
  { visibilityMs = VISIBILITY, longestMs = 12 * HOUR }: {
    visibilityMs?: number;
    longestMs?: number;
  } = {},
) {
  const clock = new VirtualClock();
  const scripted = scriptedReceiver({ clock, receive: () => Promise.resolve([]) });
  const { limits } = scripted;
  const queue = { ...limits.queue, visibilityMs: longestMs };
  const receiver: FaultyReceiver = { ...scripted, limits: { ...limits, queue } };
  const end = new AbortController();
  const leases = new Leases({ receiver, queue: "q", visibilityMs, clock, signal: end.signal });
  const start = clock.now();
  return {
    clock,
    receiver,
    leases,
    end,
    hold: (receipt = "r", options: Parameters<typeof deliveryOf>[1] = {}) =>
      leases.hold(deliveryOf(receipt, options)),
    /** When each extension was asked for, from the beginning. */
    extendedAt: () => receiver.of("extend").map(({ at }) => at - start),
    now: () => clock.now() - start,
  };
}

function receiptsOf(receiver: FaultyReceiver): string[][] {
  return receiver.of("extend").map(({ items }) => items.map(({ receipt }) => receipt));
}

function codeOf(lease: Lease): unknown {
  const { reason } = lease.signal;
  return reason instanceof MelangeError ? reason.code : reason;
}

describe("Leases", () => {
  it("extends at a third of the timeout, again and again, by the whole timeout", async () => {
    const { clock, receiver, hold, extendedAt } = createLeases();
    const lease = hold();
    await clock.advance(9_999);
    assertEquals(extendedAt(), []);
    await clock.advance(25_001);
    assertEquals(extendedAt(), [10_000, 20_000, 30_000]);
    assertEquals(receiver.of("extend")[0]?.items, [{ receipt: "r", ms: VISIBILITY }]);
    assert(!lease.lost && !lease.signal.aborted);
    assertEquals(lease.lockedUntil, clock.now() + 25_000);
  });

  it("extends those that fall due together in one request, ten at the most", async () => {
    const { clock, receiver, hold } = createLeases();
    for (let i = 0; i < 23; i++) hold(`r${i}`);
    await clock.advance(10_000);
    assertEquals(receiptsOf(receiver).map((receipts) => receipts.length), [10, 10, 3]);
    assertEquals(new Set(receiptsOf(receiver).flat()).size, 23);
  });

  it("lets extensions that are due a little later join", async () => {
    const { clock, receiver, hold } = createLeases();
    hold("a");
    await clock.advance(2_000);
    hold("b");
    await clock.advance(3_000);
    hold("late");
    await clock.advance(5_000);
    assertEquals(receiptsOf(receiver), [["a", "b"]]);
    await clock.advance(5_000);
    assertEquals(receiptsOf(receiver), [["a", "b"], ["late"]]);
  });

  it("counts the lock from the request, not from its answer", async () => {
    const { clock, receiver, hold, extendedAt } = createLeases();
    receiver.faults.extend = async (next) => {
      const results = await next();
      await new Promise<void>((resolve) => clock.after(4_000, resolve));
      return results;
    };
    const lease = hold();
    await clock.advance(14_000);
    assertEquals(lease.lockedUntil, clock.now() - 4_000 + VISIBILITY);
    await clock.advance(6_000);
    assertEquals(extendedAt(), [10_000, 20_000]);
  });

  it("never has two extensions of one receipt under way", async () => {
    const { clock, receiver, hold } = createLeases();
    const answers = [deferred(), deferred()];
    receiver.faults.extend = async (next) => {
      await answers[receiver.of("extend").length - 1]?.promise;
      return await next();
    };
    const lease = hold();
    await clock.advance(10_000);
    const both = Promise.all([lease.extend(60_000), lease.extend(90_000)]);
    await clock.advance(1_000);
    assertEquals(receiver.of("extend").length, 1);
    answers[0]?.resolve();
    await clock.advance(1_000);
    assertEquals(receiver.of("extend").length, 2);
    answers[1]?.resolve();
    await both;
    assertEquals(receiver.of("extend").map(({ items }) => items[0]?.ms), [30_000, 60_000, 90_000]);
    const calls = receiver.of("extend");
    for (const [index, call] of calls.entries()) {
      assert(call.at >= (calls[index - 1]?.endedAt ?? 0), "extensions must not overlap");
    }
    assertEquals(lease.lockedUntil, clock.now() + 90_000);
  });

  it("never has two extensions of one receipt under way when both are asked for at once", async () => {
    const { clock, receiver, hold } = createLeases();
    const answer = deferred();
    receiver.faults.extend = async (next) => {
      await answer.promise;
      return await next();
    };
    const lease = hold();
    const both = Promise.all([lease.extend(60_000), lease.extend(90_000)]);
    await clock.advance(0);
    assertEquals(receiver.of("extend").length, 1);
    answer.resolve();
    await both;
    assertEquals(receiver.of("extend").length, 2);
  });

  it("takes an older lock for lost when its message was received again while it was settled", async () => {
    const { hold } = createLeases();
    const older = hold("r1", { id: "m" });
    assert(await older.settle({ inOrder: true }));
    const newer = hold("r2", { id: "m" });
    older.resume();
    assertEquals([older.lost, newer.lost], [true, false]);
    hold("r3", { id: "m" });
    assert(newer.lost);
  });

  it("moves its timer only when a lock is due sooner, and has none when it holds nothing", async () => {
    const { clock, leases, hold, extendedAt } = createLeases();
    let timers = 0;
    const after = clock.after.bind(clock);
    clock.after = (ms, callback) => {
      timers += 1;
      return after(ms, callback);
    };
    const all = [hold("a"), ...Array.from({ length: 1_000 }, (_, i) => hold(`r${i}`))];
    assertEquals([timers, clock.pending], [1, 1]);
    const [first] = all;
    await first?.settle();
    await clock.advance(9_999);
    assertEquals([timers, extendedAt()], [1, []]);
    for (const lease of all.slice(1)) await lease.settle();
    assertEquals(clock.pending, 0);
    leases.abort(new MelangeError("STOPPED", "Cannot go on"));
    assert(!first?.signal.aborted);
  });

  it("extends nothing sooner because of a lock that is gone", async () => {
    const { clock, hold, extendedAt } = createLeases();
    const gone = hold("gone");
    await clock.advance(2_000);
    hold("r");
    await gone.settle();
    await clock.advance(9_999);
    assertEquals(extendedAt(), []);
    await clock.advance(1);
    assertEquals(extendedAt(), [12_000]);
  });

  it("extends by hand, and goes on by itself in time", async () => {
    const { clock, hold, extendedAt } = createLeases();
    const lease = hold();
    const result = await lease.extend(600_000);
    assert(result.ok);
    assertEquals(lease.lockedUntil, clock.now() + 600_000);
    await clock.advance(580_000);
    assertEquals(extendedAt(), [0, 580_000]);
    await lease.extend(5_000);
    await clock.advance(1);
    assertEquals(lease.lockedUntil, clock.now() - 1 + VISIBILITY);
  });

  it("tries a failed extension again while the lock lasts, then the lock is lost", async () => {
    const { clock, receiver, hold, extendedAt } = createLeases();
    receiver.faults.extend = refuseAll(failure("OUTCOME_UNKNOWN", { retryable: true }));
    const lease = hold();
    await clock.advance(VISIBILITY - 1);
    assertEquals(extendedAt(), [10_000, 13_000, 16_000, 19_000, 22_000, 25_000, 28_000]);
    assert(!lease.signal.aborted);
    await clock.advance(1);
    assert(lease.lost);
    assertEquals(codeOf(lease), "LOCK_LOST");
    assertEquals(clock.pending, 0);
  });

  it("survives failed extensions if one succeeds in time", async () => {
    const { clock, receiver, hold } = createLeases();
    receiver.faults.extend = () => Promise.reject(new TypeError("network"));
    const lease = hold();
    await clock.advance(25_000);
    receiver.faults.extend = undefined;
    await clock.advance(10_000);
    assert(!lease.lost);
  });

  it("waits as long as the service asks before it tries again, unless the lock ends sooner", async () => {
    const { clock, receiver, hold, extendedAt } = createLeases();
    receiver.faults.extend = refuseAll(
      failure("THROTTLED", { retryable: true, retryAfterMs: 12_000 }),
    );
    hold();
    await clock.advance(29_000);
    assertEquals(extendedAt(), [10_000, 22_000, 25_000, 28_000]);
  });

  it("takes an item that the service did not mention as failed", async () => {
    const { clock, receiver, hold, extendedAt } = createLeases();
    receiver.faults.extend = () => Promise.resolve([]);
    const lease = hold();
    await clock.advance(13_000);
    assertEquals(extendedAt(), [10_000, 13_000]);
    assertEquals(lease.lockedUntil, clock.now() + 17_000);
  });

  it("loses the lock at once when the service says so, and only that one", async () => {
    const { clock, receiver, hold } = createLeases();
    receiver.faults.extend = async (next) => {
      const [, ...others] = await next();
      return [{ ok: false, error: failure("LOCK_LOST") }, ...others];
    };
    const [lost, kept] = [hold("lost"), hold("kept")];
    await clock.advance(10_000);
    assertEquals([lost.lost, kept.lost], [true, false]);
    assertEquals([codeOf(lost), kept.signal.aborted], ["LOCK_LOST", false]);
    assertEquals(await lost.settle(), false);
    assert(!(await lost.extend(1_000)).ok);
  });

  it("loses the lock in time although an extension hangs", async () => {
    const { clock, receiver, hold } = createLeases();
    receiver.faults.extend = (_next, _queue, _items, options) => hang(options?.signal);
    const [lease, byHand] = [hold("a"), hold("b")];
    const extension = byHand.extend(60_000);
    await clock.advance(VISIBILITY);
    assertEquals([codeOf(lease), codeOf(byHand)], ["LOCK_LOST", "LOCK_LOST"]);
    assert(!(await extension).ok);
  });

  it("drops the older lock when the same message is received again", () => {
    const { hold } = createLeases();
    const [first, other] = [hold("r1", { id: "m" }), hold("r0", { id: "n" })];
    const second = hold("r2", { id: "m" });
    assertEquals([first.lost, second.lost, other.lost], [true, false, false]);
    assertEquals(codeOf(first), "LOCK_LOST");
  });

  it("keeps no time of deliveries without a lock", async () => {
    const { clock, receiver, hold } = createLeases();
    const lease = hold("r", { locked: false });
    assertEquals(clock.pending, 0);
    await clock.advance(VISIBILITY * 3);
    assertEquals([lease.lost, receiver.calls.length], [false, 0]);
    assertEquals(await lease.settle(), true);
  });

  it("never asks for more than twelve hours from the receive, and stops there", async () => {
    const { clock, receiver, hold } = createLeases({ visibilityMs: HOUR });
    const start = clock.now();
    const lease = hold();
    await clock.advance(11 * HOUR);
    receiver.calls.length = 0;
    let calls = 0;
    receiver.faults.extend = (next) => {
      calls += 1;
      return calls > 20 ? hang(undefined) : next();
    };
    await clock.advance(HOUR - 60_001);
    assert(calls <= 4, `an extension that changes nothing is repeated: ${calls} times`);
    for (const { at, items } of receiver.of("extend")) {
      assert(at + (items[0]?.ms ?? 0) <= start + 12 * HOUR);
    }
    assert(!lease.lost);
    assertEquals(lease.lockedUntil, start + 12 * HOUR - 60_000);
    await clock.advance(1);
    assertEquals(codeOf(lease), "LOCK_LOST");
    assertEquals(clock.pending, 0);
  });

  it("caps an extension by hand as well", async () => {
    const { clock, receiver, hold } = createLeases({ visibilityMs: HOUR });
    receiver.faults.extend = (next) => receiver.calls.length > 20 ? hang(undefined) : next();
    const lease = hold();
    await lease.extend(13 * HOUR);
    assertEquals(receiver.of("extend")[0]?.items[0]?.ms, 12 * HOUR - 60_000);
    await clock.advance(12 * HOUR - 60_000);
    assertEquals(receiver.of("extend").length, 1);
  });

  it("abort() tells the worker to end and keeps the lock", async () => {
    const { clock, leases, hold, extendedAt } = createLeases();
    const lease = hold();
    leases.abort(failure("STOPPED"));
    assertEquals([codeOf(lease), lease.lost], ["STOPPED", false]);
    await clock.advance(10_000);
    assertEquals(extendedAt(), [10_000]);
    assertEquals(await lease.settle(), true);
  });

  it("ends extensions under way with its signal, those by hand as well", async () => {
    const { clock, receiver, end, hold } = createLeases();
    receiver.faults.extend = (_next, _queue, _items, options) => hang(options?.signal);
    const lease = hold("a");
    await clock.advance(9_000);
    const byHand = hold("b").extend(60_000);
    await clock.advance(1_000);
    assertEquals(receiptsOf(receiver), [["b"], ["a"]]);
    end.abort(failure("STOPPED"));
    const result = await byHand;
    assertEquals(result.ok ? "ok" : result.error.code, "STOPPED");
    assertEquals(await lease.settle(), true);
  });

  it("lets extensions join that are due within a twelfth of the timeout, and no others", async () => {
    const { clock, receiver, hold } = createLeases();
    hold("a");
    await clock.advance(2_500);
    hold("b");
    await clock.advance(1);
    hold("late");
    await clock.advance(7_499);
    assertEquals(receiptsOf(receiver), [["a", "b"]]);
  });

  it("asks for no time at all where it is told to, or to less", async () => {
    const { receiver, hold } = createLeases();
    await hold("a").extend(0);
    await hold("b").extend(-5);
    assertEquals(receiver.of("extend").flatMap(({ items }) => items.map(({ ms }) => ms)), [0, 0]);
  });
});

describe("Lease.settle()", () => {
  it("stops extending, and leaves no timer", async () => {
    const { clock, receiver, hold } = createLeases();
    const lease = hold();
    assertEquals(await lease.settle(), true);
    assertEquals(clock.pending, 0);
    await clock.advance(VISIBILITY);
    assertEquals(receiver.calls.length, 0);
  });

  it("waits for an extension under way, and none begins after it", async () => {
    const { clock, receiver, hold } = createLeases();
    const answer = deferred();
    receiver.faults.extend = async (next) => {
      await answer.promise;
      return await next();
    };
    const lease = hold();
    await clock.advance(10_000);
    const later = lease.extend(60_000);
    const settled = lease.settle({ inOrder: true });
    const watched = watch(settled);
    await clock.advance(5_000);
    assertEquals(watched.state, "pending");
    answer.resolve();
    assertEquals(await settled, true);
    assert(!(await later).ok);
    await clock.advance(VISIBILITY);
    assertEquals(receiver.of("extend").length, 1);
  });

  it("is false when the extension under way tells that the lock is lost", async () => {
    const { clock, receiver, hold } = createLeases();
    const answer = deferred();
    receiver.faults.extend = async () => {
      await answer.promise;
      return [{ ok: false, error: failure("LOCK_LOST") }];
    };
    const lease = hold();
    await clock.advance(10_000);
    const settled = lease.settle({ inOrder: true });
    answer.resolve();
    assertEquals(await settled, false);
  });

  it("waits for an extension that hangs no longer than its time limit", async () => {
    const { clock, receiver, hold } = createLeases();
    receiver.faults.extend = () => new Promise(() => {});
    const lease = hold();
    await clock.advance(10_000);
    const settled = lease.settle({ inOrder: true });
    await clock.advance(VISIBILITY * 2 / 9);
    assertEquals(await settled, true);
  });

  it("waits for none where nothing is locked afterwards, and what that one says is ignored", async () => {
    for (const code of ["LOCK_LOST", "OUTCOME_UNKNOWN"]) {
      const { clock, receiver, hold } = createLeases();
      const answer = deferred();
      receiver.faults.extend = async () => {
        await answer.promise;
        return [{ ok: false, error: failure(code) }];
      };
      const lease = hold();
      await clock.advance(10_000);
      assertEquals(await lease.settle(), true);
      answer.resolve();
      await clock.advance(VISIBILITY);
      assertEquals([lease.lost, lease.signal.aborted, clock.pending], [false, false, 0]);
      assertEquals(receiver.of("extend").length, 1);
    }
  });

  it("is false when the time of the lock is over", async () => {
    const { clock, receiver, hold } = createLeases();
    receiver.faults.extend = refuseAll(failure("OUTCOME_UNKNOWN", { retryable: true }));
    const lease = hold();
    await clock.advance(VISIBILITY);
    assertEquals(await lease.settle(), false);
  });

  it("is undone by resume()", async () => {
    const { clock, hold, extendedAt } = createLeases();
    const lease = hold();
    await lease.settle();
    await clock.advance(12_000);
    lease.resume();
    await clock.advance(0);
    assertEquals(extendedAt(), [12_000]);
    assert((await lease.extend(1_000)).ok);
  });
});

describe("an extension that hangs", () => {
  for (const visibilityMs of [1_000, 6_000, 30_000]) {
    it(`may do so twice before a lock of ${visibilityMs} ms ends`, async () => {
      const { clock, receiver, hold } = createLeases({ visibilityMs });
      receiver.faults.extend = (next) =>
        receiver.of("extend").length <= 2 ? new Promise(() => {}) : next();
      const lease = hold();
      await clock.advance(visibilityMs * 0.9);
      assertEquals([receiver.of("extend").length, lease.lost], [3, false]);
      await clock.advance(visibilityMs * 0.5);
      assertEquals(lease.lost, false);
    });
  }

  it("is ended by its signal, and its answer is not believed any more", async () => {
    const { clock, receiver, hold } = createLeases();
    const late = deferred();
    let signal: AbortSignal | undefined;
    receiver.faults.extend = async (next, _queue, _items, options) => {
      if (receiver.of("extend").length > 1) return [{ ok: false, error: failure("THROTTLED") }];
      signal = options?.signal;
      await late.promise;
      return await next();
    };
    const lease = hold();
    const end = clock.now() + VISIBILITY;
    await clock.advance(20_000);
    assert(signal?.aborted);
    late.resolve();
    await clock.advance(0);
    assertEquals(lease.lockedUntil, end);
  });

  it("by hand takes no longer than that either, and says so", async () => {
    const { clock, receiver, hold } = createLeases({ visibilityMs: 6_000 });
    receiver.faults.extend = () => new Promise(() => {});
    const lease = hold();
    const extended = lease.extend(60_000);
    await clock.advance(1_400);
    const result = await extended;
    assertEquals(!result.ok && result.error.code, "TIMEOUT");
    assertEquals(lease.lost, false);
  });

  for (const how of ["hang", "fail"]) {
    it(`may do so twice before a lock of ten minutes by hand ends: ${how}`, async () => {
      const { clock, receiver, hold } = createLeases();
      const lease = hold();
      await lease.extend(600_000);
      receiver.faults.extend = (next) => {
        if (receiver.of("extend").length > 3) return next();
        const error = failure("THROTTLED", { retryable: true });
        return how === "hang" ? new Promise(() => {}) : Promise.resolve([{ ok: false, error }]);
      };
      await clock.advance(599_000);
      assertEquals([receiver.of("extend").length > 3, lease.lost], [true, false]);
      await clock.advance(60_000);
      assertEquals(lease.lost, false);
    });
  }

  for (const retryAfterMs of [25_000, 3_600_000, Infinity]) {
    it(`is tried once more before the lock ends, asked to wait ${retryAfterMs} ms`, async () => {
      const { clock, receiver, hold, extendedAt } = createLeases();
      const error = failure("THROTTLED", { retryable: true, retryAfterMs });
      receiver.faults.extend = (next) =>
        receiver.of("extend").length > 1 ? next() : Promise.resolve([{ ok: false, error }]);
      const lease = hold();
      await clock.advance(60_000);
      assertEquals(extendedAt().slice(0, 2).map(Math.floor), [10_000, 23_333]);
      assertEquals(lease.lost, false);
    });
  }

  it("of a lock that is kept for hours takes ten seconds at the most", async () => {
    const { clock, receiver, hold } = createLeases({ visibilityMs: 6 * HOUR });
    receiver.faults.extend = () => new Promise(() => {});
    hold();
    await clock.advance(2 * HOUR);
    const settled = watch(hold("other").settle({ inOrder: true }));
    await clock.advance(10_000);
    assertEquals(settled.state, "done");
  });
});

describe("a service that locks no longer than", () => {
  for (const longestMs of [30_000, 60_000, 120_000]) {
    it(`${longestMs} ms is asked for what it gives, and never for nothing`, async () => {
      const { clock, receiver, hold } = createLeases({ visibilityMs: 20_000, longestMs });
      const lease = hold();
      await clock.advance(1_000);
      assert((await lease.extend(10_000)).ok);
      assertEquals(receiver.of("extend")[0]?.items[0]?.ms, 10_000);
      await clock.advance(longestMs * 0.8);
      assertEquals(lease.lost, false);
      const asked = receiver.of("extend").flatMap(({ items }) => items.map(({ ms = 0 }) => ms));
      assert(asked.every((ms) => ms > 0));
    });
  }

  it("it is locked already refuses more, and the lock goes on", async () => {
    const { clock, receiver, hold } = createLeases({ visibilityMs: 30_000, longestMs: 30_000 });
    const lease = hold();
    await clock.advance(28_000);
    const result = await lease.extend(10_000);
    assertEquals(!result.ok && result.error.code, "REFUSED");
    assertEquals([receiver.of("extend").length, lease.lost], [0, false]);
  });
});

describe("a receiver that answers an extension with nonsense", () => {
  const answers: [string, () => unknown][] = [
    ["nothing", () => Promise.resolve(undefined)],
    ["no array", () => Promise.resolve({ ok: true })],
    ["no result", () => Promise.resolve([5])],
    ["a result without an error", () => Promise.resolve([{ ok: false }])],
    ["an error that is none", () => Promise.resolve([{ ok: false, error: "down" }])],
    ["no promise", () => [{ ok: false }]],
  ];
  for (const [what, answer] of answers) {
    it(`has failed, and is asked again: ${what}`, async () => {
      const { clock, receiver, hold, extendedAt } = createLeases();
      receiver.faults.extend = answer as never;
      const lease = hold();
      await clock.advance(13_000);
      assertEquals(extendedAt(), [10_000, 13_000]);
      assertEquals(lease.lost, false);
    });
  }

  it("has failed: a thrown proxy, at once", async () => {
    const { clock, receiver, hold, extendedAt } = createLeases();
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    receiver.faults.extend = () => {
      throw proxy;
    };
    hold();
    await clock.advance(13_000);
    assertEquals(extendedAt(), [10_000, 13_000]);
  });
});
