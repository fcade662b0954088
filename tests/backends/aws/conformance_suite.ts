import { after, before, describe, it } from "@std/testing/bdd";
import { AwsBackend } from "../../../backends/aws/mod.ts";
import { testBackend, type TestBackendOptions } from "../../../backends/conformance/mod.ts";
import { type Broker, startBroker } from "../../broker.ts";
import { startFauxqs } from "../../fauxqs.ts";

/** What AWS itself does otherwise, by its documentation. */
const OF_AWS = {
  "acknowledge() of a lock that another receive took over is LOCK_LOST":
    "SQS answers the delete with an older receipt with success",
};

/** What fauxqs, the second opinion, does otherwise than AWS. */
const OF_FAUXQS = {
  "receive() returns the group of a message in a standard queue": "fauxqs drops it",
  "receive() hands a message to one of those that wait": "fauxqs ends all waits for one message",
  "acknowledge() fails for a bad receipt only": "fauxqs accepts any receipt",
  "acknowledge() of an expired FIFO lock is LOCK_LOST": "fauxqs deletes with an expired receipt",
  "deadLetter() fails for a bad receipt only": "fauxqs accepts any receipt",
};

const OF_FAUXQS_QUEUES = {
  "send() carries characters of four bytes": "fauxqs refuses characters beyond U+FFFF in a queue",
};

const OF_FAUXQS_TOPICS = {
  "declareQueue() sets a delay for all messages": "fauxqs does not delay what a topic delivers",
};

/** How many checks wait for locks at the same time. */
const AT_ONCE = 16;
/** Three times the shortest lock: checks that run beside each other hold each other up. */
const LOCK_MS = 3_000;

/** A broker, and the checks that it fails. */
interface Opinion {
  readonly name: string;
  readonly start: () => Promise<Pick<Broker, "options" | "close">>;
  readonly ofQueues: Readonly<Record<string, string>>;
  readonly ofTopics: Readonly<Record<string, string>>;
}

const OPINIONS: readonly Opinion[] = [
  { name: "the emulator", start: startBroker, ofQueues: OF_AWS, ofTopics: OF_AWS },
  {
    name: "fauxqs",
    start: startFauxqs,
    ofQueues: { ...OF_AWS, ...OF_FAUXQS, ...OF_FAUXQS_QUEUES },
    ofTopics: { ...OF_AWS, ...OF_FAUXQS, ...OF_FAUXQS_TOPICS },
  },
];

for (const opinion of OPINIONS) describe(`AwsBackend on ${opinion.name}`, () => suite(opinion));

function suite({ start, ofQueues, ofTopics }: Opinion): void {
  let broker: Pick<Broker, "options" | "close">;
  const waiting: (() => Promise<void>)[] = [];

  before(async () => {
    broker = await start();
    for (let worker = 0; worker < AT_ONCE; worker++) void work();
  });
  after(() => broker.close());

  async function work(): Promise<void> {
    for (let run = waiting.shift(); run; run = waiting.shift()) await run();
  }

  /** Checks mostly wait: they run beside each other, and each test tells what became of its own. */
  function testBeside(name: string, check: () => Promise<void>): void {
    const outcome = Promise.withResolvers<void>();
    outcome.promise.catch(() => {});
    waiting.push(() => check().then(outcome.resolve, outcome.reject));
    it(name, () => outcome.promise);
  }

  function create() {
    const backend = new AwsBackend(broker.options);
    return {
      backend,
      pass: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
      close: () => backend.close(),
      reopen: () => Promise.resolve(new AwsBackend(broker.options)),
    };
  }

  const { guarantees } = new AwsBackend();
  const common = { guarantees, test: testBeside, create, visibilityMs: LOCK_MS } satisfies Partial<
    TestBackendOptions
  >;
  const topic = { ...common, route: "topic", except: ofTopics } as const;
  testBackend({ ...common, name: "queue", except: ofQueues });
  testBackend({ ...topic, name: "topic, raw" });
  testBackend({ ...topic, name: "topic, envelope", rawDelivery: false });
}
