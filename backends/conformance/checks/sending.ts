import type { Bench } from "../bench.ts";
import type { Check } from "../check.ts";
import {
  expect,
  expectAllOk,
  expectCount,
  expectFailed,
  expectSame,
  expectThrown,
} from "../expect.ts";
import { bodiesOf, numbered } from "../messages.ts";
import type { Queue } from "../queue.ts";
import type { Attributes, Destination, OutgoingMessage } from "../../../src/wire/message.ts";

const TEXTS = [
  "plain",
  "ünïcödé, 漢字, עברית",
  "tab\there",
  "line\nfeed",
  "carriage\rreturn\r\n",
  " \t white space at both ends \n ",
  '{"Message":"no envelope","Type":"nothing"}',
  "<a href='#'>&amp;]]></a>",
  "100 % +plus &amp=equals; back\\slash",
  "\u007F\u0080\u009F\u00A0\uFFFD\u2028\u2029",
  "0",
  "null",
];

const LONG_CHARACTERS = ["😀", "\u{10000} and \u{10FFFF}"];

/** The promises of `send` and `sizeOf` about bodies, batches and sizes. */
export const sendingChecks: readonly Check[] = [
  { name: "send() carries any text it accepts", run: carries(TEXTS) },
  { name: "send() carries characters of four bytes", run: carries(LONG_CHARACTERS) },
  { name: "send() gives one result per message, in order", run: answersInOrder },
  { name: "send() refuses bad bodies and stores their neighbours", run: refusesBodies },
  { name: "send() carries a body of the largest size in bytes", run: carriesLargest },
  { name: "send() refuses one byte too many and stores the neighbours", run: refusesTooLarge },
  { name: "send() counts attributes as part of the size", run: countsAttributes },
  { name: "send() takes a batch of the most messages and bytes", run: takesFullBatch },
  { name: "send() is not affected by later changes of its arguments", run: copiesArguments },
  { name: "send() to a missing queue is NOT_FOUND", run: refusesMissingQueue },
  { name: "sizeOf() counts the bytes of body and attributes", run: countsBytes },
  { name: "send() hides a message for its delay", needs: ["delays"], run: delays },
  {
    name: "send() makes a message of delay 0 available at once",
    needs: ["delays"],
    run: delaysZero,
  },
  { name: "send() takes the longest delay and none above it", needs: ["delays"], run: limitsDelay },
  {
    name: "send() hides a message for the longest delay",
    needs: ["delays"],
    passesMs: 900_000,
    run: delaysLongest,
  },
  { name: "declareQueue() sets a delay for all messages", needs: ["delays"], run: delaysQueue },
  { name: "send() refuses a delay where there are none", without: "delays", run: refusesDelay },
];

function carries(texts: readonly string[]): Check["run"] {
  return async (bench) => {
    const queue = await bench.createQueue();
    await queue.fill(texts);
    const bodies = bodiesOf(await queue.collect(texts.length));
    expectSame(bodies.sort(), [...texts].sort(), "send() must carry bodies unchanged");
  };
}

async function answersInOrder(bench: Bench): Promise<void> {
  const queue = await bench.createQueue({ straight: true });
  const bodies = numbered(bench.limits.queue.entries);
  const results = expectAllOk(await queue.send(bodies), bodies.length, "send()");

  const received = await queue.collect(bodies.length);
  const idOf = new Map(received.map(({ message }) => [message.body, message.id]));
  expectSame(
    results.map(({ messageId }) => messageId),
    bodies.map((body) => idOf.get(body)),
    "send() must give the id of each message in the order of the messages",
  );
  expectSame(
    new Set(idOf.values()).size,
    bodies.length,
    "send() must give each message its own id",
  );
}

async function refusesBodies(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  const bad = ["", "control \u0001", "null \u0000", "noncharacter \uFFFE", "half a pair \uD83D"];
  for (const body of bad) {
    const results = await queue.send(["before", body, "after", "last"]);
    expectCount(results, 4, "send()");
    const [before, refused, after, last] = results;
    expectFailed(refused, `send() must refuse the body ${JSON.stringify(body)}`, "INVALID_MESSAGE");
    expect(
      before?.ok && after?.ok && last?.ok,
      "send() must store the neighbours of a bad message",
    );
  }
  const bodies = bodiesOf(await queue.collect(3 * bad.length));
  const expected = bad.flatMap(() => ["after", "before", "last"]).sort();
  expectSame(bodies.sort(), expected, "send() must store the neighbours of a bad message");
}

async function carriesLargest(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  const message = messageOfSize(bench, queue.destination, limitsOf(bench, queue).messageBytes);
  await queue.fill([message]);
  const [delivery] = await queue.collect(1);
  expect(delivery?.message.body === message.body, "send() must carry the largest body unchanged");
}

async function refusesTooLarge(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  const size = limitsOf(bench, queue).messageBytes + 1;
  const tooLarge = messageOfSize(bench, queue.destination, size);
  const results = await queue.send(["before", tooLarge, "after", "last"]);
  expectCount(results, 4, "send()");
  const [before, refused, after, last] = results;
  expectFailed(refused, "send() must refuse a message above the limit", "INVALID_MESSAGE");
  expect(before?.ok && after?.ok && last?.ok, "send() must store the neighbours of a bad message");
  const bodies = bodiesOf(await queue.collect(3)).sort();
  expectSame(bodies, ["after", "before", "last"], "send() must store the neighbours only");
}

async function countsAttributes(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  const { messageBytes } = limitsOf(bench, queue);
  const attributes = { text: "ü".repeat(50), number: 12.5 };
  const fits = messageOfSize(bench, queue.destination, messageBytes, attributes);
  await queue.fill([fits]);
  const [result] = await queue.send([{ ...fits, body: `${fits.body}.` }]);
  expectFailed(result, "send() must count attributes as part of the size", "INVALID_MESSAGE");
}

async function takesFullBatch(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  const { entries, batchBytes, messageBytes } = limitsOf(bench, queue);
  const size = Math.min(messageBytes, Math.floor(batchBytes / entries));
  const batch = numbered(entries).map(() => messageOfSize(bench, queue.destination, size));
  expectAllOk(await queue.send(batch), entries, "send() of a full batch");
  await queue.collect(entries);
}

async function copiesArguments(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  const bytes = new Uint8Array([1, 2, 3]);
  const original = { body: "original", attributes: { bytes } };
  const messages: OutgoingMessage[] = [original, original];
  const call = bench.backend.send(queue.destination, messages);
  messages.length = 0;
  messages.push({ body: "changed", attributes: {} });
  expectAllOk(await call, 2, "send()");
  bytes.fill(9);

  for (const { message } of await queue.collect(2)) {
    expectSame(message.body, "original", "send() must not read its array after the call began");
    const expected = { bytes: new Uint8Array([1, 2, 3]) };
    expectSame(message.attributes, expected, "send() must not keep the bytes it was given");
  }
}

async function refusesMissingQueue(bench: Bench): Promise<void> {
  const call = bench.backend.send({ queue: bench.newName() }, [{ body: "x", attributes: {} }]);
  await expectThrown(call, "send() to a missing queue must be thrown", "NOT_FOUND");
}

async function countsBytes(bench: Bench): Promise<void> {
  const destination = { queue: bench.newName() };
  const sizeOf = (body: string, attributes: Attributes = {}) =>
    bench.backend.sizeOf({ body, attributes }, destination);
  const empty = sizeOf("x");
  const grows = (size: number, bytes: number, rule: string) =>
    expectSame(size - empty, bytes, `sizeOf() must count ${rule}`);
  grows(sizeOf("xé"), 2, "two bytes for é");
  grows(sizeOf("x漢"), 3, "three bytes for 漢");
  grows(sizeOf("x😀"), 4, "four bytes for 😀");
  grows(sizeOf("x", { ab: "é" }), 2 + 6 + 2, "name, type and value of a text attribute");
  grows(sizeOf("x", { n: 12 }), 1 + 6 + 2, "name, type and value of a number");
  grows(sizeOf("x", { b: new Uint8Array(5) }), 1 + 6 + 5, "name, type and value of bytes");
  const custom = { c: { type: "String.custom", value: "v" } };
  grows(sizeOf("x", custom), 1 + 13 + 1, "the label of a custom type");
  await Promise.resolve();
}

async function delays(bench: Bench): Promise<void> {
  const queue = await bench.createQueue({ straight: true });
  await queue.fill([{ body: "late", delayMs: bench.visibilityMs }, "early"]);
  const early = bodiesOf(await queue.receive());
  expectSame(early, ["early"], "send() must hide a message for its delay, and no other");
  await bench.time.pass(bench.visibilityMs / 2);
  await queue.expectNothing("send() must hide a message until its delay is over");
  const [late] = await queue.collect(1);
  expectSame(late?.message.body, "late", "send() must make a message available after its delay");
}

async function delaysZero(bench: Bench): Promise<void> {
  const queue = await bench.createQueue({ straight: true, delayMs: 10 * bench.visibilityMs });
  await queue.fill([{ body: "now", delayMs: 0 }]);
  const bodies = bodiesOf(await queue.receive());
  expectSame(bodies, ["now"], "send() must let a delay of 0 win over the delay of the queue");
}

async function limitsDelay(bench: Bench): Promise<void> {
  const queue = await bench.createQueue({ straight: true });
  const { delayMs } = bench.limits.queue;
  const results = await queue.send([
    { delayMs: delayMs + 1 },
    { delayMs },
    { delayMs: -1 },
    { delayMs: NaN },
    { body: "now", delayMs: 0 },
  ]);
  expectCount(results, 5, "send()");
  const [above, longest, negative, nan, none] = results;
  expectFailed(above, "send() must refuse a delay above the limit", "INVALID_MESSAGE");
  expectFailed(negative, "send() must refuse a negative delay", "INVALID_MESSAGE");
  expectFailed(nan, "send() must refuse a delay that is no number", "INVALID_MESSAGE");
  expect(longest?.ok, "send() must take the longest delay");
  expect(none?.ok, "send() must take a delay of 0");
  const bodies = bodiesOf(await queue.receive());
  expectSame(bodies, ["now"], "send() must hide a message that has the longest delay");
}

async function delaysLongest(bench: Bench): Promise<void> {
  const queue = await bench.createQueue({ straight: true });
  const { delayMs } = bench.limits.queue;
  await queue.fill([{ delayMs }]);
  await bench.time.pass(delayMs - 2 * bench.waitMs);
  await queue.expectNothing("send() must hide a message until its delay is over");
  await queue.collect(1);
}

async function delaysQueue(bench: Bench): Promise<void> {
  const queue = await bench.createQueue({ delayMs: bench.visibilityMs });
  await queue.fill(["late"]);
  await bench.time.pass(bench.visibilityMs / 2);
  await queue.expectNothing("declareQueue() must set the delay of messages that have none");
  await queue.collect(1);
}

async function refusesDelay(bench: Bench): Promise<void> {
  const queue = await bench.createQueue({ straight: true });
  const results = await queue.send(["before", { delayMs: bench.visibilityMs }, "after", "last"]);
  expectCount(results, 4, "send()");
  const [before, refused, after, last] = results;
  expectFailed(refused, "send() must refuse a delay it cannot keep", "INVALID_MESSAGE");
  expect(before?.ok && after?.ok && last?.ok, "send() must store the neighbours of a bad message");
  await queue.collect(3);
}

function limitsOf(bench: Bench, queue: Queue) {
  return "topic" in queue.destination ? bench.limits.topic : bench.limits.queue;
}

/** A message of exactly this size, most characters of which take more than one byte. */
function messageOfSize(
  bench: Bench,
  destination: Destination,
  bytes: number,
  attributes: Attributes = {},
): OutgoingMessage {
  const room = bytes - bench.backend.sizeOf({ body: "", attributes }, destination);
  const body = "漢".repeat(Math.floor(room / 3)) + "x".repeat(room % 3);
  const message = { body, attributes };
  const size = bench.backend.sizeOf(message, destination);
  expectSame(size, bytes, "sizeOf() must count bytes, not characters");
  return message;
}
