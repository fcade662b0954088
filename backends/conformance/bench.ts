import type {
  Backend,
  DeclareQueueOptions,
  Guarantees,
  ReceiveOptions,
} from "../../src/backend.ts";
import { expect } from "./expect.ts";
import { type Queue, queueAt, type QueueContext } from "./queue.ts";
import { createTime, type Time } from "./time.ts";

/** A backend to check, and the time it lives in. */
export interface BackendUnderTest {
  /** A new backend, for one check alone. */
  backend: Backend;
  /** Lets time pass: moves the clock of the backend, or really waits. */
  pass(ms: number): Promise<void>;
  /** Closes the backend and everything that was started for the backend. */
  close(): Promise<void>;
  /**
   * Opens another backend on the store of the first, as after a new start of the process. Needed
   * where `durable` is guaranteed. The check closes the backend.
   */
  reopen?(): Promise<Backend>;
}

/** The options of the suite that matter to a check. */
export interface BenchOptions {
  /** The guarantees that the backend claims. */
  guarantees: Guarantees;
  /** The way of messages to a queue: straight, or through a topic. */
  route: "queue" | "topic";
  /** True if topics deliver without an envelope. */
  rawDelivery: boolean;
  /** The shortest lock and the shortest delay, in milliseconds. */
  visibilityMs: number;
  /** The shortest wait of a receive, in milliseconds. */
  waitMs: number;
}

/** The tools of one check. */
export interface Bench extends QueueContext {
  /** The backend; time flows while a call of it is under way. */
  readonly backend: Backend;
  /** The same without time: for calls that are to stay under way while the check does more. */
  readonly untimed: Backend;
  /** Another backend on the same messages; the check closes it. */
  readonly reopen: (() => Promise<Backend>) | undefined;
  /** The guarantees that the suite was told. */
  readonly guarantees: Guarantees;
  readonly rawDelivery: boolean;
  /** The longest time for something that happens at once, in milliseconds. */
  readonly promptMs: number;
  /** A name that nothing has yet. */
  newName(suffix?: string): string;
  /** Creates a queue, and a topic in front of the queue on the route through topics. */
  createQueue(options?: CreateQueueOptions): Promise<Queue>;
  /** A queue that exists, sent to straight. */
  queueNamed(name: string, backend?: Backend): Queue;
  /** A topic that exists, to send to. */
  topicNamed(name: string): Pick<Queue, "send" | "fill">;
  /** Lets a lock of `visibilityMs` end. */
  letLocksEnd(): Promise<void>;
  /** Lets time flow while a call is to end at once. */
  promptly<T>(call: Promise<T>, what: string): Promise<T>;
  /** Repeats a look until the result is true; throws if the result stays false. */
  eventually(look: () => Promise<boolean>, rule: string): Promise<void>;
}

/** Options of {@linkcode Bench.createQueue}. */
export interface CreateQueueOptions extends DeclareQueueOptions {
  /** Make it a FIFO queue. Default: `false`. */
  fifo?: boolean;
  /** Send to the queue whatever the route is. Default: `false`. */
  straight?: boolean;
}

/** The longest time of a call other than a receive, in milliseconds; a longer call hangs. */
const CALL_LIMIT_MS = 30_000;

/**
 * Sets a backend up for one check. `end` deletes the queues and topics of the check and closes the
 * backend.
 */
export function createBench(
  under: BackendUnderTest,
  options: BenchOptions,
): { bench: Bench; end(): Promise<void> } {
  const { visibilityMs, waitMs, route, rawDelivery } = options;
  const time = createTime((ms) => under.pass(ms), Math.min(visibilityMs, waitMs) / 5);
  const backend = timed(under.backend, time);
  const names = createNames();
  const longestMs = backend.limits.queue.visibilityMs;

  const bench: Bench = {
    backend,
    untimed: under.backend,
    reopen: under.reopen && (async () => timed(await under.reopen!(), time)),
    guarantees: options.guarantees,
    limits: backend.limits,
    time,
    rawDelivery,
    visibilityMs,
    waitMs,
    lockMs: Math.min(30 * visibilityMs, longestMs),
    promptMs: Math.min(visibilityMs, backend.limits.queue.waitMs / 2),
    newName: names.create,
    createQueue: (queueOptions = {}) => createQueue(bench, route, queueOptions),
    queueNamed: (name, other = backend) =>
      queueAt({ ...bench, backend: other }, { name, destination: { queue: name } }),
    topicNamed: (name) => queueAt(bench, { name, destination: { topic: name } }),
    letLocksEnd: () => time.pass(visibilityMs * 1.1),
    promptly: (call, what) => time.flow(call, { what, limitMs: bench.promptMs }),
    eventually: (look, rule) => eventually(bench, look, rule),
  };

  async function end(): Promise<void> {
    // What a check left behind is deleted as far as that works: it may have closed the backend.
    await Promise.allSettled(
      names.all().flatMap((name) => [backend.deleteQueue(name), backend.deleteTopic(name)]),
    );
    await time.rest();
    await under.close();
  }
  return { bench, end };
}

/** Wraps the backend. Each call lets time flow until the call settles, so that no call can hang. */
function timed(backend: Backend, time: Time): Backend {
  return new Proxy(backend, {
    get(target, key) {
      const member: unknown = Reflect.get(target, key, target);
      if (typeof member !== "function" || key === "sizeOf") return member;
      return (...args: unknown[]) => {
        const waitMs = key === "receive" ? (args[1] as ReceiveOptions).waitMs : 0;
        const limitMs = CALL_LIMIT_MS + waitMs;
        return time.flow(Promise.resolve(member.apply(target, args)), {
          what: `${String(key)}()`,
          limitMs,
        });
      };
    },
  });
}

function createNames(): { create(suffix?: string): string; all(): string[] } {
  const random = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  const names: string[] = [];
  return {
    create(suffix = "") {
      const name = `conformance-${random.toString(36)}-${names.length}${suffix}`;
      names.push(name);
      return name;
    },
    all: () => names,
  };
}

async function createQueue(
  bench: Bench,
  route: "queue" | "topic",
  options: CreateQueueOptions,
): Promise<Queue> {
  const { fifo, straight, ...declared } = options;
  const name = bench.newName(fifo ? ".fifo" : "");
  if (route === "queue" || straight) {
    await bench.backend.declareQueue(name, declared);
    return bench.queueNamed(name);
  }
  const topic = bench.newName(fifo ? ".fifo" : "");
  const { contentBasedDeduplication } = declared;
  await bench.backend.declareTopic(
    topic,
    contentBasedDeduplication ? { contentBasedDeduplication } : {},
  );
  const subscribeTo = [...declared.subscribeTo ?? [], { topic, raw: bench.rawDelivery }];
  await bench.backend.declareQueue(name, { ...declared, subscribeTo });
  return queueAt(bench, { name, destination: { topic } });
}

async function eventually(
  bench: Bench,
  look: () => Promise<boolean>,
  rule: string,
): Promise<void> {
  const limitMs = bench.time.passed() + 5 * bench.visibilityMs;
  while (!await look()) {
    expect(bench.time.passed() < limitMs, rule);
    await bench.time.pass(bench.visibilityMs / 10);
  }
}
