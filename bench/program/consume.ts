/** Consuming a backlog with different numbers of slots, slow handlers, and latency. */
import { Consumer } from "sqs-consumer";
import type { Message } from "@aws-sdk/client-sqs";
import { Dispatcher, MessageConsumer, MessagePublisher } from "../../mod.ts";
import { events, OrderPlaced, sleep } from "./load.ts";
import { type Post, rawFetch } from "./by_hand.ts";
import { sdkSqs } from "./peers.ts";
import { backendOf } from "./publish.ts";
import type { Bench, Scenario, Variant } from "./scenario.ts";
import { QUEUE, REGION, type Stub } from "./stub.ts";
import type { StubSettings } from "../stub/settings.ts";

/** Handles a message that was sent at a time, in milliseconds since the epoch. */
type Handle = (sentAt: number) => void | Promise<void>;

/** A consumer that runs. */
interface Running {
  /** Ends it. The stub lets no receive wait any longer. */
  stop(): Promise<unknown>;
}

/** One way to consume: starts consumers with so many slots. */
type Consume = (slots: number, handle: Handle) => Running;

/** A backlog that is consumed as fast as it goes. */
export function consumeBacklog(slots: number): (bench: Bench) => Scenario {
  return (bench) => {
    const count = bench.quick ? 1_000 : 3_000;
    const ways = waysOf(bench.stub);
    const variants = Object.entries(ways).map(([name, consume]) =>
      draining(bench.stub, { name, consume, slots, count, handle: () => {} })
    );
    return { name: `consume, ${slots} slots`, sends: true, variants };
  };
}

/** The cost of a message with many slots that are all taken. */
export function consumeFull(allSlots: readonly number[]): (bench: Bench) => Scenario {
  return (bench) => {
    const { melange } = waysOf(bench.stub);
    const variants = allSlots.filter((slots) => !bench.quick || slots < 10_000).map((slots) => {
      const handle = () => sleep(slots / 10);
      const count = Math.max(2 * slots, bench.quick ? 2_000 : 5_000);
      return draining(bench.stub, {
        name: `${slots} slots`,
        consume: melange,
        slots,
        count,
        handle,
      });
    });
    return { name: "consume, all slots taken", sends: true, variants, rounds: 3, warmups: 0 };
  };
}

/** Every twentieth message takes 300 ms: how many are handled in a second. */
export function slowHandlers(slots: number): (bench: Bench) => Scenario {
  return (bench) => {
    const { stub } = bench;
    const { melange, "sqs-consumer": peer } = waysOf(stub);
    // One sqs-consumer has one batch under way, whatever it is told.
    const one: Consume = (_, handle) => peer(10, handle);
    const ways = { melange, "sqs-consumer": one };
    return {
      name: `5 % slow handlers, ${slots} slots`,
      sends: true,
      warmups: 0,
      variants: Object.entries(ways).map(([name, consume]) => {
        let running: Running | undefined;
        return {
          name,
          prepare: () => stub.reset({ backlog: 20_000 }),
          async run() {
            let started = 0;
            let count = 0;
            running = consume(slots, async () => {
              if (++started % 20 === 0) await sleep(SLOW_MS);
              count++;
            });
            await sleep(bench.quick ? 600 : 1_200);
            return { count };
          },
          async after() {
            await sleep(SLOW_MS);
            await ended(stub, running);
          },
        };
      }),
    };
  };
}

const SLOW_MS = 300;

/** Forty messages a second, each answer 10 ms away. */
export function latency(bench: Bench): Scenario {
  const count = bench.quick ? 40 : 60;
  const { melange, "limit: receive and delete": loop } = waysOf(bench.stub);
  const ways = { melange, "limit: receive and delete": loop };
  return {
    name: "latency at a round trip of 10 ms, 40/s",
    sends: true,
    warmups: 0,
    variants: Object.entries(ways).map(([name, consume]) =>
      timed(bench.stub, name, { consume, count })
    ),
  };
}

/** The first messages pay for what is set up once. */
const UNTIMED = 5;

function timed(
  stub: Stub,
  name: string,
  { consume, count }: { readonly consume: Consume; readonly count: number },
): Variant {
  const latencies: number[] = [];
  const handle = (sentAt: number) => void latencies.push(Date.now() - sentAt);
  const settings = { rttMs: 10, drip: { everyMs: 25, count } };
  const drain = draining(stub, { name, consume, slots: 10, count, settings, handle });
  return {
    ...drain,
    async run() {
      latencies.length = 0;
      return { ...await drain.run(), latencies: latencies.slice(UNTIMED) };
    },
  };
}

interface DrainOptions {
  readonly name: string;
  readonly consume: Consume;
  readonly slots: number;
  readonly count: number;
  readonly handle: Handle;
  readonly settings?: StubSettings;
}

/** Consumes so many messages, until the last of them is deleted. */
function draining(stub: Stub, options: DrainOptions): Variant {
  const { name, consume, slots, count, handle, settings = { backlog: count } } = options;
  let running: Running | undefined;
  return {
    name,
    prepare: () => stub.reset(settings),
    async run() {
      running = consume(slots, handle);
      await stub.deleted(count);
      return { count };
    },
    after: () => ended(stub, running),
  };
}

async function ended(stub: Stub, running: Running | undefined): Promise<void> {
  const stopped = running?.stop();
  await stub.end();
  await stopped;
  // The last acknowledgements are not to be counted in the next run.
  await stub.end();
}

/** Puts a message of ours into the stub, of which backlogs are made. */
export async function sendTemplate({ stub }: Bench): Promise<void> {
  const publisher = new MessagePublisher({ backend: backendOf(stub) });
  await publisher.publishAll(events(1), { queue: QUEUE });
}

function waysOf(stub: Stub) {
  const post = rawFetch(stub);
  return {
    melange: (slots, handle) => {
      const dispatcher = new Dispatcher();
      dispatcher.subscribe(OrderPlaced, (_, { message }) => handle(message.sentAt.getTime()));
      const concurrency = slots === 10 ? {} : { concurrency: slots };
      const backend = backendOf(stub);
      const consumer = new MessageConsumer({ backend, queue: QUEUE, dispatcher, ...concurrency });
      consumer.start();
      return { stop: () => consumer.stop() };
    },
    "sqs-consumer": (slots, handle) => {
      const consumers = times(slots / 10, () => startConsumer(stub, handle));
      return { stop: () => Promise.resolve(consumers.forEach((consumer) => consumer.stop())) };
    },
    "limit: receive and delete": (slots, handle) => {
      const stopping = new AbortController();
      const loops = times(slots / 10, async () => {
        while (!stopping.signal.aborted) await receiveAndDelete(post, stub, handle);
      });
      return {
        stop() {
          stopping.abort();
          return Promise.all(loops);
        },
      };
    },
  } satisfies Record<string, Consume>;
}

function times<T>(count: number, create: () => T): T[] {
  return Array.from({ length: Math.ceil(count) }, create);
}

function startConsumer(stub: Stub, handle: Handle): Consumer {
  const consumer = Consumer.create({
    queueUrl: stub.queueUrl,
    region: REGION,
    sqs: sdkSqs(stub),
    batchSize: 10,
    messageAttributeNames: ["All"],
    messageSystemAttributeNames: ["All"],
    handleMessageBatch: async (messages: Message[]) => {
      await Promise.all(messages.map(({ Body = "", Attributes }) => {
        JSON.parse(Body);
        return handle(Number(Attributes?.SentTimestamp));
      }));
      return messages;
    },
  });
  consumer.start();
  return consumer;
}

/** The least that a consumer does. */
async function receiveAndDelete(post: Post, { queueUrl }: Stub, handle: Handle): Promise<void> {
  const text = await post(
    "ReceiveMessage",
    JSON.stringify({
      QueueUrl: queueUrl,
      MaxNumberOfMessages: 10,
      WaitTimeSeconds: 20,
      MessageSystemAttributeNames: ["All"],
      MessageAttributeNames: ["All"],
    }),
  );
  const { Messages = [] } = JSON.parse(text) as {
    Messages?: { ReceiptHandle: string; Body: string; Attributes: { SentTimestamp: string } }[];
  };
  if (Messages.length === 0) return;
  await Promise.all(Messages.map(({ Body, Attributes }) => {
    JSON.parse(Body);
    return handle(Number(Attributes.SentTimestamp));
  }));
  const Entries = Messages.map(({ ReceiptHandle }, id) => ({ Id: String(id), ReceiptHandle }));
  await post("DeleteMessageBatch", JSON.stringify({ QueueUrl: queueUrl, Entries }));
}
