/** Who writes and reads messages in the tests of interoperability. */
import { PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import {
  DeleteMessageCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { CloudEvent, HTTP } from "cloudevents";
import { AwsBackend } from "../../backends/aws/mod.ts";
import { MessageConsumer } from "../../src/consume/consumer.ts";
import { defineEvent, typed } from "../../src/event/event.ts";
import { Dispatcher } from "../../src/handle/dispatcher.ts";
import { MessagePublisher } from "../../src/publish/publisher.ts";
import type { Format } from "../../src/wire/packed.ts";
import { mustRun } from "../../tasks/process.ts";
import type { RunningBroker } from "./brokers.ts";
import { installPython } from "./install.ts";

/** The data that every writer sends. */
export const DATA: Readonly<Record<string, unknown>> = { orderId: "ö-1", total: 42.5 };
const TYPE = "OrderPlaced";

/** A way from a writer to a queue. */
export type Route = "queue" | "topic" | "FIFO queue" | "FIFO topic";

/** All ways. */
export const ROUTES: readonly Route[] = ["queue", "topic", "FIFO queue", "FIFO topic"];

/** A message on its way. */
export interface Trip {
  readonly route: Route;
  /** The queue at the end. */
  readonly queue: string;
  /** The topic in front of the queue, on the ways that have one. */
  readonly topic: string;
}

/** A program that sends {@linkcode DATA}. */
export interface Writer {
  readonly name: string;
  /** The ways that it can send on, and why not on others. */
  readonly routes: readonly Route[];
  readonly write: (trips: readonly Trip[], broker: RunningBroker) => Promise<void>;
}

/** A program that reads one message of each trip. */
export interface Reader {
  readonly name: string;
  /** Tells that its subscriptions deliver in the envelope of SNS. */
  readonly envelope: boolean;
  /** Resolves to the data of each trip; `undefined` where the reader finds none. */
  readonly read: (trips: readonly Trip[], broker: RunningBroker) => Promise<unknown[]>;
}

const viaTopic = ({ route }: Trip) => route.endsWith("topic");
const isFifo = ({ route }: Trip) => route.startsWith("FIFO");
const OrderPlaced = defineEvent(TYPE, { schema: typed<unknown>(), group: () => "g" });

function ours(format: Format): Writer["write"] {
  return async (trips, { options }) => {
    const backend = new AwsBackend(options);
    const publisher = new MessagePublisher({ backend, format });
    for (const trip of trips) await publisher.publish(OrderPlaced(DATA), destinationOf(trip));
    await backend.close();
  };
}

function destinationOf(trip: Trip): { topic: string } | { queue: string } {
  return viaTopic(trip) ? { topic: trip.topic } : { queue: trip.queue };
}

function bySdk(text: () => string): Writer["write"] {
  return async (trips, broker) => {
    for (const trip of trips) await sendBySdk(text(), trip, broker);
  };
}

/** Sends a text with the SDK, with nothing beside it. */
async function sendBySdk(text: string, trip: Trip, { endpoint, options }: RunningBroker) {
  const settings = clientSettings(endpoint, options);
  const group = isFifo(trip) ? { MessageGroupId: "g", MessageDeduplicationId: "d" } : {};
  if (viaTopic(trip)) {
    const backend = new AwsBackend(options);
    const { address } = await backend.declareTopic(trip.topic).finally(() => backend.close());
    const client = new SNSClient(settings);
    await client.send(new PublishCommand({ TopicArn: address, Message: text, ...group }));
    return client.destroy();
  }
  const client = new SQSClient(settings);
  const { QueueUrl } = await client.send(new GetQueueUrlCommand({ QueueName: trip.queue }));
  await client.send(new SendMessageCommand({ QueueUrl, MessageBody: text, ...group }));
  client.destroy();
}

function clientSettings(endpoint: string, { region, credentials }: RunningBroker["options"]) {
  return { endpoint, region: region as string, credentials: credentials as never };
}

/** Receives one message with the SDK, and deletes it. */
async function receiveBySdk({ queue }: Trip, { endpoint, options }: RunningBroker) {
  const client = new SQSClient(clientSettings(endpoint, options));
  const { QueueUrl } = await client.send(new GetQueueUrlCommand({ QueueName: queue }));
  const { Messages: [message] = [] } = await client.send(
    new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5, MessageAttributeNames: ["All"] }),
  );
  const { ReceiptHandle } = message ?? {};
  if (ReceiptHandle) await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
  client.destroy();
  return message;
}

async function readBySdk(trip: Trip, broker: RunningBroker): Promise<unknown> {
  return JSON.parse((await receiveBySdk(trip, broker))?.Body ?? "null");
}

async function readCloudEvent(trip: Trip, broker: RunningBroker): Promise<unknown> {
  const message = await receiveBySdk(trip, broker);
  const headers = { "content-type": "application/cloudevents+json" };
  try {
    const event = HTTP.toEvent({ headers, body: message?.Body ?? "" }) as CloudEvent<unknown>;
    return event.type === TYPE ? event.data : undefined;
  } catch {
    return undefined;
  }
}

async function readByUs({ queue }: Trip, { options }: RunningBroker): Promise<unknown> {
  const backend = new AwsBackend(options);
  const dispatcher = new Dispatcher({ defaultEvent: OrderPlaced });
  let data: unknown;
  dispatcher.subscribe(OrderPlaced, (event) => void (data = event.data));
  const consumer = new MessageConsumer({ backend, queue, dispatcher });
  await consumer.consumeEvent({ waitMs: 5_000 });
  await backend.close();
  return data;
}

/** Reads trips one after the other: a reader that finds nothing has waited for it. */
function each(read: (trip: Trip, broker: RunningBroker) => Promise<unknown>): Reader["read"] {
  return async (trips, broker) => {
    const found: unknown[] = [];
    for (const trip of trips) found.push(await read(trip, broker));
    return found;
  };
}

const PROGRAM = new URL("peer.py", import.meta.url).pathname;
const PYTHON_MS = 300_000;

interface Job {
  readonly do: "publish" | "publish stock" | "cloudevent" | "consume";
  readonly queue?: string;
  readonly topic?: string;
  readonly data?: unknown;
}

interface Answer {
  readonly error?: string;
  readonly manifest?: string;
  readonly data?: unknown;
}

/** Lets Python do jobs, in one program. */
async function python(jobs: readonly Job[], { endpoint }: RunningBroker): Promise<Answer[]> {
  const packages = ["boto3==1.44.8", "funcy<2", "toolz<0.12", "methoddispatch<4", "singleton-py3"];
  const alone = ["melange==7.2.0"];
  const others = ["marshmallow<4", "pytz", "cloudevents==2.2.0"];
  const programs = await installPython("python", [...packages, ...others], { alone });
  const stdin = JSON.stringify({ endpoint, jobs });
  const env = { AWS_PROFILE: undefined, AWS_DEFAULT_REGION: "us-east-1" };
  const options = { stdin, env, timeoutMs: PYTHON_MS };
  return JSON.parse((await mustRun(`${programs}/python`, [PROGRAM], options)).stdout);
}

function byPython(kind: Job["do"]): Writer["write"] {
  return async (trips, broker) => {
    const jobs = trips.map((trip) => ({ do: kind, ...destinationOf(trip), data: DATA }));
    const failed = (await python(jobs, broker)).find(({ error }) => error !== undefined);
    if (failed) throw new Error(`Python says ${failed.error}`);
  };
}

/** Python's publisher gives no group to a topic. */
const OF_PYTHON: readonly Route[] = ["queue", "topic", "FIFO queue"];

/** All writers. */
export const WRITERS: readonly Writer[] = [
  { name: "Melange, plain", routes: ROUTES, write: ours("plain") },
  { name: "Melange, melange", routes: ROUTES, write: ours("melange") },
  { name: "Melange, cloudevents", routes: ROUTES, write: ours("cloudevents") },
  { name: "Python Melange 7.2", routes: OF_PYTHON, write: byPython("publish") },
  {
    name: "Python Melange 7.2, stock JsonSerializer",
    routes: OF_PYTHON,
    write: byPython("publish stock"),
  },
  {
    name: "AWS SDK",
    routes: ROUTES,
    write: bySdk(() => JSON.stringify(DATA)),
  },
  {
    name: "CloudEvents SDK, JavaScript",
    routes: ROUTES,
    write: bySdk(() => {
      const event = new CloudEvent({ type: TYPE, source: "/shop", data: DATA });
      return String(HTTP.structured(event).body);
    }),
  },
  { name: "CloudEvents SDK, Python", routes: OF_PYTHON, write: byPython("cloudevent") },
];

/** All readers. */
export const READERS: readonly Reader[] = [
  { name: "Melange, raw", envelope: false, read: each(readByUs) },
  { name: "Melange, envelope", envelope: true, read: each(readByUs) },
  {
    name: "Python Melange 7.2",
    envelope: true,
    async read(trips, broker) {
      const jobs = trips.map(({ queue }) => ({ do: "consume", queue }) as const);
      return (await python(jobs, broker)).map(({ data }) => data);
    },
  },
  { name: "AWS SDK", envelope: false, read: each(readBySdk) },
  { name: "CloudEvents SDK, JavaScript", envelope: false, read: each(readCloudEvent) },
];
