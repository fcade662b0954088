import type { Backend } from "../../src/backend.ts";
import { MessageConsumer } from "../../src/consume/consumer.ts";
import type { Dispatcher } from "../../src/handle/dispatcher.ts";
import type { OutgoingMessage, ReceivedMessage } from "../../src/wire/message.ts";
import { until, untilEmpty } from "../wait.ts";
import { factsOn, FOLLOWER, type Host, type OpenHost } from "./host.ts";

/** Backends that a worker runs on. */
export interface Backends {
  /** Where messages are published. */
  readonly publishing: Backend;
  /** Where they are consumed. It may be the same. */
  readonly consuming: Backend;
  close(): Promise<void>;
}

/** Options of {@linkcode workerHost}. */
export interface WorkerHostOptions {
  /** What the backend is called. */
  name: string;
  /** Starts the backends. */
  open(): Promise<Backends>;
  fifo: boolean;
  /** Whether the queues have dead-letter queues. */
  deadLetters: boolean;
}

/** A worker on a queue: one `MessageConsumer` per message, each with a queue of its own. */
export function workerHost({ name, open, fifo, deadLetters }: WorkerHostOptions): Host {
  const kind = fifo ? "FIFO queue" : "queue";
  return {
    name: `a worker on ${name}, ${kind}${deadLetters ? "" : " without DLQ"}`,
    kind: deadLetters ? kind : `${kind} without DLQ`,
    open: async (dispatcher) => {
      const backends = await open();
      return {
        deliver: async (message) => {
          const place = await createPlace(backends, { fifo, deadLetters, dispatcher });
          return fifo ? await deliverInGroup(message, place) : await deliverAlone(message, place);
        },
        close: () => backends.close(),
      } satisfies OpenHost;
    },
  };
}

/** A queue, its consumer, and where the dead letters go. */
interface Place {
  readonly backends: Backends;
  readonly queue: string;
  readonly deadLetterQueue: string | undefined;
  readonly consumer: MessageConsumer;
}

/** Failed messages come again without a pause, in place after a short one. */
const NO_PAUSE = { redelivery: { baseMs: 0, maxMs: 0 } };
const SHORT_PAUSE = { redelivery: { baseMs: 10, maxMs: 10 } };

async function createPlace(
  backends: Backends,
  { fifo, deadLetters, dispatcher }: {
    fifo: boolean;
    deadLetters: boolean;
    dispatcher: Dispatcher;
  },
): Promise<Place> {
  const suffix = fifo ? ".fifo" : "";
  const id = crypto.randomUUID();
  const queue = `work-${id}${suffix}`;
  const deadLetterQueue = deadLetters ? `dead-${id}${suffix}` : undefined;
  await backends.publishing.declareQueue(queue, deadLetterQueue ? { deadLetterQueue } : {});
  const consumer = new MessageConsumer({
    backend: backends.consuming,
    queue,
    dispatcher,
    waitMs: 0,
    refillMs: 10,
    ...fifo ? SHORT_PAUSE : NO_PAUSE,
  });
  return { backends, queue, deadLetterQueue, consumer };
}

async function deliverAlone(message: OutgoingMessage, place: Place): Promise<string> {
  const { backends, queue, consumer } = place;
  await send(backends, queue, [message]);
  await consumer.consumeEvent({ waitMs: 1_000 });
  const left = await receiveAll(backends, queue);
  const copies = await deadLettersIn(place);
  const facts = [
    ...left.map((again) => `visible again, receives: ${again.attempt}`),
    ...left.length === 0 ? ["deleted"] : [],
    ...copies,
  ];
  return facts.join("; ");
}

async function send(
  { publishing }: Backends,
  queue: string,
  messages: OutgoingMessage[],
): Promise<void> {
  const results = await publishing.send({ queue }, messages);
  for (const result of results) if (!result.ok) throw result.error;
}

/** Takes all messages out of a queue. None of them may be locked, or hidden. */
async function receiveAll({ consuming }: Backends, queue: string): Promise<ReceivedMessage[]> {
  const received = await untilEmpty(async () => {
    const options = { max: 10, waitMs: 0, visibilityMs: 30_000 };
    const deliveries = await consuming.receive(queue, options);
    await consuming.acknowledge(queue, deliveries.map(({ receipt }) => receipt));
    return deliveries.map(({ message }) => message);
  }, { what: `the messages in ${queue}` });
  const { available, inFlight, delayed } = await consuming.describeQueue(queue);
  if (available + inFlight + delayed > 0) throw new Error("A message is neither gone nor visible");
  return received;
}

async function deadLettersIn({ backends, deadLetterQueue }: Place): Promise<string[]> {
  if (deadLetterQueue === undefined) return [];
  const copies = await receiveAll(backends, deadLetterQueue);
  return copies.map((copy) => `copied to the DLQ: ${factsOn(copy)}`);
}

async function deliverInGroup(message: OutgoingMessage, place: Place): Promise<string> {
  const { backends, queue, consumer } = place;
  const inGroup = [message, FOLLOWER].map((each) => ({
    ...each,
    group: "o-1",
    deduplicationId: crypto.randomUUID(),
  }));
  await send(backends, queue, inGroup);
  consumer.start();
  try {
    await until(() => settledOrStuck(consumer), {
      what: "the end of both messages",
      saw: () => consumer.status(),
    });
  } finally {
    await consumer.stop();
  }
  const left = (await receiveAll(backends, queue)).map(({ body }) =>
    body === FOLLOWER.body ? "the follower" : "it"
  );
  const copies = await deadLettersIn(place);
  const { retried } = consumer.status();
  const facts = [
    ...retried > 0 ? ["tried again in place"] : [],
    ...left.length > 0 ? [`given back at the stop: ${left.join(", ")}`] : ["both deleted"],
    ...copies,
  ];
  return facts.join("; ");
}

/** With a dead-letter queue five tries are the end of it; more of them show that nothing ends them. */
function settledOrStuck(consumer: MessageConsumer): boolean {
  const { acknowledged, deadLettered, retried } = consumer.status();
  return acknowledged + deadLettered === 2 || retried >= 7;
}
