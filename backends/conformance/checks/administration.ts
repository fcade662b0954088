import type { Bench } from "../bench.ts";
import type { Check } from "../check.ts";
import { expect, expectAllOk, expectSame, expectThrown } from "../expect.ts";
import { bodiesOf, numbered, receiptsOf } from "../messages.ts";
import type { BackendLimits, QueueDescription } from "../../../src/backend.ts";

/** The promises of the `declare…`, `describe…` and `delete…` verbs, and the facts of the backend. */
export const administrationChecks: readonly Check[] = [
  { name: "guarantees are those that the suite was told", run: declaresGuarantees },
  { name: "limits are usable", run: hasUsableLimits },
  { name: "declareQueue() describes the queue", run: describesDeclared },
  { name: "declareQueue() twice keeps the queue and its messages", run: declaresTwice },
  {
    name: "declareQueue() leaves out what is not given",
    needs: ["redelivers"],
    run: leavesSettings,
  },
  { name: "declareQueue() updates what differs", run: updatesSettings },
  { name: "declareQueue() may be called concurrently", run: declaresAtOnce },
  {
    name: "declareQueue() names the dead-letter queue and creates it",
    needs: ["deadLetters"],
    run: declaresDeadLetters,
  },
  { name: "declareQueue() sets how long messages are kept", passesMs: 61_000, run: setsRetention },
  { name: "declareTopic() twice keeps the topic", needs: ["fansOut"], run: declaresTopicTwice },
  { name: "describeQueue() counts messages", run: countsMessages },
  { name: "describeQueue() counts delayed messages", needs: ["delays"], run: countsDelayed },
  { name: "describeQueue() of a missing queue is NOT_FOUND", run: describesMissing },
  { name: "deleteQueue() deletes the queue and what is in it", run: deletesQueue },
  { name: "deleteQueue() of a missing queue is success", run: deletesMissingQueue },
  {
    name: "deleteTopic() of a missing topic is success",
    needs: ["fansOut"],
    run: deletesMissingTopic,
  },
  { name: "every verb takes the address of a queue", run: takesQueueAddress },
  { name: "every verb takes the address of a topic", needs: ["fansOut"], run: takesTopicAddress },
  { name: "what was accepted is there after a new start", needs: ["durable"], run: survives },
];

async function declaresGuarantees(bench: Bench): Promise<void> {
  expectSame(bench.backend.guarantees, bench.guarantees, "the backend must declare its guarantees");
  await Promise.resolve();
}

async function hasUsableLimits(bench: Bench): Promise<void> {
  const { topic, queue }: BackendLimits = bench.limits;
  const kinds = bench.guarantees.fansOut ? { topic, queue } : { queue };
  for (const [kind, { entries, batchBytes, messageBytes, delayMs }] of Object.entries(kinds)) {
    const usable = entries >= 1 && messageBytes >= 1 && batchBytes >= messageBytes;
    expect(usable, `limits.${kind} must allow a message of ${messageBytes} bytes in a call`);
    expect(delayMs >= 0, `limits.${kind}.delayMs must not be negative`);
  }
  expect(queue.waitMs >= bench.waitMs, "limits.queue.waitMs must allow the waitMs of the suite");
  expect(queue.entries >= 5, "limits.queue.entries must be 5 or more: the suite sends that many");
  const locks = queue.visibilityMs >= bench.visibilityMs;
  expect(locks, "limits.queue.visibilityMs must allow the visibilityMs of the suite");
  expectSame(queue.delayMs > 0, bench.guarantees.delays, "limits.queue.delayMs must fit delays");
  await Promise.resolve();
}

async function describesDeclared(bench: Bench): Promise<void> {
  const name = bench.newName();
  const visibilityTimeoutMs = 5 * bench.visibilityMs;
  const declared = await bench.backend.declareQueue(name, { visibilityTimeoutMs });
  const described = await bench.backend.describeQueue(name);
  for (const description of [declared, described]) {
    expectSame(description.name, name, "a description must give the name");
    const { address } = description;
    expect(typeof address === "string" && address !== "", "a description must give the address");
    expectSame(description.visibilityTimeoutMs, visibilityTimeoutMs, "a description must give it");
    const { available, inFlight, delayed } = description;
    expectSame([available, inFlight, delayed], [0, 0, 0], "a description of a new queue");
    expectSame(description.deadLetterQueue, undefined, "a description without dead-letter queue");
  }
}

async function declaresTwice(bench: Bench): Promise<void> {
  const queue = await bench.createQueue({ straight: true });
  await queue.fill(["kept"]);
  await bench.backend.declareQueue(queue.name);
  expectSame(bodiesOf(await queue.collect(1)), ["kept"], "declareQueue() must keep messages");
}

async function leavesSettings(bench: Bench): Promise<void> {
  const { deadLetters } = bench.guarantees;
  const dead = deadLetters ? { deadLetterQueue: bench.newName("-dead"), maxReceives: 7 } : {};
  const name = bench.newName();
  const visibilityTimeoutMs = 7 * bench.visibilityMs;
  const first = await bench.backend.declareQueue(name, { visibilityTimeoutMs, ...dead });
  await bench.backend.declareQueue(name);
  const second = await bench.backend.describeQueue(name);
  const expected = settingsOf(first);
  expectSame(settingsOf(second), expected, "declareQueue() must leave what it is not given");
}

function settingsOf(description: QueueDescription): unknown {
  const { visibilityTimeoutMs, deadLetterQueue, maxReceives } = description;
  return [visibilityTimeoutMs, deadLetterQueue, maxReceives];
}

async function updatesSettings(bench: Bench): Promise<void> {
  const name = bench.newName();
  await bench.backend.declareQueue(name, { visibilityTimeoutMs: 7 * bench.visibilityMs });
  const visibilityTimeoutMs = 9 * bench.visibilityMs;
  const declared = await bench.backend.declareQueue(name, { visibilityTimeoutMs });
  const described = await bench.backend.describeQueue(name);
  const times = [declared.visibilityTimeoutMs, described.visibilityTimeoutMs];
  expectSame(times, [visibilityTimeoutMs, visibilityTimeoutMs], "declareQueue() must update it");
}

async function declaresAtOnce(bench: Bench): Promise<void> {
  const name = bench.newName();
  const calls = Array.from({ length: 5 }, () => bench.backend.declareQueue(name));
  const addresses = (await Promise.all(calls)).map(({ address }) => address);
  expectSame(new Set(addresses).size, 1, "declareQueue() must give one queue to all callers");
}

async function declaresDeadLetters(bench: Bench): Promise<void> {
  const [name, deadLetterQueue] = [bench.newName(), bench.newName("-dead")];
  const declared = await bench.backend.declareQueue(name, { deadLetterQueue, maxReceives: 3 });
  const described = await bench.backend.describeQueue(name);
  const dead = await bench.backend.describeQueue(deadLetterQueue);
  for (const description of [declared, described]) {
    expectSame(description.maxReceives, 3, "a description must give maxReceives");
    const named = description.deadLetterQueue;
    const known = named === dead.name || named === dead.address;
    expect(known, `a description must give the dead-letter queue: got ${named}`);
  }
}

async function setsRetention(bench: Bench): Promise<void> {
  const queue = await bench.createQueue({ retentionMs: 60_000 });
  await queue.fill(["old"]);
  await bench.time.pass(61_000);
  await queue.expectNothing("declareQueue() must set how long messages are kept");
}

async function declaresTopicTwice(bench: Bench): Promise<void> {
  const name = bench.newName();
  const first = await bench.backend.declareTopic(name);
  const second = await bench.backend.declareTopic(name);
  expectSame(first.name, name, "declareTopic() must give the name");
  expect(first.address !== "", "declareTopic() must give the address");
  expectSame(second, first, "declareTopic() must give the same topic each time");
}

async function countsMessages(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  await queue.fill(numbered(5));
  await expectCounts(bench, queue.name, { available: 5 });
  const deliveries = await queue.collect(2);
  await expectCounts(bench, queue.name, {
    available: 3,
    ...bench.guarantees.redelivers ? { inFlight: 2 } : {},
  });
  await bench.backend.acknowledge(queue.name, receiptsOf(deliveries));
  await expectCounts(bench, queue.name, { available: 3, inFlight: 0 });
}

async function countsDelayed(bench: Bench): Promise<void> {
  const queue = await bench.createQueue({ straight: true });
  await queue.fill([{ delayMs: bench.limits.queue.delayMs }, "now"]);
  await expectCounts(bench, queue.name, { available: 1, delayed: 1 });
}

async function expectCounts(
  bench: Bench,
  name: string,
  counts: Partial<QueueDescription>,
): Promise<void> {
  const rule = `describeQueue() must count ${JSON.stringify(counts)}`;
  await bench.eventually(async () => {
    const description = await bench.backend.describeQueue(name);
    const current = { ...description, ...counts };
    return inspectCounts(description) === inspectCounts(current);
  }, rule);
}

function inspectCounts({ available, inFlight, delayed }: QueueDescription): string {
  return [available, inFlight, delayed].join();
}

async function describesMissing(bench: Bench): Promise<void> {
  const call = bench.backend.describeQueue(bench.newName());
  await expectThrown(call, "describeQueue() of a missing queue must be thrown", "NOT_FOUND");
}

async function deletesQueue(bench: Bench): Promise<void> {
  const queue = await bench.createQueue({ straight: true });
  await queue.fill(["gone"]);
  await bench.backend.deleteQueue(queue.name);
  const call = bench.backend.describeQueue(queue.name);
  await expectThrown(call, "describeQueue() of a deleted queue must be thrown", "NOT_FOUND");
  await bench.backend.declareQueue(queue.name);
  await queue.expectNothing("deleteQueue() must delete what is in the queue");
}

async function deletesMissingQueue(bench: Bench): Promise<void> {
  await bench.backend.deleteQueue(bench.newName());
  const queue = await bench.createQueue();
  await bench.backend.deleteQueue(queue.name);
  await bench.backend.deleteQueue(queue.name);
}

async function deletesMissingTopic(bench: Bench): Promise<void> {
  const name = bench.newName();
  await bench.backend.deleteTopic(name);
  await bench.backend.declareTopic(name);
  await bench.backend.deleteTopic(name);
  await bench.backend.deleteTopic(name);
}

async function takesQueueAddress(bench: Bench): Promise<void> {
  const { backend } = bench;
  const name = bench.newName();
  const { address } = await backend.declareQueue(name);
  const queue = bench.queueNamed(address);
  await queue.fill(numbered(2));
  const [first, second] = receiptsOf(await queue.collect(2));
  const { visibilityMs } = bench;
  expectAllOk(await backend.extend(address, [{ receipt: first!, visibilityMs }]), 1, "extend()");
  expectAllOk(await backend.release(address, [{ receipt: second!, delayMs: 0 }]), 1, "release()");
  expectAllOk(await backend.acknowledge(address, [first!]), 1, "acknowledge()");
  expectSame((await backend.describeQueue(address)).name, name, "describeQueue() of an address");
  await backend.deleteQueue(address);
  const call = backend.describeQueue(name);
  await expectThrown(call, "deleteQueue() must delete what an address names", "NOT_FOUND");
}

async function takesTopicAddress(bench: Bench): Promise<void> {
  const name = bench.newName();
  const { address } = await bench.backend.declareTopic(name);
  const subscribeTo = [{ topic: address, raw: bench.rawDelivery }];
  const queue = await bench.createQueue({ straight: true, subscribeTo });
  await bench.topicNamed(address).fill(["by address"]);
  await bench.topicNamed(name).fill(["by name"]);
  const bodies = bodiesOf(await queue.collect(2)).sort();
  expectSame(bodies, ["by address", "by name"], "an address must name the same topic as its name");
  await bench.backend.deleteTopic(address);
}

async function survives(bench: Bench): Promise<void> {
  expect(bench.reopen, "create() must give reopen() where durable is guaranteed");
  const queue = await bench.createQueue();
  await queue.fill(numbered(3));
  await bench.untimed.close();
  const backend = await bench.reopen();
  try {
    const bodies = bodiesOf(await bench.queueNamed(queue.name, backend).collect(3)).sort();
    expectSame(bodies, numbered(3), "what was accepted must be there after a new start");
  } finally {
    await backend.close();
  }
}
