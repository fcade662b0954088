import type { Bench } from "../bench.ts";
import type { Check } from "../check.ts";
import { expect, expectAllOk, expectFailed, expectSame } from "../expect.ts";
import { bodiesOf, receiptsOf } from "../messages.ts";
import { acknowledgeAll } from "../settle.ts";
import { expectOnlySecondFailed, filled, GARBAGE, takenOver } from "../locks.ts";

/** The promises of `acknowledge`, and of every verb without items. */
export const acknowledgingChecks: readonly Check[] = [
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
];

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
