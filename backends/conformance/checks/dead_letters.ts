import type { Bench, CreateQueueOptions } from "../bench.ts";
import type { Check } from "../check.ts";
import {
  expect,
  expectAllOk,
  expectCount,
  expectError,
  expectFailed,
  expectSame,
} from "../expect.ts";
import { bodiesOf, numbered } from "../messages.ts";
import type { Queue } from "../queue.ts";
import { acknowledgeAll, releaseAll } from "../settle.ts";
import type { DeadLetterCopy, Delivery, SettleResult } from "../../../src/backend.ts";
import type { OutgoingMessage } from "../../../src/wire/message.ts";

/** The promises of dead-letter queues. */
export const deadLetterChecks: readonly Check[] = [
  {
    name: "deadLetter() puts the copy in the dead-letter queue and removes the message",
    needs: ["deadLetters"],
    run: moves,
  },
  {
    name: "deadLetter() fails for a bad receipt only",
    needs: ["deadLetters"],
    run: movesMixed,
  },
  {
    name: "deadLetter() keeps a message whose copy is refused",
    needs: ["deadLetters", "redelivers"],
    run: keepsRefused,
  },
  {
    name: "deadLetter() keeps messages whose dead-letter queue is gone",
    needs: ["deadLetters", "redelivers"],
    run: keepsWithoutTarget,
  },
  {
    name: "deadLetter() without a dead-letter queue is UNSUPPORTED and changes nothing",
    needs: ["deadLetters"],
    run: refusesWithout,
  },
  {
    name: "deadLetter() de-duplicates FIFO copies by the id of the message",
    needs: ["deadLetters", "deduplicates"],
    run: keepsEachCopy,
  },
  {
    name: "deadLetter() lets the message group go on",
    needs: ["deadLetters", "groups"],
    run: freesGroup,
  },
  {
    name: "deadLetter() is UNSUPPORTED where there are no dead-letter queues",
    without: "deadLetters",
    run: isUnsupported,
  },
  {
    name: "a message received maxReceives times moves to the dead-letter queue",
    needs: ["deadLetters", "redelivers"],
    run: redrives,
  },
  {
    name: "a FIFO message received maxReceives times moves and its group goes on",
    needs: ["deadLetters", "redelivers", "groups"],
    run: redrivesFifo,
  },
];

async function moves(bench: Bench): Promise<void> {
  const { queue, dead } = await createQueues(bench);
  const attributes = { text: "value", number: 12.5, bytes: new Uint8Array([0, 255]) };
  await queue.fill(["poison"]);
  const deliveries = await queue.collect(1, { visibilityMs: bench.visibilityMs });
  const results = await deadLetter(
    bench,
    queue,
    deliveries,
    () => ({ body: "copy 漢", attributes }),
  );
  expectAllOk(results, 1, "deadLetter()");

  const [moved] = await dead.collect(1);
  expectSame(moved?.message.body, "copy 漢", "deadLetter() must carry the body of the copy");
  expectSame(moved?.message.attributes, attributes, "deadLetter() must carry its attributes");
  await bench.letLocksEnd();
  await queue.expectNothing("deadLetter() must remove the message");
}

async function movesMixed(bench: Bench): Promise<void> {
  const { queue, dead } = await createQueues(bench);
  await queue.fill(numbered(3));
  const deliveries = await queue.collect(3, { visibilityMs: bench.visibilityMs });
  const copies = copiesOf(deliveries, ({ message }) => ({ body: message.body }));
  const bad = { receipt: "this is no receipt", copy: { body: "bad", attributes: {} } };
  copies.splice(1, 0, bad);
  const call = callDeadLetter(bench, queue, copies);
  copies.length = 0;
  const results = await call;

  expectCount(results, 4, "deadLetter()");
  const [first, failed, third, fourth] = results;
  expectFailed(failed, "deadLetter() must fail for a receipt that is none");
  expect(first?.ok && third?.ok && fourth?.ok, "deadLetter() must move the neighbours");
  // The copy is made first, so that of the bad receipt may be there, too.
  const bodies: string[] = [];
  for (let turn = 0; turn < 4 && bodies.length < 4; turn++) {
    bodies.push(...bodiesOf(await dead.receive()));
  }
  const moved = bodies.filter((body) => body !== "bad").sort();
  expectSame(moved, numbered(3), "deadLetter() must copy each message once");
  await queue.expectNothing("deadLetter() must remove the neighbours of a bad receipt");
}

async function keepsRefused(bench: Bench): Promise<void> {
  const { queue, dead } = await createQueues(bench);
  await queue.fill(numbered(4));
  const deliveries = await queue.collect(4, { visibilityMs: bench.visibilityMs });
  const copyOf = ({ message }: Delivery, index: number) => ({
    body: index === 1 ? "control \u0001" : message.body,
  });
  const results = await deadLetter(bench, queue, deliveries, copyOf);
  expectCount(results, 4, "deadLetter()");
  const [first, refused, third, fourth] = results;
  expectFailed(refused, "deadLetter() must refuse a bad copy", "INVALID_MESSAGE");
  expect(first?.ok && third?.ok && fourth?.ok, "deadLetter() must move the neighbours");

  await dead.collect(3);
  const kept = bodiesOf(await queue.collect(1));
  const expected = [deliveries[1]!.message.body];
  expectSame(kept, expected, "deadLetter() must not remove a message that it could not copy");
}

async function keepsWithoutTarget(bench: Bench): Promise<void> {
  const { queue, dead } = await createQueues(bench);
  await queue.fill(numbered(2));
  const deliveries = await queue.collect(2, { visibilityMs: bench.visibilityMs });
  await bench.backend.deleteQueue(dead.name);
  const errors = await errorsOf(deadLetter(bench, queue, deliveries));
  for (const error of errors) {
    expect(error !== undefined, "deadLetter() must fail without its dead-letter queue");
  }
  await queue.collect(2);
}

async function refusesWithout(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  await queue.fill(numbered(2));
  const deliveries = await queue.collect(2);
  for (const error of await errorsOf(deadLetter(bench, queue, deliveries))) {
    expectError(error, "deadLetter() must fail without a dead-letter queue", "UNSUPPORTED");
  }
  await queue.expectNothing("deadLetter() that fails must not give the lock back");
  await acknowledgeAll(bench, queue, deliveries);
}

async function keepsEachCopy(bench: Bench): Promise<void> {
  const { queue, dead } = await createQueues(bench, { fifo: true });
  await queue.fill([{ body: "a", group: "a" }, { body: "b", group: "b" }]);
  // The ids of the broker, which openEnvelope() replaces by those of the topic.
  const options = { max: 10, waitMs: bench.waitMs, visibilityMs: bench.lockMs };
  const deliveries: Delivery[] = [];
  for (let look = 0; look < 5 && deliveries.length < 2; look++) {
    deliveries.push(...await bench.backend.receive(queue.name, options));
  }
  expectSame(deliveries.length, 2, "receive() must return both messages");
  const ids = deliveries.map(({ message }) => message.id);
  const copyOf = ({ message }: Delivery, index: number) => ({
    group: `group-${index}`,
    deduplicationId: message.id,
  });
  const results = await deadLetter(bench, queue, deliveries, copyOf);
  expectAllOk(results, 2, "deadLetter()");
  const moved = (await dead.collect(2)).map(({ message }) => message.deduplicationId);
  expectSame(moved.sort(), ids.sort(), "deadLetter() must de-duplicate by the broker's id");
}

async function freesGroup(bench: Bench): Promise<void> {
  const { queue, dead } = await createQueues(bench, { fifo: true });
  await queue.fill(["first", "second"]);
  const first = await queue.collect(1);
  const copyOf = () => ({ body: "copy", group: "group", deduplicationId: first[0]!.message.id });
  expectAllOk(await deadLetter(bench, queue, first, copyOf), 1, "deadLetter()");
  const next = bodiesOf(await queue.collect(1));
  expectSame(next, ["second"], "deadLetter() must let the group go on");
  await dead.collect(1);
}

async function isUnsupported(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  await queue.fill(["poison"]);
  const deliveries = await queue.collect(1);
  if (bench.backend.deadLetter === undefined) return;
  for (const error of await errorsOf(deadLetter(bench, queue, deliveries))) {
    expectError(error, "deadLetter() must fail where it is not supported", "UNSUPPORTED");
  }
}

async function redrives(bench: Bench): Promise<void> {
  const { queue, dead } = await createQueues(bench, { maxReceives: 2 });
  const attributes = { text: "value", bytes: new Uint8Array([1, 2]) };
  await queue.fill([{ body: "poison", attributes }]);
  await releaseAll(bench, queue, await queue.collect(1), 0);
  await queue.collect(1, { visibilityMs: bench.visibilityMs });
  await bench.letLocksEnd();

  const moved = await redriven(bench, { queue, dead });
  expectSame(moved.message.body, "poison", "a redrive must keep the body");
  expectSame(moved.message.attributes, attributes, "a redrive must keep the attributes");
}

async function redrivesFifo(bench: Bench): Promise<void> {
  const { queue, dead } = await createQueues(bench, { fifo: true, maxReceives: 1 });
  await queue.fill(["poison", "good"]);
  const first = await queue.collect(1);
  expectSame(bodiesOf(first), ["poison"], "receive() must begin with the first of a group");
  await releaseAll(bench, queue, first, 0);
  const next = bodiesOf(await queue.collect(1));
  expectSame(next, ["good"], "a redrive must let the group go on");
  const moved = await redriven(bench, { queue, dead });
  expectSame(moved.message.body, "poison", "a redrive must move the message");
}

/**
 * Waits for a message that the broker moves. Brokers move a message at a receive beyond the limit,
 * or some time later, so the check looks at both queues until the message arrives.
 */
async function redriven(
  bench: Bench,
  { queue, dead }: { queue: Queue; dead: Queue },
): Promise<Delivery> {
  const found: Delivery[] = [];
  await bench.eventually(async () => {
    await queue.expectNothing("receive() must not return a message more often than maxReceives");
    found.push(...await dead.receive({ waitMs: 0 }));
    return found.length > 0;
  }, "a message received maxReceives times must move to the dead-letter queue");
  expect(found.length === 1, "a redrive must move a message once");
  return found[0]!;
}

/** A queue and its dead-letter queue. */
async function createQueues(
  bench: Bench,
  options: CreateQueueOptions = {},
): Promise<{ queue: Queue; dead: Queue }> {
  const deadLetterQueue = bench.newName(options.fifo ? "-dead.fifo" : "-dead");
  const queue = await bench.createQueue({ deadLetterQueue, maxReceives: 5, ...options });
  return { queue, dead: bench.queueNamed(deadLetterQueue) };
}

type CopyOf = (delivery: Delivery, index: number) => Partial<OutgoingMessage>;

function deadLetter(
  bench: Bench,
  queue: Queue,
  deliveries: readonly Delivery[],
  copyOf: CopyOf = () => ({}),
): Promise<SettleResult[]> {
  return callDeadLetter(bench, queue, copiesOf(deliveries, copyOf));
}

function copiesOf(deliveries: readonly Delivery[], copyOf: CopyOf): DeadLetterCopy[] {
  return deliveries.map((delivery, index) => ({
    receipt: delivery.receipt,
    copy: { body: "copy", attributes: {}, ...copyOf(delivery, index) },
  }));
}

async function callDeadLetter(
  bench: Bench,
  queue: Queue,
  copies: readonly DeadLetterCopy[],
): Promise<SettleResult[]> {
  const { backend } = bench;
  expect(backend.deadLetter, "deadLetter() must exist where dead-letter queues are guaranteed");
  return await backend.deadLetter(queue.name, copies);
}

/** Returns the errors of a call, either the thrown error or the errors of the items. */
async function errorsOf(call: Promise<SettleResult[]>): Promise<unknown[]> {
  const [outcome] = await Promise.allSettled([call]);
  if (outcome.status === "rejected") return [outcome.reason];
  expect(outcome.value.length > 0, "deadLetter() must give one result for each item");
  return outcome.value.map((result) => result.ok ? undefined : result.error);
}
