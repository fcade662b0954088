import type { Bench } from "../bench.ts";
import type { Check } from "../check.ts";
import { expect, expectAllOk, expectCount, expectFailed, expectSame } from "../expect.ts";
import { bodiesOf, numbered } from "../messages.ts";
import type { Queue } from "../queue.ts";
import { acknowledgeAll, releaseAll } from "../settle.ts";
import { expectFullWait } from "./receiving.ts";
import type { Delivery } from "../../../src/backend.ts";
import type { OutgoingMessage } from "../../../src/wire/message.ts";

/** The promises of FIFO queues and topics about ids, order and groups. */
export const fifoChecks: readonly Check[] = [
  {
    name: "send() to FIFO carries group and deduplication id",
    needs: ["ordered"],
    run: carriesIds,
  },
  {
    name: "send() to FIFO refuses bad groups and ids and stores the neighbours",
    needs: ["ordered"],
    run: refusesBadIds,
  },
  { name: "send() to FIFO refuses a delay per message", needs: ["ordered"], run: refusesDelay },
  { name: "send() to a standard queue refuses a deduplication id", run: refusesStandardId },
  { name: "receive() keeps the order of a message group", needs: ["ordered"], run: keepsOrder },
  {
    name: "receive() keeps the order within one batch of messages",
    needs: ["ordered"],
    run: keepsBatchOrder,
  },
  { name: "sequenceNumber grows where it is given", needs: ["ordered"], run: growsSequence },
  {
    name: "receive() returns a released message before its followers",
    needs: ["ordered", "groups", "redelivers"],
    run: returnsReleasedFirst,
  },
  {
    name: "receive() returns an expired message before its followers",
    needs: ["ordered", "groups", "redelivers"],
    run: returnsExpiredFirst,
  },
  {
    name: "receive() blocks a group while one of its messages is in flight",
    needs: ["groups"],
    run: blocksGroup,
  },
  {
    name: "receive() blocks a group until all it returned is settled",
    needs: ["groups"],
    run: blocksPartly,
  },
  {
    name: "receive() blocks a group while its first message is hidden",
    needs: ["groups", "redelivers"],
    run: blocksDelayed,
  },
  {
    name: "receive() takes its wait when all groups are blocked",
    needs: ["groups"],
    run: waitsBlocked,
  },
  {
    name: "receive() returns when a group is freed while it waits",
    needs: ["groups"],
    run: wakesFreed,
  },
  {
    name: "acknowledge() of an expired FIFO lock is LOCK_LOST",
    needs: ["groups", "redelivers"],
    run: refusesExpired,
  },
];

async function carriesIds(bench: Bench): Promise<void> {
  const queue = await bench.createQueue({ fifo: true });
  const token = Array.from({ length: 94 }, (_, index) => String.fromCharCode(33 + index)).join("");
  const group = token.padEnd(128, "g");
  const deduplicationId = token.padEnd(128, "d");
  await queue.fill([{ group, deduplicationId }]);
  const [delivery] = await queue.collect(1);
  expectSame(delivery?.message.group, group, "receive() must give the group");
  const id = delivery?.message.deduplicationId;
  expectSame(id, deduplicationId, "receive() must give the deduplication id");
}

async function refusesBadIds(bench: Bench): Promise<void> {
  const queue = await bench.createQueue({ fifo: true });
  const long = "x".repeat(129);
  const bad: [what: string, message: Partial<OutgoingMessage>][] = [
    ["a group with a space", { group: "a b" }],
    ["a group of 129 characters", { group: long }],
    ["an empty group", { group: "" }],
    ["a group outside of ASCII", { group: "é" }],
    ["an empty deduplication id", { deduplicationId: "" }],
    ["a deduplication id of 129 characters", { deduplicationId: long }],
  ];
  for (const [what, message] of bad) {
    const results = await queue.send(["before", message, "after", "last"]);
    expectCount(results, 4, "send()");
    const [before, refused, after, last] = results;
    expectFailed(refused, `send() must refuse ${what}`, "INVALID_MESSAGE");
    expect(before?.ok && after?.ok && last?.ok, `send() must store the neighbours of ${what}`);
  }
  const call = await bench.backend.send(queue.destination, [{ body: "x", attributes: {} }]);
  expectFailed(call[0], "send() to FIFO must refuse a message without a group", "INVALID_MESSAGE");
  await drain(bench, queue, 3 * bad.length);
}

async function refusesDelay(bench: Bench): Promise<void> {
  const queue = await bench.createQueue({ fifo: true, straight: true });
  const [result] = await queue.send([{ delayMs: bench.visibilityMs }]);
  expectFailed(result, "send() to FIFO must refuse a delay", "INVALID_MESSAGE");
}

async function refusesStandardId(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  const results = await queue.send(["before", { deduplicationId: "id" }, "after", "last"]);
  expectCount(results, 4, "send()");
  const [before, refused, after, last] = results;
  expectFailed(refused, "send() must refuse an id that nothing would go by", "INVALID_MESSAGE");
  expect(before?.ok && after?.ok && last?.ok, "send() must store the neighbours of a bad message");
  await queue.collect(3);
}

async function keepsOrder(bench: Bench): Promise<void> {
  const queue = await bench.createQueue({ fifo: true });
  const bodies = numbered(6);
  for (const body of bodies) {
    await queue.fill([{ body, group: "a" }, { body, group: "b" }]);
  }
  const received = await drain(bench, queue, 12);
  expectOrder(received, "a", bodies);
  expectOrder(received, "b", bodies);
}

async function keepsBatchOrder(bench: Bench): Promise<void> {
  const queue = await bench.createQueue({ fifo: true });
  const count = Math.min(10, bench.limits.queue.entries);
  const bodies = numbered(2 * count);
  await queue.fill(bodies.slice(0, count));
  await queue.fill(bodies.slice(count));
  expectOrder(await drain(bench, queue, 2 * count), "group", bodies);
}

function expectOrder(deliveries: readonly Delivery[], group: string, bodies: string[]): void {
  const ofGroup = deliveries.filter(({ message }) => message.group === group);
  expectSame(bodiesOf(ofGroup), bodies, "receive() must keep the order of a message group");
}

/** Receives and acknowledges until `count` messages came. */
export async function drain(bench: Bench, queue: Queue, count: number): Promise<Delivery[]> {
  const all: Delivery[] = [];
  for (let turn = 0; turn < 3 * count && all.length < count; turn++) {
    const deliveries = await queue.receive();
    await acknowledgeAll(bench, queue, deliveries);
    all.push(...deliveries);
  }
  expectSame(all.length, count, "receive() must return all messages");
  return all;
}

async function growsSequence(bench: Bench): Promise<void> {
  const queue = await bench.createQueue({ fifo: true });
  const sent = expectAllOk(await queue.send(numbered(3)), 3, "send()");
  const received = await drain(bench, queue, 3);
  expectGrowing(sent.map(({ sequenceNumber }) => sequenceNumber));
  expectGrowing(received.map(({ message }) => message.sequenceNumber));
}

function expectGrowing(numbers: readonly (string | undefined)[]): void {
  const given = numbers.filter((number) => number !== undefined);
  if (given.length === 0) return;
  expectSame(given.length, numbers.length, "sequenceNumber must be given for each message");
  const grows = given.every((number, index) =>
    index === 0 || BigInt(number) > BigInt(given[index - 1]!)
  );
  expect(grows, `sequenceNumber must grow: got ${given.join(", ")}`);
}

async function returnsReleasedFirst(bench: Bench): Promise<void> {
  const queue = await bench.createQueue({ fifo: true });
  await queue.fill(numbered(3));
  await releaseAll(bench, queue, await queue.receive(), 0);
  const bodies = bodiesOf(await drain(bench, queue, 3));
  expectSame(bodies, numbered(3), "receive() must keep the order after a release");
}

async function returnsExpiredFirst(bench: Bench): Promise<void> {
  const queue = await bench.createQueue({ fifo: true });
  await queue.fill(numbered(3));
  await queue.receive({ visibilityMs: bench.visibilityMs });
  await bench.letLocksEnd();
  const bodies = bodiesOf(await drain(bench, queue, 3));
  expectSame(bodies, numbered(3), "receive() must keep the order after a lock has ended");
}

async function blocksGroup(bench: Bench): Promise<void> {
  const queue = await bench.createQueue({ fifo: true });
  await queue.fill([{ body: "a 1", group: "a" }, { body: "a 2", group: "a" }]);
  const first = await queue.collect(1);
  expectSame(bodiesOf(first), ["a 1"], "receive() must begin with the first of a group");
  await queue.expectNothing("receive() must not return a group that is in flight");
  await queue.fill([{ body: "b 1", group: "b" }]);
  expectSame(bodiesOf(await queue.collect(1)), ["b 1"], "receive() must return other groups");
  await acknowledgeAll(bench, queue, first);
  const next = bodiesOf(await queue.collect(1));
  expectSame(next, ["a 2"], "receive() must go on with a group that was settled");
}

async function blocksPartly(bench: Bench): Promise<void> {
  const queue = await bench.createQueue({ fifo: true });
  await queue.fill(numbered(3));
  const received = await queue.receive({ max: 2 });
  const [first, ...followers] = received;
  await acknowledgeAll(bench, queue, [first!]);
  if (followers.length > 0) {
    await queue.expectNothing("receive() must not return a group that is partly in flight");
    await acknowledgeAll(bench, queue, followers);
  }
  const rest = bodiesOf(await drain(bench, queue, 3 - received.length));
  const expected = numbered(3).slice(received.length);
  expectSame(rest, expected, "receive() must go on with a group that was settled");
}

async function blocksDelayed(bench: Bench): Promise<void> {
  const queue = await bench.createQueue({ fifo: true });
  await queue.fill(numbered(2));
  await releaseAll(bench, queue, await queue.collect(1), bench.visibilityMs);
  await queue.expectNothing("receive() must not overtake a message that is hidden");
  const bodies = bodiesOf(await drain(bench, queue, 2));
  expectSame(bodies, numbered(2), "receive() must keep the order after a release with a delay");
}

async function waitsBlocked(bench: Bench): Promise<void> {
  const queue = await bench.createQueue({ fifo: true });
  await queue.fill(numbered(2));
  await queue.collect(1);
  await expectFullWait(bench, queue);
}

async function wakesFreed(bench: Bench): Promise<void> {
  const queue = await bench.createQueue({ fifo: true });
  await queue.fill(numbered(2));
  const first = await queue.collect(1);
  const { waitMs } = bench.limits.queue;
  const options = { max: 1, waitMs, visibilityMs: bench.lockMs };
  const pending = bench.untimed.receive(queue.name, options);
  let ended = false;
  pending.then(() => ended = true, () => ended = true);
  await bench.time.pass(bench.waitMs / 4);
  expect(!ended, "receive() must wait while all groups are blocked");
  await acknowledgeAll(bench, queue, first);
  const next = await bench.promptly(pending, "receive() for which a group was freed");
  expectSame(next.length, 1, "receive() must return the next message of a freed group");
}

async function refusesExpired(bench: Bench): Promise<void> {
  const queue = await bench.createQueue({ fifo: true });
  await queue.fill(["once"]);
  const [delivery] = await queue.collect(1, { visibilityMs: bench.visibilityMs });
  await bench.letLocksEnd();
  const [result] = await bench.backend.acknowledge(queue.name, [delivery!.receipt]);
  expectFailed(result, "acknowledge() of an expired FIFO lock must fail", "LOCK_LOST");
  await queue.collect(1);
}
