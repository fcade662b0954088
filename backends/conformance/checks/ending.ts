import type { Bench } from "../bench.ts";
import type { Check } from "../check.ts";
import { expect, expectReason, expectSame, expectThrown } from "../expect.ts";
import { bodiesOf } from "../messages.ts";
import type { Queue } from "../queue.ts";
import { acknowledgeAll } from "../settle.ts";
import type { Backend, Delivery } from "../../../src/backend.ts";

/** The promises of abort signals and `close`. */
export const endingChecks: readonly Check[] = [
  { name: "receive() ends soon after its signal aborts", run: abortsReceive },
  { name: "receive() that is aborted leaves other receives alone", run: leavesOthers },
  {
    name: "receive() that is aborted takes no message",
    needs: ["cancelsReceive"],
    run: takesNothing,
  },
  { name: "every verb rejects with the reason of an aborted signal", run: rejectsAborted },
  { name: "receive() with an aborted signal takes no message", run: receivesNothingAborted },
  { name: "send() with an aborted signal stores nothing", run: storesNothingAborted },
  {
    name: "acknowledge() with an aborted signal removes nothing",
    needs: ["redelivers"],
    run: removesNothingAborted,
  },
  { name: "a signal that aborts after the call changes nothing", run: abortsLate },
  { name: "close() ends a receive that waits with CLOSED", run: closesReceive },
  { name: "close() makes every later call CLOSED", run: closesVerbs },
  { name: "close() twice is success", run: closesTwice },
  { name: "Symbol.asyncDispose closes", run: disposes },
];

async function abortsReceive(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  const { controller, pending } = abortable(bench, queue);
  await bench.time.pass(bench.waitMs / 4);
  const reason = new Error("the check aborts");
  controller.abort(reason);
  const call = bench.promptly(pending, "receive() whose signal aborted");
  await expectReason(call, reason, "receive() must reject when its signal aborts");
}

async function leavesOthers(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  const aborted = abortable(bench, queue);
  const other = abortable(bench, queue);
  let ended = false;
  other.pending.then(() => ended = true, () => ended = true);
  await bench.time.pass(bench.waitMs / 4);
  aborted.controller.abort(new Error("the check aborts"));
  await bench.promptly(aborted.pending.catch(() => {}), "receive() whose signal aborted");
  await bench.time.pass(bench.waitMs / 4);
  expect(!ended, "receive() must go on when another aborts");
  if (!bench.guarantees.cancelsReceive) return await endOther(bench, other);
  await queue.fill(["for the other"]);
  const deliveries = await bench.promptly(other.pending, "receive() for which a message has come");
  expectSame(deliveries.length, 1, "receive() must go on when another aborts");
}

/** Ends the receive that is still under way: aborting may already have taken a message. */
async function endOther(bench: Bench, other: Abortable): Promise<void> {
  const reason = new Error("the check aborts the other");
  other.controller.abort(reason);
  const call = bench.promptly(other.pending, "the other receive() when its signal aborts");
  await expectReason(call, reason, "receive() must go on until its own signal aborts");
}

async function takesNothing(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  const { controller, pending } = abortable(bench, queue);
  await bench.time.pass(bench.waitMs / 4);
  controller.abort(new Error("the check aborts"));
  await queue.fill(["still there"]);
  await bench.promptly(pending.catch(() => {}), "receive() whose signal aborted");
  const [delivery] = await queue.receive();
  expectSame(delivery?.message.body, "still there", "an aborted receive() must take no message");
  expectSame(delivery?.message.attempt, 1, "an aborted receive() must not count as one");
}

interface Abortable {
  controller: AbortController;
  pending: Promise<Delivery[]>;
}

/** A receive with the longest wait, under way while the check goes on. */
function abortable(bench: Bench, queue: Queue): Abortable {
  const controller = new AbortController();
  const pending = bench.untimed.receive(queue.name, {
    max: 1,
    waitMs: bench.limits.queue.waitMs,
    visibilityMs: bench.lockMs,
    signal: controller.signal,
  });
  pending.catch(() => {});
  return { controller, pending };
}

async function rejectsAborted(bench: Bench): Promise<void> {
  const queue = await bench.createQueue({ straight: true });
  const reason = new Error("the check has aborted");
  const signal = AbortSignal.abort(reason);
  for (const [verb, call] of everyCall(bench.backend, queue.name, signal)) {
    await expectReason(call(), reason, `${verb}() must reject when its signal has aborted`);
  }
}

async function receivesNothingAborted(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  await queue.fill(["untouched"]);
  await queue.receive({ signal: AbortSignal.abort() }).catch(() => {});
  const [delivery] = await queue.collect(1);
  expectSame(delivery?.message.attempt, 1, "receive() with an aborted signal must take nothing");
}

async function storesNothingAborted(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  const signal = AbortSignal.abort();
  const messages = [{ body: "unsent", attributes: {} }];
  await bench.backend.send(queue.destination, messages, { signal }).catch(() => {});
  await queue.expectNothing("send() with an aborted signal must store nothing");
}

async function removesNothingAborted(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  await queue.fill(["kept"]);
  const [delivery] = await queue.collect(1, { visibilityMs: bench.visibilityMs });
  const signal = AbortSignal.abort();
  await bench.backend.acknowledge(queue.name, [delivery!.receipt], { signal }).catch(() => {});
  const bodies = bodiesOf(await queue.collect(1));
  expectSame(bodies, ["kept"], "acknowledge() with an aborted signal must remove nothing");
}

async function abortsLate(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  await queue.fill(["received"]);
  const controller = new AbortController();
  const deliveries = await queue.collect(1, { signal: controller.signal });
  controller.abort(new Error("too late"));
  if (bench.guarantees.redelivers) {
    await queue.expectNothing("a late abort must not give the lock back");
  }
  await acknowledgeAll(bench, queue, deliveries);
}

async function closesReceive(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  const { pending } = abortable(bench, queue);
  await bench.time.pass(bench.waitMs / 4);
  const closed = bench.untimed.close();
  closed.catch(() => {});
  const call = bench.promptly(pending, "receive() whose backend is closed");
  await expectThrown(call, "close() must end a receive that waits", "CLOSED");
  await bench.promptly(closed, "close()");
}

async function closesVerbs(bench: Bench): Promise<void> {
  const queue = await bench.createQueue({ straight: true });
  await bench.backend.close();
  for (const [verb, call] of everyCall(bench.backend, queue.name)) {
    await expectThrown(call(), `${verb}() of a closed backend must be thrown`, "CLOSED");
  }
}

async function closesTwice(bench: Bench): Promise<void> {
  await bench.createQueue();
  await Promise.all([bench.backend.close(), bench.backend.close()]);
  await bench.backend.close();
}

async function disposes(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  await bench.backend[Symbol.asyncDispose]();
  const call = bench.backend.describeQueue(queue.name);
  await expectThrown(call, "Symbol.asyncDispose must close the backend", "CLOSED");
}

/** Makes one call of every verb of the backend, with the given signal. */
function everyCall(
  backend: Backend,
  queue: string,
  signal?: AbortSignal,
): [verb: string, call: () => Promise<unknown>][] {
  const receipt = "receipt";
  const message = { body: "x", attributes: {} };
  const options = signal ? { signal } : {};
  const calls: [string, () => Promise<unknown>][] = [
    ["send", () => backend.send({ queue }, [message], options)],
    [
      "receive",
      () => backend.receive(queue, { max: 1, waitMs: 0, visibilityMs: 1_000, ...options }),
    ],
    ["acknowledge", () => backend.acknowledge(queue, [receipt], options)],
    ["release", () => backend.release(queue, [{ receipt, delayMs: 0 }], options)],
    ["extend", () => backend.extend(queue, [{ receipt, visibilityMs: 1_000 }], options)],
    ["declareQueue", () => backend.declareQueue(queue, options)],
    ["describeQueue", () => backend.describeQueue(queue, options)],
    ["deleteQueue", () => backend.deleteQueue(queue, options)],
  ];
  if (backend.guarantees.fansOut) {
    calls.push(["declareTopic", () => backend.declareTopic(queue, options)]);
    calls.push(["deleteTopic", () => backend.deleteTopic(queue, options)]);
  }
  if (backend.guarantees.deadLetters) {
    const copies = [{ receipt, copy: message }];
    calls.push(["deadLetter", () => backend.deadLetter!(queue, copies, options)]);
  }
  return calls;
}
