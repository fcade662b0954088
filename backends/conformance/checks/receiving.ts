import type { Bench } from "../bench.ts";
import type { Check } from "../check.ts";
import { expect, expectSame, expectThrown } from "../expect.ts";
import { bodiesOf, numbered, receiptsOf } from "../messages.ts";
import type { Queue } from "../queue.ts";
import type { Delivery } from "../../../src/backend.ts";

/** The promises of `receive`. */
export const receivingChecks: readonly Check[] = [
  { name: "receive() returns the facts of a message", run: returnsFacts },
  { name: "receive() returns the group of a message in a standard queue", run: returnsGroup },
  { name: "receive() returns at most max messages", run: limitsCount },
  { name: "receive() takes its wait when there is nothing", run: waits },
  { name: "receive() without a wait looks once", run: looksOnce },
  { name: "receive() finds what is there without a wait", run: findsAtOnce },
  { name: "receive() returns as soon as a message comes", run: returnsEarly },
  { name: "receive() hands a message to one of those that wait", run: wakesOne },
  { name: "receive() shares messages among concurrent calls", run: shares },
  { name: "receive() of a missing queue is NOT_FOUND", run: refusesMissing },
  { name: "receive() keeps queues apart", run: keepsApart },
  { name: "receive() locks what it returns", needs: ["redelivers"], run: locks },
  { name: "receive() takes its wait when all is locked", needs: ["redelivers"], run: waitsLocked },
  {
    name: "receive() returns a message again after its lock",
    needs: ["redelivers"],
    run: redelivers,
  },
  {
    name: "receive() returns a message whose lock ends while it waits",
    needs: ["redelivers"],
    run: wakesOnExpiry,
  },
  { name: "receive() gives another receipt each time", needs: ["redelivers"], run: renewsReceipt },
  { name: "receive() sets the end of the lock", needs: ["redelivers"], run: setsDeadline },
  {
    name: "receive() redelivers a message unchanged",
    needs: ["redelivers"],
    run: redeliversUnchanged,
  },
  { name: "attempt counts receives", needs: ["redelivers", "countsAttempts"], run: countsAttempts },
  { name: "attempt is 1 where it is not counted", without: "countsAttempts", run: countsNothing },
];

async function returnsFacts(bench: Bench): Promise<void> {
  const queue = await bench.createQueue({ straight: true });
  const [sent] = await queue.send(["facts"]);
  const [delivery] = await queue.collect(1);
  expect(delivery !== undefined && sent?.ok, "send() must store the message");
  const { receipt, message } = delivery;
  expect(typeof receipt === "string" && receipt !== "", "receive() must give a receipt");
  expectSame(message.id, sent.messageId, "receive() must give the id that send() gave");
  expectSame(message.attempt, 1, "attempt must be 1 at the first receive");
  expect(message.sentAt instanceof Date, "receive() must say when the message was sent");
  expect(!Number.isNaN(message.sentAt.getTime()), "receive() must say when the message was sent");
}

async function returnsGroup(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  await queue.fill([{ body: "grouped", group: "tenant-1" }]);
  const [delivery] = await queue.collect(1);
  expectSame(delivery?.message.group, "tenant-1", "receive() must give the group of a message");
}

async function limitsCount(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  await queue.fill(numbered(8));
  const one = await queue.receive({ max: 1 });
  expect(one.length <= 1, `receive() must return at most 1 message: ${one.length} came`);
  const three = await queue.receive({ max: 3 });
  expect(three.length <= 3, `receive() must return at most 3 messages: ${three.length} came`);
  const rest = await queue.collect(8 - one.length - three.length);
  const bodies = bodiesOf([...one, ...three, ...rest]).sort();
  expectSame(bodies, numbered(8), "receive() must return each message once");
}

async function waits(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  await expectFullWait(bench, queue);
}

async function waitsLocked(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  await queue.fill(["locked"]);
  await queue.collect(1);
  await expectFullWait(bench, queue);
}

/** Least share of the wait that an empty receive takes: timers of a busy process fire early. */
const SHARE_OF_WAIT = 0.5;

/** Fails unless an empty receive takes its whole wait. */
export async function expectFullWait(bench: Bench, queue: Queue): Promise<void> {
  const before = bench.time.passed();
  const deliveries = await queue.receive();
  const took = bench.time.passed() - before;
  expectSame(bodiesOf(deliveries), [], "receive() must find nothing");
  expect(
    took >= SHARE_OF_WAIT * bench.waitMs,
    `receive() must wait ${bench.waitMs} ms before it returns nothing: it took ${took} ms`,
  );
}

async function looksOnce(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  const call = bench.untimed.receive(queue.name, { max: 1, waitMs: 0, visibilityMs: bench.lockMs });
  const deliveries = await bench.promptly(call, "receive() with a wait of 0");
  expectSame(bodiesOf(deliveries), [], "receive() must find nothing");
}

async function findsAtOnce(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  await queue.fill(["there"]);
  // A service of many machines may miss a message in one look, so it gets several.
  let found: Delivery[] = [];
  for (let look = 0; look < 20 && found.length === 0; look++) {
    found = await queue.receive({ waitMs: 0 });
    if (found.length === 0) await bench.time.pass(bench.waitMs / 20);
  }
  expectSame(bodiesOf(found), ["there"], "receive() with a wait of 0 must find what is there");
}

async function returnsEarly(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  const pending = pendingReceive(bench, queue);
  await bench.time.pass(bench.waitMs / 4);
  await queue.fill(["early"]);
  const deliveries = await bench.promptly(pending, "receive() for which a message has come");
  expectSame(deliveries.length, 1, "receive() must return the message that came");
}

async function wakesOne(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  const pending = [pendingReceive(bench, queue), pendingReceive(bench, queue)];
  let ended = 0;
  for (const call of pending) call.then(() => ended++, () => ended++);
  await bench.time.pass(bench.waitMs / 4);
  await queue.fill(["first"]);
  await bench.promptly(Promise.race(pending), "one of two receive() calls");
  await bench.time.pass(bench.waitMs / 4);
  expectSame(ended, 1, "receive() must go on waiting when another took the message");
  await queue.fill(["second"]);
  const deliveries = (await bench.promptly(Promise.all(pending), "both receive() calls")).flat();
  expectSame(deliveries.length, 2, "receive() must return one message to each call");
  expectSame(new Set(receiptsOf(deliveries)).size, 2, "receive() must not return a message twice");
}

/** A receive of one message with the longest wait, under way while the check goes on. */
function pendingReceive(bench: Bench, queue: Queue): Promise<Delivery[]> {
  const { waitMs } = bench.limits.queue;
  const options = { max: 1, waitMs, visibilityMs: bench.lockMs };
  const pending = bench.untimed.receive(queue.name, options);
  pending.catch(() => {});
  return pending;
}

async function shares(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  await queue.fill(numbered(20));
  const calls = Array.from({ length: 6 }, () => queue.receive({ max: 7 }));
  const received = (await Promise.all(calls)).flat();
  const rest = await queue.collect(20 - received.length);
  const bodies = bodiesOf([...received, ...rest]).sort();
  expectSame(bodies, numbered(20), "concurrent receive() calls must return each message once");
}

async function refusesMissing(bench: Bench): Promise<void> {
  const { waitMs, lockMs: visibilityMs } = bench;
  const call = bench.backend.receive(bench.newName(), { max: 1, waitMs, visibilityMs });
  await expectThrown(call, "receive() of a missing queue must be thrown", "NOT_FOUND");
}

async function keepsApart(bench: Bench): Promise<void> {
  const [one, other] = [await bench.createQueue(), await bench.createQueue()];
  await one.fill(["one"]);
  await other.expectNothing("receive() must not return messages of another queue");
  expectSame(bodiesOf(await one.collect(1)), ["one"], "receive() must return its own messages");
}

async function locks(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  await queue.fill(numbered(3));
  await queue.collect(3, { visibilityMs: 3 * bench.visibilityMs });
  await bench.time.pass(bench.visibilityMs);
  await queue.expectNothing("receive() must not return a locked message");
}

async function redelivers(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  await queue.fill(numbered(3));
  await queue.collect(3, { visibilityMs: bench.visibilityMs });
  await bench.letLocksEnd();
  const bodies = bodiesOf(await queue.collect(3)).sort();
  expectSame(bodies, numbered(3), "receive() must return what was not acknowledged");
}

async function wakesOnExpiry(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  await queue.fill(["again"]);
  await queue.collect(1, { visibilityMs: bench.visibilityMs });
  const waitMs = Math.min(4 * bench.visibilityMs, bench.limits.queue.waitMs);
  const bodies = bodiesOf(await queue.receive({ waitMs }));
  expectSame(bodies, ["again"], "receive() must return a message whose lock ends while it waits");
}

async function renewsReceipt(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  await queue.fill(["again"]);
  const first = await queue.collect(1, { visibilityMs: bench.visibilityMs });
  const second = await queue.collect(1);
  const receipts = new Set(receiptsOf([...first, ...second]));
  expectSame(receipts.size, 2, "receive() must give another receipt each time");
}

async function setsDeadline(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  await queue.fill(["short"]);
  const [short] = await queue.collect(1, { visibilityMs: bench.visibilityMs });
  const [long] = await queue.collect(1, { visibilityMs: 10 * bench.visibilityMs });
  const [first, second] = [short?.message, long?.message];
  expect(first?.lockedUntil && second?.lockedUntil, "receive() must set lockedUntil");
  const sinceSent = first.lockedUntil.getTime() - first.sentAt.getTime();
  const later = second.lockedUntil.getTime() - first.lockedUntil.getTime();
  expectNear(bench, sinceSent, bench.visibilityMs);
  expectNear(bench, later, 10 * bench.visibilityMs);
}

/** The second of two locks begins when the first has ended, and a call takes some time. */
function expectNear(bench: Bench, ms: number, expectedMs: number): void {
  const near = ms >= expectedMs - 0.2 * bench.visibilityMs &&
    ms <= expectedMs + 3 * bench.visibilityMs;
  expect(near, `lockedUntil must be ${expectedMs} ms from the receive: it is ${ms} ms`);
}

async function redeliversUnchanged(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  const attributes = { text: "value", number: 1, bytes: new Uint8Array([1, 2, 3]) };
  await queue.fill([{ body: "again", attributes }]);
  const [first] = await queue.collect(1, { visibilityMs: bench.visibilityMs });
  const id = first?.message.id;
  // A handler may do what it likes with its copy.
  for (const value of Object.values(first?.message.attributes ?? {})) {
    if (value instanceof Uint8Array) value.fill(0);
  }
  const [second] = await queue.collect(1);
  expectSame(second?.message.id, id, "receive() must keep the id of a message");
  expectSame(second?.message.body, "again", "receive() must keep the body of a message");
  expectSame(second?.message.attributes, attributes, "receive() must keep the attributes");
}

async function countsAttempts(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  await queue.fill(["again"]);
  const attempts: unknown[] = [];
  for (let receive = 1; receive <= 3; receive++) {
    const visibilityMs = receive === 1 ? bench.visibilityMs : bench.lockMs;
    const [delivery] = await queue.collect(1, { visibilityMs });
    attempts.push(delivery?.message.attempt);
    const receipt = delivery?.receipt ?? "";
    if (receive === 2) await bench.backend.release(queue.name, [{ receipt, delayMs: 0 }]);
  }
  expectSame(attempts, [1, 2, 3], "attempt must count receives, after a lock ended and a release");
}

async function countsNothing(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  await queue.fill(["again"]);
  const [first] = await queue.collect(1, { visibilityMs: bench.visibilityMs });
  expectSame(first?.message.attempt, 1, "attempt must be 1 where it is not counted");
  if (!bench.guarantees.redelivers) return;
  const [second] = await queue.collect(1);
  expectSame(second?.message.attempt, 1, "attempt must be 1 where it is not counted");
}
