import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { VirtualClock } from "../../../backends/memory/testing.ts";
import type { SettleResult } from "../../../src/backend.ts";
import { Leases } from "../../../src/consume/leases.ts";
import { createRetryBudget } from "../../../src/support/retry.ts";
import { Settler } from "../../../src/consume/settler.ts";
import { deliveryOf, failure, hang, refuseAll, scriptedReceiver } from "../../fakes/receiver.ts";
import { watch } from "../../fakes/world.ts";

const VISIBILITY = 30_000;
const LATER = failure("OUTCOME_UNKNOWN", { retryable: true });

function createSettler({ withoutDeadLetter = false, lingerMs = 20, alone = false } = {}) {
  const clock = new VirtualClock();
  const receiver = scriptedReceiver({ clock, receive: () => Promise.resolve([]) });
  const { deadLetter: _, ...without } = receiver;
  const end = new AbortController();
  const shared = { queue: "q", clock, signal: end.signal };
  const leases = new Leases({ receiver, visibilityMs: VISIBILITY, ...shared });
  const settler = new Settler({
    receiver: withoutDeadLetter ? without : receiver,
    lingerMs,
    alone: () => alone,
    random: () => 0.5,
    budget: createRetryBudget({ clock }),
    ...shared,
  });
  const hold = (receipt = "r") => leases.hold(deliveryOf(receipt));
  return { clock, receiver, settler, hold, end, start: clock.now() };
}

function outcomeOf(result: SettleResult): string {
  return result.ok ? "ok" : result.error.code;
}

describe("Settler", () => {
  it("acknowledges ten in one request at once, the rest after the linger", async () => {
    const { clock, receiver, settler, hold, start } = createSettler();
    const results = Array.from({ length: 13 }, (_, i) => settler.acknowledge(hold(`r${i}`)));
    await clock.advance(19);
    assertEquals(receiver.calls.map(({ items }) => items.length), [10]);
    await clock.advance(1);
    assertEquals(receiver.calls.map(({ at, items }) => [at - start, items.length]), [
      [0, 10],
      [20, 3],
    ]);
    assertEquals((await Promise.all(results)).map(outcomeOf), Array(13).fill("ok"));
    assertEquals(clock.pending, 0);
  });

  it("waits for no others where there are none, but for those of the same turn", async () => {
    const { clock, receiver, settler, hold } = createSettler({ alone: true });
    const all = Promise.all(["a", "b", "c"].map((receipt) => settler.release(hold(receipt), 0)));
    await clock.advance(0);
    await all;
    assertEquals(receiver.calls.map(({ items }) => items.length), [3]);
  });

  it("makes dead letters wait for none but those of the same turn", async () => {
    const { clock, receiver, settler, hold } = createSettler({ lingerMs: 1_000 });
    const copy = { body: "b", attributes: {} };
    const all = Promise.all(["a", "b"].map((receipt) => settler.deadLetter(hold(receipt), copy)));
    await clock.advance(0);
    await all;
    assertEquals(receiver.calls.map(({ items }) => items.length), [2]);
  });

  it("hurry() sends what waits, each kind in requests of its own", async () => {
    const { clock, receiver, settler, hold } = createSettler({ lingerMs: 1_000 });
    const all = Promise.all([
      settler.acknowledge(hold("a1")),
      settler.acknowledge(hold("a2")),
      settler.release(hold("b"), 5_000),
    ]);
    await clock.advance(0);
    assertEquals(receiver.calls.length, 0);
    settler.hurry();
    assertEquals((await all).map(outcomeOf), ["ok", "ok", "ok"]);
    assertEquals(receiver.calls.map(({ verb, items }) => [verb, items.length]), [
      ["acknowledge", 2],
      ["release", 1],
    ]);
    assertEquals(receiver.of("release")[0]?.items, [{ receipt: "b", ms: 5_000 }]);
  });

  it("tries only the failed entries again", async () => {
    const { clock, receiver, settler, hold } = createSettler();
    receiver.faults.acknowledge = async (next, _queue, receipts) => {
      const results = await next();
      if (receiver.of("acknowledge").length > 1) return results;
      return receipts.map((receipt) =>
        receipt === "r1" ? { ok: false, error: LATER } : { ok: true }
      );
    };
    const results = ["r0", "r1", "r2"].map((receipt) => settler.acknowledge(hold(receipt)));
    await clock.advance(1_000);
    assertEquals((await Promise.all(results)).map(outcomeOf), ["ok", "ok", "ok"]);
    assertEquals(receiver.calls.map(({ items }) => items.map(({ receipt }) => receipt)), [
      ["r0", "r1", "r2"],
      ["r1"],
    ]);
  });

  for (const verb of ["acknowledge", "release", "deadLetter"] as const) {
    it(`lets one bad receipt spoil no others where the whole request is refused (${verb})`, async () => {
      const { clock, receiver, settler, hold } = createSettler();
      receiver.faults[verb] = (next: () => Promise<SettleResult[]>) => {
        const bad = receiver.of(verb).at(-1)?.items.some(({ receipt }) => receipt === "r3");
        return bad ? Promise.reject(failure("INVALID_MESSAGE")) : next();
      };
      const copy = { body: "b", attributes: {} };
      const leases = Array.from({ length: 8 }, (_, i) => hold(`r${i}`));
      const results = leases.map((lease) =>
        verb === "acknowledge"
          ? settler.acknowledge(lease)
          : verb === "release"
          ? settler.release(lease, 0)
          : settler.deadLetter(lease, copy)
      );
      await clock.advance(1_000);
      const outcomes = (await Promise.all(results)).map(outcomeOf);
      assertEquals(outcomes, leases.map((_, i) => i === 3 ? "INVALID_MESSAGE" : "ok"));
    });
  }

  it("takes an entry that the service did not mention as failed, and tries it again", async () => {
    const { clock, receiver, settler, hold } = createSettler();
    receiver.faults.acknowledge = (next) =>
      receiver.of("acknowledge").length > 1 ? next() : Promise.resolve([{ ok: true }]);
    const results = ["r0", "r1"].map((receipt) => settler.acknowledge(hold(receipt)));
    await clock.advance(1_000);
    assertEquals((await Promise.all(results)).map(outcomeOf), ["ok", "ok"]);
    assertEquals(receiver.calls.at(-1)?.items, [{ receipt: "r1" }]);
  });

  it("tries as long as the lock lasts and not longer", async () => {
    const { clock, receiver, settler, hold, start } = createSettler();
    receiver.faults.acknowledge = () => Promise.reject(LATER);
    const settled = settler.acknowledge(hold());
    const watched = watch(settled);
    await clock.advance(VISIBILITY - 3_000);
    assertEquals(watched.state, "pending");
    await clock.advance(3_000);
    assertEquals(outcomeOf(await settled), "OUTCOME_UNKNOWN");
    const times = receiver.calls.map(({ at }) => at - start);
    assert(times.length > 10 && times.length < 100, `${times.length} attempts`);
    assert(times.every((at) => at < VISIBILITY), "an attempt after the lock had ended");
    assertEquals(clock.pending, 0);
  });

  it("leaves out of a repeated request what is not locked any more", async () => {
    const { clock, receiver, settler, hold } = createSettler();
    receiver.faults.acknowledge = (next) =>
      receiver.of("acknowledge").length < 3
        ? refuseAll(failure("THROTTLED", { retryable: true, retryAfterMs: 10_000 }))(
          next,
          "q",
          receiver.calls.at(-1)?.items ?? [],
        )
        : next();
    const old = hold("old");
    receiver.faults.extend = refuseAll(LATER);
    await clock.advance(15_000);
    const results = [settler.acknowledge(old), settler.acknowledge(hold("new"))];
    await clock.advance(25_000);
    assertEquals((await Promise.all(results)).map(outcomeOf), ["LOCK_LOST", "ok"]);
    assertEquals(
      receiver.of("acknowledge").map(({ items }) => items.map(({ receipt }) => receipt)),
      [["old", "new"], ["old", "new"], ["new"]],
    );
  });

  it("gives up at once what will never succeed", async () => {
    const { clock, receiver, settler, hold } = createSettler();
    receiver.faults.acknowledge = refuseAll(failure("ACCESS_DENIED"));
    const settled = settler.acknowledge(hold());
    await clock.advance(20);
    assertEquals(outcomeOf(await settled), "ACCESS_DENIED");
    assertEquals(receiver.calls.length, 1);
  });

  it("settles nothing whose lock is lost", async () => {
    const { clock, receiver, settler, hold } = createSettler();
    receiver.faults.extend = refuseAll(failure("LOCK_LOST"));
    const leases = [hold("a"), hold("b"), hold("c")] as const;
    await clock.advance(10_000);
    const all = Promise.all([
      settler.acknowledge(leases[0]),
      settler.release(leases[1], 0),
      settler.deadLetter(leases[2], { body: "b", attributes: {} }),
    ]);
    await clock.advance(1_000);
    assertEquals((await all).map(outcomeOf), ["LOCK_LOST", "LOCK_LOST", "LOCK_LOST"]);
    assertEquals(receiver.calls.filter(({ verb }) => verb !== "extend"), []);
  });

  it("extends nothing from the moment of settling", async () => {
    const { clock, receiver, settler, hold } = createSettler();
    receiver.faults.acknowledge = () => Promise.reject(LATER);
    void settler.acknowledge(hold());
    await clock.advance(VISIBILITY);
    assertEquals(receiver.of("extend"), []);
  });

  it("never hides a message beyond twelve hours from its receive", async () => {
    const { clock, receiver, settler, hold } = createSettler({ lingerMs: 0 });
    const lease = hold();
    await lease.extend(11 * 3_600_000);
    await clock.advance(8 * 3_600_000);
    await settler.release(lease, 6 * 3_600_000);
    assertEquals(receiver.of("release")[0]?.items[0]?.ms, 4 * 3_600_000);
  });

  it("ends what is under way with its signal", async () => {
    const { clock, receiver, settler, hold, end } = createSettler();
    receiver.faults.acknowledge = (_next, _queue, _items, options) => hang(options?.signal);
    const settled = settler.acknowledge(hold());
    await clock.advance(5_000);
    end.abort(failure("STOPPED"));
    assertEquals(outcomeOf(await settled), "STOPPED");
    assertEquals(clock.pending, 0);
  });

  it("tells that a backend has no dead-letter queues", async () => {
    const { clock, settler, hold } = createSettler({ withoutDeadLetter: true });
    const settled = settler.deadLetter(hold(), { body: "b", attributes: {} });
    await clock.advance(20);
    assertEquals(outcomeOf(await settled), "UNSUPPORTED");
  });

  it("keeps the requests of dead letters within the bytes that one may take", async () => {
    const { clock, receiver, settler, hold } = createSettler();
    const copy = { body: "x".repeat(400_000), attributes: {} };
    const all = Promise.all(["a", "b", "c"].map((it) => settler.deadLetter(hold(it), copy)));
    await clock.advance(20);
    await all;
    assertEquals(receiver.of("deadLetter").map(({ items }) => items.length), [2, 1]);
  });

  for (const verb of ["acknowledge", "release", "deadLetter"] as const) {
    it(`hands its signal to a request of ${verb}, and so ends it`, async () => {
      const { clock, receiver, settler, hold, end } = createSettler();
      receiver.faults.acknowledge = (_next, _queue, _items, options) => hang(options?.signal);
      receiver.faults.release = (_next, _queue, _items, options) => hang(options?.signal);
      receiver.faults.deadLetter = (_next, _queue, _items, options) => hang(options?.signal);
      const lease = hold();
      const settled = verb === "acknowledge"
        ? settler.acknowledge(lease)
        : verb === "release"
        ? settler.release(lease, 0)
        : settler.deadLetter(lease, { body: "b", attributes: {} });
      await clock.advance(20);
      const { signal } = receiver.of(verb)[0]!.options;
      assertEquals(signal?.aborted, false);
      end.abort(failure("STOPPED"));
      assertEquals(signal?.reason.code, "STOPPED");
      assertEquals(outcomeOf(await settled), "STOPPED");
      assertEquals(clock.pending, 0);
    });
  }

  it("pauses between tries, longer each time, up to a second", async () => {
    const { clock, receiver, settler, hold, start } = createSettler({ lingerMs: 0 });
    receiver.faults.acknowledge = refuseAll(LATER);
    void settler.acknowledge(hold());
    await clock.advance(3_000);
    const times = receiver.calls.map(({ at }) => at - start);
    const pauses = times.map((at, index) => at - (times[index - 1] ?? 0));
    assertEquals(pauses.slice(0, 9), [0, 25, 50, 100, 200, 400, 500, 500, 500]);
  });

  it("ends the pause before another try with its signal", async () => {
    const { clock, receiver, settler, hold, end } = createSettler({ lingerMs: 0 });
    receiver.faults.release = refuseAll(failure("THROTTLED", {
      retryable: true,
      retryAfterMs: 10_000,
    }));
    const watched = watch(settler.release(hold(), 0));
    await clock.advance(1_000);
    assertEquals([watched.state, receiver.calls.length], ["pending", 1]);
    end.abort(failure("STOPPED"));
    await clock.advance(0);
    assertEquals([watched.state, receiver.calls.length], ["done", 1]);
  });

  it("has sixteen requests of a kind under way, and no more", async () => {
    const { clock, receiver, settler, hold, end } = createSettler({ lingerMs: 0 });
    receiver.faults.acknowledge = (_next, _queue, _items, options) => hang(options?.signal);
    for (let n = 0; n < 170; n++) void settler.acknowledge(hold(`r${n}`));
    await clock.advance(100);
    assertEquals(receiver.of("acknowledge").length, 16);
    end.abort(failure("STOPPED"));
    await clock.advance(0);
  });

  it("gives back at once what is to come again after 0 ms or less", async () => {
    const { clock, receiver, settler, hold } = createSettler({ lingerMs: 0 });
    await Promise.all([settler.release(hold("a"), 0), settler.release(hold("b"), -5)]);
    await clock.advance(0);
    assertEquals(receiver.of("release").flatMap(({ items }) => items.map(({ ms }) => ms)), [0, 0]);
  });
});
