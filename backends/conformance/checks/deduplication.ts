import type { Bench } from "../bench.ts";
import type { Check } from "../check.ts";
import { expectAllOk, expectSame } from "../expect.ts";
import { bodiesOf } from "../messages.ts";
import { drain } from "./fifo.ts";

/** The promises of FIFO queues and topics about de-duplication. */
export const deduplicationChecks: readonly Check[] = [
  { name: "send() drops a repeated deduplication id", needs: ["deduplicates"], run: deduplicates },
  {
    name: "send() drops a repeated deduplication id within one batch",
    needs: ["deduplicates"],
    run: deduplicatesBatch,
  },
  {
    name: "send() drops a repeated deduplication id after the message was acknowledged",
    needs: ["deduplicates"],
    run: deduplicatesRemoved,
  },
  {
    name: "send() takes a deduplication id again after five minutes",
    needs: ["deduplicates"],
    passesMs: 301_000,
    run: forgetsIds,
  },
  {
    name: "send() de-duplicates each queue for itself",
    needs: ["deduplicates"],
    run: deduplicatesApart,
  },
  {
    name: "declareQueue() de-duplicates by the body if asked to",
    needs: ["deduplicates"],
    run: deduplicatesByBody,
  },
];

async function deduplicates(bench: Bench): Promise<void> {
  const queue = await bench.createQueue({ fifo: true });
  await queue.fill([{ body: "first", deduplicationId: "same" }]);
  await queue.fill([{ body: "second", deduplicationId: "same", group: "other" }]);
  await queue.fill([{ body: "third", deduplicationId: "other", group: "third" }]);
  const bodies = bodiesOf(await queue.collect(2)).sort();
  expectSame(bodies, ["first", "third"], "send() must keep the first of equal ids");
  await queue.expectNothing("send() must drop a repeated deduplication id");
}

async function deduplicatesBatch(bench: Bench): Promise<void> {
  const queue = await bench.createQueue({ fifo: true });
  const same = { deduplicationId: "same" };
  await queue.fill([{ body: "first", ...same }, { body: "second", ...same }, "third"]);
  const bodies = bodiesOf(await drain(bench, queue, 2));
  expectSame(bodies, ["first", "third"], "send() must keep the first of equal ids");
  await queue.expectNothing("send() must drop a repeated deduplication id");
}

async function deduplicatesRemoved(bench: Bench): Promise<void> {
  const queue = await bench.createQueue({ fifo: true });
  await queue.fill([{ body: "first", deduplicationId: "same" }]);
  await drain(bench, queue, 1);
  await queue.fill([{ body: "second", deduplicationId: "same" }]);
  await queue.expectNothing("send() must remember the id of a message that was acknowledged");
}

async function forgetsIds(bench: Bench): Promise<void> {
  const queue = await bench.createQueue({ fifo: true });
  await queue.fill([{ body: "first", deduplicationId: "same" }]);
  await drain(bench, queue, 1);
  await bench.time.pass(299_000 - 2 * bench.waitMs);
  await queue.fill([{ body: "second", deduplicationId: "same" }]);
  await queue.expectNothing("send() must remember a deduplication id for five minutes");
  await bench.time.pass(2_000 + 2 * bench.waitMs);
  await queue.fill([{ body: "third", deduplicationId: "same" }]);
  const bodies = bodiesOf(await drain(bench, queue, 1));
  expectSame(bodies, ["third"], "send() must take a deduplication id again after five minutes");
}

async function deduplicatesApart(bench: Bench): Promise<void> {
  const one = await bench.createQueue({ fifo: true });
  const other = await bench.createQueue({ fifo: true });
  await one.fill([{ body: "one", deduplicationId: "same" }]);
  await other.fill([{ body: "other", deduplicationId: "same" }]);
  expectSame(bodiesOf(await one.collect(1)), ["one"], "send() must de-duplicate each queue apart");
  expectSame(
    bodiesOf(await other.collect(1)),
    ["other"],
    "send() must de-duplicate each queue apart",
  );
}

async function deduplicatesByBody(bench: Bench): Promise<void> {
  const queue = await bench.createQueue({ fifo: true, contentBasedDeduplication: true });
  const send = async (body: string, text: string) => {
    const message = { body, attributes: { text }, group: "group" };
    expectAllOk(await bench.backend.send(queue.destination, [message]), 1, "send()");
  };
  await send("same", "first");
  await send("same", "second");
  await send("other", "first");
  const bodies = bodiesOf(await drain(bench, queue, 2));
  expectSame(bodies, ["same", "other"], "send() must de-duplicate by the body");
  await queue.expectNothing("send() must drop a repeated body");
}
