/**
 * Events flow: a broker in this process, two workers in processes of their own, 1,000 events over
 * real HTTP, and a table of what became of them. Exits with 0 only if the publisher, the workers
 * and the broker tell the same story.
 */
import { AwsBackend } from "../../backends/aws/mod.ts";
import { MessagePublisher } from "../../src/publish/publisher.ts";
import { type Broker, startBroker } from "../../tests/broker.ts";
import { taskArguments } from "../arguments.ts";
import { isComplete, type Sources } from "./accounts.ts";
import { deadLettersIn, depthsOf } from "./broker_view.ts";
import { OrderPlaced } from "./events.ts";
import { readTries } from "./record.ts";
import { createScreen, type Screen } from "./screen.ts";
import { linesOf, type Story } from "./story.ts";
import { startWorker, type Worker } from "./worker.ts";

const QUEUES = ["billing", "shipping"] as const;
const DEAD_LETTERS = "billing-dlq";
/** Longer than a failed message is ever hidden: without any change for so long, nothing will come. */
const PATIENCE_MS = 6_000;
const GLANCE_MS = 250;

/** The things that all steps of the demo share. */
interface Stage {
  readonly broker: Broker;
  readonly backend: AwsBackend;
  /** The folder of the workers' records. */
  readonly folder: string;
  readonly screen: Screen;
}

const OPTIONS = {
  events: { type: "count", value: "N", help: "how many are published; default: 1000" },
  preload: { type: "text", value: "MODULE", help: "a module that all programs of it load first" },
} as const;

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(args: string[]): Promise<number> {
  const { events = 1_000, preload } =
    taskArguments(args, { name: "demo", options: OPTIONS }).values;
  // With it, the tests lose a request.
  if (preload !== undefined) await import(preload);
  let requests = 0;
  const broker = await startBroker({ onRequest: ({ method }) => method === "POST" && requests++ });
  const folder = await Deno.makeTempDir({ prefix: "melange-demo-" });
  const backend = new AwsBackend(broker.options);
  try {
    const stage = { broker, backend, folder, screen: createScreen() };
    const story = await play(stage, { events, preload });
    const { lines, ok } = linesOf({ ...story, requests });
    for (const line of lines) console.log(line);
    return ok ? 0 : 1;
  } finally {
    await backend.close();
    await broker.close();
    await Deno.remove(folder, { recursive: true });
  }
}

async function play(
  stage: Stage,
  { events, preload }: { events: number; preload: string | undefined },
): Promise<Omit<Story, "requests">> {
  const { broker, screen } = stage;
  screen.say(`broker     SNS and SQS at ${broker.endpoint}, in this process`);
  await declare(stage);
  screen.say(
    `topology   topic orders -> queues ${QUEUES.join(", ")}; dead letters -> ${DEAD_LETTERS}`,
  );
  const workers = await Promise.all(QUEUES.map((queue) => start(stage, queue, preload)));
  screen.say(`workers    ${workers.length} processes of \`melange consume\`, one for each queue`);
  try {
    const startedAt = Date.now();
    const { published, failed } = await publish(stage, events);
    screen.say(`publisher  ${published.length} events accepted by the topic, ${failed} failed`);
    await watch(stage, published);
    const codes = await Promise.all(workers.map((worker) => worker.stop()));
    const sources = await look(stage, published);
    const deadLetters = deadLettersIn(broker.aws.snapshot(), DEAD_LETTERS);
    return { wanted: events, startedAt, sources, codes, deadLetters };
  } finally {
    await Promise.all(workers.map((worker) => worker.stop()));
  }
}

async function declare({ backend }: Stage): Promise<void> {
  await backend.declareTopic("orders");
  await backend.declareQueue("billing", {
    subscribeTo: ["orders"],
    deadLetterQueue: DEAD_LETTERS,
    maxReceives: 3,
  });
  await backend.declareQueue("shipping", { subscribeTo: ["orders"] });
}

function start(stage: Stage, queue: string, preload: string | undefined): Promise<Worker> {
  const { endpoint } = stage.broker;
  const env = {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
  };
  return startWorker({ queue, env, record: recordOf(stage, queue), preload });
}

function recordOf({ folder }: Stage, queue: string): string {
  return `${folder}/${queue}.ndjson`;
}

async function publish(
  { backend }: Stage,
  count: number,
): Promise<{ published: string[]; failed: number }> {
  const publisher = new MessagePublisher({ backend });
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  const events = numbers.map((number) => OrderPlaced({ number, total: number * 10 }));
  const results = await publisher.publishAll(events);
  const published = events.flatMap(({ id }, index) => results[index]?.ok ? [id] : []);
  return { published, failed: count - published.length };
}

/** Watches until every event has ended in every queue, or nothing changes any more. */
async function watch(stage: Stage, published: string[]): Promise<void> {
  let last = "";
  for (let patience = PATIENCE_MS; patience > 0; patience -= GLANCE_MS) {
    const sources = await look(stage, published);
    const line = stateOf(sources);
    stage.screen.show(line);
    if (isComplete(sources)) break;
    if (line !== last) patience = PATIENCE_MS;
    last = line;
    await new Promise((resolve) => setTimeout(resolve, GLANCE_MS));
  }
  stage.screen.show(undefined);
}

function stateOf({ published, queues }: Sources): string {
  const cells = queues.map(({ queue, tries, deadLetters }) => {
    const count = (result: string) => tries.filter((it) => it.result === result).length;
    return `${queue} ${count("handled")} handled ${
      count("failed")
    } failed ${deadLetters.length} dead`;
  });
  return [`published ${published.length}`, ...cells].join(" | ");
}

/** Asks the workers' records and the broker. */
async function look(stage: Stage, published: string[]): Promise<Sources> {
  const snapshot = stage.broker.aws.snapshot();
  const queues = QUEUES.map(async (queue) => ({
    queue,
    tries: await readTries(recordOf(stage, queue)),
    depths: depthsOf(snapshot, queue),
    deadLetters: queue === "billing"
      ? deadLettersIn(snapshot, DEAD_LETTERS).map(({ eventId }) => eventId)
      : [],
  }));
  return { published, queues: await Promise.all(queues) };
}
