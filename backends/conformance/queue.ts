import type {
  Backend,
  BackendLimits,
  Delivery,
  ReceiveOptions,
  SendResult,
} from "../../src/backend.ts";
import { openEnvelope } from "../../src/wire/sns_envelope.ts";
import { type Destination, isFifo, type OutgoingMessage } from "../../src/wire/message.ts";
import { expect, expectAllOk } from "./expect.ts";
import type { Time } from "./time.ts";

/** A message, whose missing parts are filled in. A text is a body. */
export type Draft = string | Partial<OutgoingMessage>;

/** A queue and the way to it. */
export interface Queue {
  readonly name: string;
  /** The destination of messages for the queue. */
  readonly destination: Destination;
  /** Sends in one call. */
  send(drafts: readonly Draft[]): Promise<SendResult[]>;
  /** Sends in as many calls as it takes; all must be accepted. */
  fill(drafts: readonly Draft[]): Promise<void>;
  /** Receives once, up to ten, with a long lock, opening envelopes. */
  receive(options?: Partial<ReceiveOptions>): Promise<Delivery[]>;
  /** Receives until `count` messages came; throws if they do not. */
  collect(count: number, options?: Partial<ReceiveOptions>): Promise<Delivery[]>;
  /** Throws if there is something to receive. */
  expectNothing(rule: string): Promise<void>;
}

/** The parts that reach a queue. */
export interface QueueContext {
  readonly backend: Backend;
  readonly limits: BackendLimits;
  readonly time: Time;
  /** The shortest lock, in milliseconds. */
  readonly visibilityMs: number;
  /** A lock that does not end during a check, in milliseconds. */
  readonly lockMs: number;
  /** The shortest wait, in milliseconds. */
  readonly waitMs: number;
}

/** A queue that exists, sent to by way of the destination. */
export function queueAt(
  context: QueueContext,
  { name, destination }: Pick<Queue, "name" | "destination">,
): Queue {
  const { backend } = context;
  const complete = completer(isFifo(name));

  const queue: Queue = {
    name,
    destination,
    send: (drafts) => backend.send(destination, drafts.map(complete)),
    async fill(drafts) {
      const { entries } = "topic" in destination ? context.limits.topic : context.limits.queue;
      for (let start = 0; start < drafts.length; start += entries) {
        const batch = drafts.slice(start, start + entries);
        expectAllOk(await queue.send(batch), batch.length, "send()");
      }
    },
    async receive(options = {}) {
      const { lockMs: visibilityMs, waitMs } = context;
      const all = await backend.receive(name, {
        max: mostOf(context),
        waitMs,
        visibilityMs,
        ...options,
      });
      return all.map(({ receipt, message }) => ({ receipt, message: openEnvelope(message) }));
    },
    collect: (count, options) => collect(context, queue, { ...options, count }),
    async expectNothing(rule) {
      const bodies = (await lookTwice(context, queue)).map(({ message }) => message.body);
      const shown = JSON.stringify(bodies.map((body) => body.slice(0, 40)));
      expect(bodies.length === 0, `${rule}: receive() returned ${shown}`);
    },
  };
  return queue;
}

/** Fills in the missing parts; in FIFO queues, one group and an id for each message. */
function completer(fifo: boolean): (draft: Draft) => OutgoingMessage {
  let completed = 0;
  return (draft) => {
    const id = `sent-${completed++}`;
    const given = typeof draft === "string" ? { body: draft } : draft;
    const filled = { body: id, attributes: {}, ...given };
    return fifo ? { group: "group", deduplicationId: id, ...filled } : filled;
  };
}

async function collect(
  context: QueueContext,
  queue: Queue,
  { count, ...options }: Partial<ReceiveOptions> & { count: number },
): Promise<Delivery[]> {
  const limitMs = context.time.passed() + 3 * context.visibilityMs + 3 * context.waitMs;
  const all: Delivery[] = [];
  // Receives that do not wait let no time pass: their number is limited, too.
  for (let turn = 0; turn < 50 && all.length < count; turn++) {
    all.push(
      ...await queue.receive({ ...options, max: Math.min(mostOf(context), count - all.length) }),
    );
    if (context.time.passed() >= limitMs) break;
  }
  expect(all.length === count, `receive() must return ${count} messages: ${all.length} came`);
  return all;
}

/** Waits for messages under way; a service of many machines is asked twice. */
async function lookTwice(context: QueueContext, queue: Queue): Promise<Delivery[]> {
  await context.time.pass(context.visibilityMs / 10);
  const first = await queue.receive({ waitMs: 0 });
  return [...first, ...await queue.receive({ waitMs: 0 })];
}

function mostOf(context: QueueContext): number {
  return Math.min(10, context.limits.queue.entries);
}
