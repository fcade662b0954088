import type { Bench } from "../bench.ts";
import type { Check } from "../check.ts";
import { expectAllOk, expectFailed, expectSame } from "../expect.ts";
import { bodiesOf, numbered } from "../messages.ts";
import { acknowledgeAll, releaseAll } from "../settle.ts";
import { expectOnlySecondFailed, filled, GARBAGE, takenOver } from "../locks.ts";

/** The promises of `release`. */
export const releasingChecks: readonly Check[] = [
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
];

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
