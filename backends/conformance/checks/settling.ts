import type { Bench } from "../bench.ts";
import type { Check } from "../check.ts";
import { expect, expectAllOk, expectCount, expectFailed, expectSame } from "../expect.ts";
import { bodiesOf, numbered, receiptsOf } from "../messages.ts";
import type { Queue } from "../queue.ts";
import { acknowledgeAll, extendAll, releaseAll } from "../settle.ts";
import type { Delivery } from "../../../src/backend.ts";
import type { Result } from "../../../src/support/result.ts";

/** The promises of `acknowledge`, `release` and `extend`. */
export const settlingChecks: readonly Check[] = [
  { name: "every verb gives no results for no items", run: takesNothing },
  { name: "acknowledge() succeeds for each message", run: acknowledges },
  { name: "acknowledge() twice is success", run: acknowledgesTwice },
  { name: "acknowledge() removes messages for good", needs: ["redelivers"], run: removes },
  {
    name: "acknowledge() leaves other messages alone",
    needs: ["redelivers"],
    run: removesOnlyThose,
  },
  {
    name: "acknowledge() fails for a bad receipt only",
    needs: ["redelivers"],
    run: acknowledgesMixed,
  },
  {
    name: "acknowledge() is not affected by later changes of its array",
    needs: ["redelivers"],
    run: copiesReceipts,
  },
  {
    name: "acknowledge() after the lock ended tells what became of the message",
    needs: ["redelivers"],
    run: acknowledgesLate,
  },
  {
    name: "acknowledge() of a lock that another receive took over is LOCK_LOST",
    needs: ["redelivers", "fences"],
    run: acknowledgesLost,
  },
  {
    name: "acknowledge() of a lost lock leaves the new one alone",
    needs: ["redelivers", "fences"],
    run: keepsNewLock,
  },
  { name: "acknowledge() works after extend()", needs: ["redelivers"], run: acknowledgesExtended },
  {
    name: "release() without a delay makes a message available at once",
    needs: ["redelivers"],
    run: releases,
  },
  { name: "release() hides a message for its delay", needs: ["redelivers"], run: releasesLater },
  { name: "release() gives each message its own delay", needs: ["redelivers"], run: releasesEach },
  { name: "release() leaves other messages alone", needs: ["redelivers"], run: releasesOnlyThose },
  { name: "release() fails for a bad receipt only", needs: ["redelivers"], run: releasesMixed },
  { name: "release() of a lost lock is LOCK_LOST", needs: ["redelivers"], run: releasesLost },
  {
    name: "release() of an acknowledged message is LOCK_LOST",
    needs: ["redelivers"],
    run: releasesRemoved,
  },
  { name: "extend() keeps a message locked", needs: ["redelivers"], run: extendsLock },
  {
    name: "extend() counts from now and gives the new end",
    needs: ["redelivers"],
    run: countsFromNow,
  },
  {
    name: "extend() gives one result per message, in order",
    needs: ["redelivers"],
    run: extendsInOrder,
  },
  { name: "extend() may be repeated", needs: ["redelivers"], run: extendsAgain },
  { name: "extend() leaves other messages alone", needs: ["redelivers"], run: extendsOnlyThose },
  { name: "extend() fails for a bad receipt only", needs: ["redelivers"], run: extendsMixed },
  { name: "extend() of a lost lock is LOCK_LOST", needs: ["redelivers"], run: extendsLost },
  {
    name: "extend() of an acknowledged message is LOCK_LOST",
    needs: ["redelivers"],
    run: extendsRemoved,
  },
];

const GARBAGE = "this is no receipt";

async function takesNothing(bench: Bench): Promise<void> {
  const { backend } = bench;
  const queue = await bench.createQueue();
  const nothing = [
    await backend.send(queue.destination, []),
    await backend.acknowledge(queue.name, []),
    await backend.release(queue.name, []),
    await backend.extend(queue.name, []),
  ];
  expectSame(nothing, [[], [], [], []], "send(), acknowledge(), release(), extend() of nothing");
}

async function acknowledges(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  const count = Math.min(10, bench.limits.queue.entries);
  await acknowledgeAll(bench, queue, await filled(queue, count));
}

async function acknowledgesTwice(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  const deliveries = await filled(queue, 2);
  await acknowledgeAll(bench, queue, deliveries);
  await acknowledgeAll(bench, queue, deliveries);
}

async function removes(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  const { visibilityMs } = bench;
  await acknowledgeAll(bench, queue, await filled(queue, 3, { visibilityMs }));
  await bench.letLocksEnd();
  await queue.expectNothing("acknowledge() must remove messages for good");
}

async function removesOnlyThose(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  const deliveries = await filled(queue, 4, { visibilityMs: bench.visibilityMs });
  await acknowledgeAll(bench, queue, deliveries.filter((_, index) => index !== 1));
  const kept = bodiesOf(await queue.collect(1));
  expectSame(kept, [deliveries[1]?.message.body], "acknowledge() must leave other messages alone");
  await bench.time.pass(bench.visibilityMs / 5);
  await queue.expectNothing("acknowledge() must remove what it was given");
}

async function acknowledgesMixed(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  const [a, b, c] = receiptsOf(await filled(queue, 3, { visibilityMs: bench.visibilityMs }));
  const results = await bench.backend.acknowledge(queue.name, [a!, GARBAGE, b!, c!]);
  expectOnlySecondFailed(results, "acknowledge()");
  await bench.letLocksEnd();
  await queue.expectNothing("acknowledge() must remove the neighbours of a bad receipt");
}

async function copiesReceipts(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  const receipts = receiptsOf(await filled(queue, 2, { visibilityMs: bench.visibilityMs }));
  const call = bench.backend.acknowledge(queue.name, receipts);
  receipts.length = 0;
  expectAllOk(await call, 2, "acknowledge()");
  await bench.letLocksEnd();
  await queue.expectNothing("acknowledge() must not read its array after the call began");
}

/** SQS still deletes if nobody else has the message: then the answer must be a success. */
async function acknowledgesLate(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  const [delivery] = await filled(queue, 1, { visibilityMs: bench.visibilityMs });
  await bench.letLocksEnd();
  const [result] = await bench.backend.acknowledge(queue.name, [delivery!.receipt]);
  if (result?.ok) {
    await queue.expectNothing("acknowledge() that succeeds must remove the message");
  } else {
    expectFailed(result, "acknowledge() after the lock ended must fail", "LOCK_LOST");
    await queue.collect(1);
  }
}

async function acknowledgesLost(bench: Bench): Promise<void> {
  const { queue, lost } = await takenOver(bench);
  const [result] = await bench.backend.acknowledge(queue.name, [lost.receipt]);
  expectFailed(result, "acknowledge() of a lost lock must fail", "LOCK_LOST");
}

async function keepsNewLock(bench: Bench): Promise<void> {
  const { queue, lost, current } = await takenOver(bench);
  await bench.backend.acknowledge(queue.name, [lost.receipt]);
  await queue.expectNothing("acknowledge() of a lost lock must not end the new lock");
  const [result] = await bench.backend.release(queue.name, [
    { receipt: current.receipt, delayMs: 0 },
  ]);
  expect(result?.ok, "acknowledge() of a lost lock must not remove the message");
  await queue.collect(1);
}

async function acknowledgesExtended(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  const { visibilityMs } = bench;
  const deliveries = await filled(queue, 1, { visibilityMs: 2 * visibilityMs });
  const extensions = deliveries.map(({ receipt }) => ({ receipt, visibilityMs }));
  expectAllOk(await bench.backend.extend(queue.name, extensions), 1, "extend()");
  await acknowledgeAll(bench, queue, deliveries);
  await bench.letLocksEnd();
  await queue.expectNothing("acknowledge() must remove a message whose lock was extended");
}

async function releases(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  const deliveries = await filled(queue, 3);
  await releaseAll(bench, queue, deliveries, 0);
  const bodies = bodiesOf(await queue.collect(3)).sort();
  expectSame(bodies, numbered(3), "release() must make messages available at once");
}

async function releasesLater(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  await releaseAll(bench, queue, await filled(queue, 2), bench.visibilityMs);
  await bench.time.pass(bench.visibilityMs / 2);
  await queue.expectNothing("release() must hide a message for its delay");
  await queue.collect(2);
}

async function releasesEach(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  const [now, later] = await filled(queue, 2);
  const releases = [
    { receipt: later!.receipt, delayMs: bench.visibilityMs },
    { receipt: now!.receipt, delayMs: 0 },
  ];
  expectAllOk(await bench.backend.release(queue.name, releases), 2, "release()");
  const first = bodiesOf(await queue.receive());
  expectSame(first, [now!.message.body], "release() must give each message its own delay");
  const second = bodiesOf(await queue.collect(1));
  expectSame(second, [later!.message.body], "release() must give each message its own delay");
}

async function releasesOnlyThose(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  const [a, b] = await filled(queue, 3);
  await releaseAll(bench, queue, [a!, b!], 0);
  await queue.collect(2);
  await queue.expectNothing("release() must leave other messages locked");
}

async function releasesMixed(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  const deliveries = await filled(queue, 3);
  const [a, b, c] = deliveries.map(({ receipt }) => ({ receipt, delayMs: 0 }));
  const bad = { receipt: GARBAGE, delayMs: 0 };
  const results = await bench.backend.release(queue.name, [a!, bad, b!, c!]);
  expectOnlySecondFailed(results, "release()");
  await queue.collect(3);
}

async function releasesLost(bench: Bench): Promise<void> {
  const { queue, lost } = await takenOver(bench);
  const [result] = await bench.backend.release(queue.name, [{ receipt: lost.receipt, delayMs: 0 }]);
  expectFailed(result, "release() of a lost lock must fail", "LOCK_LOST");
  await queue.expectNothing("release() of a lost lock must not end the new one");
}

async function releasesRemoved(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  const [delivery] = await filled(queue, 1);
  await acknowledgeAll(bench, queue, [delivery!]);
  const releases = [{ receipt: delivery!.receipt, delayMs: 0 }];
  const [result] = await bench.backend.release(queue.name, releases);
  expectFailed(result, "release() of an acknowledged message must fail", "LOCK_LOST");
  await queue.expectNothing("release() must not bring an acknowledged message back");
}

async function extendsLock(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  const { visibilityMs } = bench;
  await extendAll(bench, queue, await filled(queue, 2, { visibilityMs }), 2 * visibilityMs);
  await bench.letLocksEnd();
  await queue.expectNothing("extend() must keep messages locked beyond their first lock");
  await queue.collect(2);
}

async function countsFromNow(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  const { visibilityMs } = bench;
  const [delivery] = await filled(queue, 1, { visibilityMs: 3 * visibilityMs });
  const first = delivery!.message.lockedUntil;
  await bench.time.pass(visibilityMs);
  const [end] = await extendAll(bench, queue, [delivery!], 10 * visibilityMs);
  expect(first !== undefined, "receive() must set lockedUntil");
  expect(end instanceof Date, "extend() must give the new end of the lock");
  // Locked at 0 until 3; extended at 1 by 10, which is 11: 8 later.
  const later = end.getTime() - first.getTime();
  expect(
    later >= 7.8 * visibilityMs && later <= 9.5 * visibilityMs,
    `extend() must count from now: expected about ${8 * visibilityMs} ms later, got ${later} ms`,
  );
}

async function extendsInOrder(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  const deliveries = await filled(queue, 3);
  const lengths = [10, 30, 20];
  const extensions = deliveries.map(({ receipt }, index) => ({
    receipt,
    visibilityMs: lengths[index]! * bench.visibilityMs,
  }));
  const results = expectAllOk(await bench.backend.extend(queue.name, extensions), 3, "extend()");
  const [ten, thirty, twenty] = results.map(({ lockedUntil }) => lockedUntil.getTime());
  expect(ten! < twenty! && twenty! < thirty!, "extend() must give the new ends in order");
}

async function extendsAgain(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  const { visibilityMs } = bench;
  const deliveries = await filled(queue, 1, { visibilityMs: 2 * visibilityMs });
  for (let time = 0; time < 2; time++) {
    await bench.time.pass(visibilityMs);
    await extendAll(bench, queue, deliveries, 2 * visibilityMs);
  }
  await bench.time.pass(visibilityMs / 2);
  await queue.expectNothing("extend() must keep a message locked each time it is called");
  await acknowledgeAll(bench, queue, deliveries);
}

async function extendsOnlyThose(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  const [a, b, c] = await filled(queue, 3, { visibilityMs: bench.visibilityMs });
  await extendAll(bench, queue, [b!], bench.lockMs);
  await bench.letLocksEnd();
  const bodies = bodiesOf(await queue.collect(2)).sort();
  const expected = bodiesOf([a!, c!]).sort();
  expectSame(bodies, expected, "extend() must extend what it was given and nothing else");
  await queue.expectNothing("extend() must keep what it was given locked");
}

async function extendsMixed(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  const { visibilityMs, lockMs } = bench;
  const receipts = receiptsOf(await filled(queue, 3, { visibilityMs }));
  const [a, b, c] = receipts.map((receipt) => ({ receipt, visibilityMs: lockMs }));
  const bad = { receipt: GARBAGE, visibilityMs: lockMs };
  expectOnlySecondFailed(await bench.backend.extend(queue.name, [a!, bad, b!, c!]), "extend()");
  await bench.letLocksEnd();
  await queue.expectNothing("extend() must extend the neighbours of a bad receipt");
}

async function extendsLost(bench: Bench): Promise<void> {
  const { queue, lost, current } = await takenOver(bench);
  const { visibilityMs } = bench;
  const [result] = await bench.backend.extend(queue.name, [{
    receipt: lost.receipt,
    visibilityMs,
  }]);
  expectFailed(result, "extend() of a lost lock must fail", "LOCK_LOST");
  await bench.letLocksEnd();
  await queue.expectNothing("extend() of a lost lock must not change the new one");
  await acknowledgeAll(bench, queue, [current]);
}

async function extendsRemoved(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  const [delivery] = await filled(queue, 1);
  await acknowledgeAll(bench, queue, [delivery!]);
  const { receipt } = delivery!;
  const { visibilityMs } = bench;
  const [result] = await bench.backend.extend(queue.name, [{ receipt, visibilityMs }]);
  expectFailed(result, "extend() of an acknowledged message must fail", "LOCK_LOST");
}

function expectOnlySecondFailed(results: readonly Result[], verb: string): void {
  expectCount(results, 4, verb);
  const [first, second, third, fourth] = results;
  expectFailed(second, `${verb} must fail for a receipt that is none`);
  expect(first?.ok && third?.ok && fourth?.ok, `${verb} must succeed for the neighbours`);
}

/** Sends and receives that many messages; in the order of their bodies. */
async function filled(
  queue: Queue,
  count: number,
  options: { visibilityMs?: number } = {},
): Promise<Delivery[]> {
  await queue.fill(numbered(count));
  const deliveries = await queue.collect(count, options);
  return deliveries.sort((a, b) => a.message.body < b.message.body ? -1 : 1);
}

/** A message whose first lock has ended and that another receive has locked since. */
async function takenOver(
  bench: Bench,
): Promise<{ queue: Queue; lost: Delivery; current: Delivery }> {
  const queue = await bench.createQueue();
  const [lost] = await filled(queue, 1, { visibilityMs: bench.visibilityMs });
  const [current] = await queue.collect(1);
  return { queue, lost: lost!, current: current! };
}
