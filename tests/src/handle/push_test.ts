import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { MemoryBackend } from "../../../backends/memory/mod.ts";
import { VirtualClock } from "../../../backends/memory/testing.ts";
import type { Sender, SendResult } from "../../../src/backend.ts";
import type { Outcome } from "../../../src/handle/dispatch.ts";
import { Dispatcher } from "../../../src/handle/dispatcher.ts";
import type { Handler } from "../../../src/handle/handler.ts";
import {
  deadLetterTo,
  dispatchAll,
  type DispatchAllOptions,
  type PushRecord,
} from "../../../src/handle/push.ts";
import { DeadLetter, MelangeError } from "../../../src/support/errors.ts";
import { deadLetterFactsOf } from "../../../src/wire/dead_letter.ts";
import { deferred, Job, recordingLogger } from "../../fakes/world.ts";

function record(id: string, group?: string): PushRecord {
  const attributes = { manifest: "Job" };
  const message = { id, body: '{"n":1}', attributes, sentAt: new Date(0), attempt: 1 };
  return { queue: "q", message, group };
}

/** A dispatcher with one handler, the ids that it started, and what was logged. */
function setUp(handle: Handler = () => {}) {
  const log = recordingLogger();
  const started: string[] = [];
  const dispatcher = new Dispatcher({ logger: log });
  dispatcher.subscribe(Job, (event, context) => {
    started.push(context.message.id);
    return handle(event, context);
  });
  const run = async (
    records: PushRecord[],
    options?: DispatchAllOptions,
  ) => (await dispatchAll(dispatcher, records, options));
  return { log, started, run };
}

function failing(...ids: string[]): Handler {
  return (_, { message }) => {
    if (ids.includes(message.id)) throw new Error("boom");
  };
}

const kinds = (outcomes: Outcome[]) => outcomes.map(({ outcome }) => outcome);

function errorOf(outcome: Outcome | undefined): unknown {
  return outcome?.outcome === "retry" ? outcome.error : undefined;
}

describe("dispatchAll()", () => {
  it("gives one outcome per record, in order", async () => {
    const { run } = setUp((_, { message }) => {
      if (message.id === "b") throw new Error("boom");
      if (message.id === "c") throw new DeadLetter("broken");
    });
    const outcomes = await run([record("a"), record("b"), record("c"), record("d")]);
    assertEquals(kinds(outcomes), ["acknowledge", "retry", "deadLetter", "acknowledge"]);
    assertEquals(await run([]), []);
  });

  it("hands the queue and the host's hooks to the handlers", async () => {
    const publisher = { publish: () => Promise.reject(), publishAll: () => Promise.reject() };
    const { run } = setUp((_, context) => {
      assertEquals([context.queue, context.publisher], ["q", publisher]);
    });
    assertEquals(kinds(await run([record("a")], { publisher })), ["acknowledge"]);
  });

  it("handles a group in order, one at a time, and groups at once", async () => {
    const first = deferred<void>();
    const { run, started } = setUp((_, { message }) =>
      message.id === "a1" ? first.promise : undefined
    );
    const running = run([record("a1", "a"), record("a2", "a"), record("b1", "b"), record("x")]);
    await new Promise((resolve) => setTimeout(resolve, 0));
    assertEquals(started, ["a1", "b1", "x"]);
    first.resolve();
    await running;
    assertEquals(started, ["a1", "b1", "x", "a2"]);
  });

  it("does not start what follows a failure in its group, and does not count that as a try", async () => {
    const { run, started } = setUp(failing("a1"));
    const outcomes = await run([record("a1", "a"), record("a2", "a"), record("b1", "b")]);
    assertEquals(kinds(outcomes), ["retry", "retry", "acknowledge"]);
    assertEquals(started, ["a1", "b1"]);
    const [failed, waiting] = outcomes;
    assert(failed?.outcome === "retry" && !failed.uncounted);
    assert(waiting?.outcome === "retry" && waiting.uncounted);
    assertInstanceOf(waiting.error, MelangeError);
    assertEquals([waiting.error.code, waiting.error.retryable], ["STOPPED", true]);
  });

  it("goes on with a group behind what is dead-lettered", async () => {
    const { run, started } = setUp((_, { message }) => {
      if (message.id === "a1") throw new DeadLetter("broken");
    });
    assertEquals(kinds(await run([record("a1", "a"), record("a2", "a")])), [
      "deadLetter",
      "acknowledge",
    ]);
    assertEquals(started, ["a1", "a2"]);
  });

  it("handles as many at once as it is told", async () => {
    let running = 0;
    let most = 0;
    const { run } = setUp(async () => {
      most = Math.max(most, ++running);
      await Promise.resolve();
      running -= 1;
    });
    const records = ["a", "b", "c", "d", "e"].map((id) => record(id));
    await run(records, { concurrency: 2 });
    assertEquals(most, 2);
    await run(records);
    assertEquals(most, 5);
  });

  for (const concurrency of [0, 1.5, -1, NaN, "2"]) {
    it(`refuses ${concurrency} at once`, async () => {
      const { run } = setUp();
      const options = { concurrency } as DispatchAllOptions;
      await assertRejects(() => run([record("a")], options), RangeError, "an integer, 1 or more");
    });
  }

  it("logs a malformed record with its place, and retries it and what follows in its group", async () => {
    const { run, log, started } = setUp();
    const malformed = { queue: "q", message: undefined, id: "m-1", wrong: "body", group: "a" };
    const outcomes = await run([malformed, record("a2", "a"), record("x")]);
    assertEquals(kinds(outcomes), ["retry", "retry", "acknowledge"]);
    assertEquals(started, ["x"]);
    assertEquals(log.lines.length, 1);
  });

  it("ends at once when the signal aborts, and starts nothing more", async () => {
    const controller = new AbortController();
    const { run, started } = setUp(() => new Promise(() => {}));
    const records = [record("a1", "a"), record("a2", "a"), record("b")];
    const running = run(records, { signal: controller.signal, concurrency: 1 });
    await new Promise((resolve) => setTimeout(resolve, 0));
    const reason = new MelangeError("STOPPED", "over");
    controller.abort(reason);
    const outcomes = await running;
    assertEquals(outcomes.map(errorOf), [reason, reason, reason]);
    assertEquals(started, ["a1"]);
    assert(outcomes.every((outcome) => outcome.outcome === "retry" && outcome.uncounted));
  });
});

describe("dispatchAll() with what is dead-lettered", () => {
  const dead: Handler = (_, { message }) => {
    if (message.id === "a1") throw new DeadLetter("broken");
  };
  const records = [record("a1", "a"), record("a2", "a")];

  it("hands over the message with its facts, and goes on when it is stored", async () => {
    const { run } = setUp(dead);
    const moved: unknown[] = [];
    const outcomes = await run(records, {
      deadLetter: (message, { reason }) => Promise.resolve(moved.push([message.id, reason]) === 1),
    });
    assertEquals(kinds(outcomes), ["deadLetter", "acknowledge"]);
    assertEquals(moved, [["a1", "broken"]]);
  });

  it("retries what is not stored, and what follows in its group", async () => {
    const { run, started, log } = setUp(dead);
    const outcomes = await run(records, { deadLetter: () => Promise.resolve(false) });
    assertEquals(kinds(outcomes), ["retry", "retry"]);
    assertEquals(started, ["a1"]);
    assertEquals(log.at("error"), []);
  });

  for (
    const [how, deadLetter] of [
      ["rejects", () => Promise.reject(new Error("down"))],
      ["throws", () => {
        throw new Error("down");
      }],
    ] as const
  ) {
    it(`retries, loudly, when the dead-letter queue ${how}`, async () => {
      const { run, log } = setUp(dead);
      assertEquals(kinds(await run(records, { deadLetter })), ["retry", "retry"]);
      assertEquals(log.at("error").length, 1);
    });
  }

  it("waits no longer than its signal for a dead-letter queue that never answers", async () => {
    const controller = new AbortController();
    const { run } = setUp(dead);
    const deadLetter = () => {
      queueMicrotask(() => controller.abort());
      return new Promise<boolean>(() => {});
    };
    const outcomes = await run(records, { deadLetter, signal: controller.signal });
    assertEquals(kinds(outcomes), ["retry", "retry"]);
  });
});

describe("deadLetterTo()", () => {
  const dead: Handler = () => {
    throw new DeadLetter("broken");
  };

  it("stores a copy with the facts", async () => {
    const backend = new MemoryBackend();
    await backend.declareQueue("dlq");
    const { run } = setUp(dead);
    await run([record("a")], { deadLetter: deadLetterTo(backend, "dlq") });
    const [delivery] = await backend.receive("dlq", { max: 1, waitMs: 0, visibilityMs: 1_000 });
    assert(delivery);
    assertEquals(deadLetterFactsOf(delivery.message), {
      reason: "broken",
      queue: "q",
      attempts: 1,
    });
  });

  /** A sender whose results are these, one after the other. */
  function scripted(...results: SendResult[][]) {
    const sent: unknown[] = [];
    const { limits, sizeOf } = new MemoryBackend();
    const sender: Sender = {
      limits,
      sizeOf,
      send: (destination) => {
        sent.push(destination);
        return Promise.resolve(results[sent.length - 1] ?? []);
      },
    };
    return { sent, sender };
  }
  const down = new MelangeError("THROTTLED", "slow down", { retryable: true });

  it("tries again what may go through, four times in all", async () => {
    const clock = new VirtualClock();
    const { run, log } = setUp(dead);
    const twice = scripted([{ ok: false, error: down }], [{ ok: true, messageId: "m" }]);
    const never = scripted();
    const first = run([record("a")], { clock, deadLetter: deadLetterTo(twice.sender, "dlq") });
    await clock.advance(60_000);
    assertEquals(kinds(await first), ["deadLetter"]);
    const second = run([record("b")], { clock, deadLetter: deadLetterTo(never.sender, "dlq") });
    await clock.advance(60_000);
    assertEquals(kinds(await second), ["retry"]);
    assertEquals([twice.sent.length, never.sent.length], [2, 4]);
    assertEquals(log.at("error").length, 1);
  });

  it("tries once what is refused for good", async () => {
    const { run } = setUp(dead);
    const refused = scripted([{ ok: false, error: new MelangeError("REFUSED", "no") }]);
    const outcomes = await run([record("a")], { deadLetter: deadLetterTo(refused.sender, "dlq") });
    assertEquals(kinds(outcomes), ["retry"]);
    assertEquals(refused.sent, [{ queue: "dlq" }]);
  });
});
