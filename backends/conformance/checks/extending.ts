import type { Bench } from "../bench.ts";
import type { Check } from "../check.ts";
import { expect, expectAllOk, expectFailed, expectSame } from "../expect.ts";
import { bodiesOf, receiptsOf } from "../messages.ts";
import { acknowledgeAll, extendAll } from "../settle.ts";
import { expectOnlySecondFailed, filled, GARBAGE, takenOver } from "../locks.ts";

/** The promises of `extend`. */
export const extendingChecks: readonly Check[] = [
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
