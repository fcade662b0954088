/** Workers on a real broker, behind a network that fails at the worst moment. */
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { sleep } from "../wait.ts";
import { type Laboratory, openLaboratory } from "./laboratory.ts";
import { OURS } from "./programs.ts";
import { type Effect, readRecords } from "./records.ts";
import { together } from "./together.ts";

/** The time that a process takes to end once nothing keeps it alive, on a busy machine. */
const EXIT_MS = 5_000;
/** The time that a scenario may take to get where it begins, on a busy machine. */
const PATIENCE_MS = 30_000;

describe("a worker", () => {
  const resultOf = together({
    slow: runSlowHandlers,
    stopped: () => runStopped("calm"),
    stoppedDown: () => runStopped("down"),
    stoppedHanging: () => runStopped("hanging"),
    forced: runForced,
    outage: runOutage,
  });

  it("keeps the locks of handlers that take three visibility timeouts: each event once", () => {
    const { effects, extensions } = resultOf("slow");
    assertEquals(effects.toSorted(), ["event-0", "event-1", "event-2", "event-3"]);
    assert(extensions >= 2, `${extensions} extensions`);
  });

  it("starts no receive from 300 ms after SIGTERM on, finishes its work, and gives back the rest", () => {
    const { lateReceives, started, finished, exitCode, exitMs, left } = resultOf("stopped");
    assertEquals(lateReceives, 0);
    assert(started.length >= 4, `${started}`);
    assertEquals(finished, started);
    assertEquals(exitCode, 0);
    assert(exitMs <= 4_000, `${exitMs} ms`);
    assertEquals(left, { available: 12 - finished.length, inFlight: 0 });
  });

  for (const [network, scenario] of [["down", "stoppedDown"], ["hanging", "stoppedHanging"]]) {
    it(`ends within its drain time while the network is ${network}, its work finished`, () => {
      const { lateReceives, started, finished, exitCode, exitMs } = resultOf(
        scenario as "stoppedDown" | "stoppedHanging",
      );
      assertEquals(lateReceives, 0);
      assertEquals(finished, started);
      assertEquals(exitCode, 0);
      assert(exitMs <= 4_000 + EXIT_MS, `${exitMs} ms`);
    });
  }

  it("gives back what it holds and ends at the second SIGTERM", () => {
    const { exitCode, exitMs, available } = resultOf("forced");
    assertEquals(exitCode, 0);
    assert(exitMs <= EXIT_MS, `${exitMs} ms`);
    assertEquals(available, 1);
  });

  it("works again at once when an outage is over, and does not hammer during it", () => {
    const { requests, recoveredMs, handled } = resultOf("outage");
    assertEquals(handled, 20);
    assert(requests >= 3 && requests <= 40, `${requests} requests in 3 s`);
    assert(recoveredMs <= 1_500, `${recoveredMs} ms`);
  });
});

async function runSlowHandlers() {
  await using lab = await openLaboratory({
    settings: { handlerMs: [6_000, 6_000], visibilityMs: 2_000, concurrency: 4 },
  });
  await lab.publish(0, 4);
  await lab.start("one", OURS.worker);
  const { process } = await lab.start("two", OURS.worker);
  await process.until(async () => {
    const { available, inFlight } = await lab.count();
    return available + inFlight === 0;
  }, { what: "an empty queue", ms: PATIENCE_MS });
  const extensions = ["one", "two"].flatMap((name) =>
    lab.proxy.requests(name, "ChangeMessageVisibilityBatch")
  );
  return {
    effects: ["one", "two"].flatMap((name) => keysOf(lab, name, "effect")),
    extensions: extensions.length,
  };
}

async function runStopped(network: "calm" | "down" | "hanging") {
  await using lab = await openLaboratory({
    settings: { handlerMs: [1_500, 1_500], concurrency: 4, drainMs: 4_000 },
  });
  await lab.publish(0, 12);
  const { process } = await lab.start("one", OURS.worker);
  const hasWorked = () => keysOf(lab, "one", "effect").length > 0;
  await process.until(hasWorked, { what: "an effect", ms: PATIENCE_MS });
  if (network !== "calm") lab.proxy[network] = true;
  process.kill("SIGTERM");
  const signalledAt = Date.now();
  const { code: exitCode } = await process.ended();
  const exitMs = Date.now() - signalledAt;
  const { available, inFlight } = await lab.count();
  return {
    lateReceives: lab.proxy.requests("one", "ReceiveMessage")
      .filter(({ at }) => at > signalledAt + 300).length,
    started: keysOf(lab, "one", "start").toSorted(),
    finished: keysOf(lab, "one", "effect").toSorted(),
    exitCode,
    exitMs,
    left: { available, inFlight },
  };
}

async function runForced() {
  await using lab = await openLaboratory({
    settings: { handlerMs: [60_000, 60_000], concurrency: 4, drainMs: 60_000 },
  });
  await lab.publish(0, 1);
  const { process } = await lab.start("one", OURS.worker);
  const hasBegun = () => keysOf(lab, "one", "start").length > 0;
  await process.until(hasBegun, { what: "a handler to start", ms: PATIENCE_MS });
  process.kill("SIGTERM");
  await sleep(500);
  process.kill("SIGTERM");
  const signalledAt = Date.now();
  const { code: exitCode } = await process.ended();
  const { available } = await lab.count();
  return { exitCode, exitMs: Date.now() - signalledAt, available };
}

async function runOutage() {
  await using lab = await openLaboratory();
  const { process } = await lab.start("one", OURS.worker);
  const hasAsked = () => lab.proxy.requests("one", "ReceiveMessage").length > 0;
  await process.until(hasAsked, { what: "a receive", ms: PATIENCE_MS });
  lab.proxy.down = true;
  await lab.publish(0, 20);
  const before = lab.proxy.requests("one").length;
  await sleep(3_000);
  const requests = lab.proxy.requests("one").length - before;
  lab.proxy.down = false;
  const upAt = Date.now();
  const effects = () => keysOf(lab, "one", "effect").length;
  await process.until(() => effects() === 20, {
    what: "20 effects",
    ms: PATIENCE_MS,
    saw: effects,
  });
  const first = Math.min(...readRecords<Effect>(lab.logOf("one")).map(({ at }) => at));
  return { requests, recoveredMs: first - upAt, handled: keysOf(lab, "one", "effect").length };
}

function keysOf({ logOf }: Laboratory, name: string, step: Effect["step"]): string[] {
  return readRecords<Effect>(logOf(name)).flatMap((effect) =>
    effect.step === step ? [effect.key] : []
  );
}
