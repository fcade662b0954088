/** The facts that the page shows, as data: reading them takes no message. */
import type { AwsEmulator, EmulatorSnapshot, QueueState } from "../../backends/aws/emulator/mod.ts";
import { seen, type SeenMessage } from "./decode.ts";
import { depthsOf } from "./depths.ts";

/** The facts that the page shows. */
export interface View {
  readonly topics: readonly { readonly arn: string; readonly name: string }[];
  readonly queues: readonly QueueView[];
  readonly subscriptions: readonly SubscriptionView[];
  /** The newest messages of the queue that was asked for, newest first. */
  readonly messages?: readonly SeenMessage[];
}

/** A queue. */
export interface QueueView {
  readonly arn: string;
  readonly name: string;
  readonly available: number;
  readonly delayed: number;
  readonly inFlight: number;
  /** The ARN of the queue for its dead letters. */
  readonly deadLetterQueue?: string | undefined;
  /** The ARNs of the queues whose dead letters come here. */
  readonly sources: readonly string[];
}

/** A subscription. */
export interface SubscriptionView {
  readonly topic: string;
  readonly protocol: string;
  /** The ARN of a queue, or an address. */
  readonly endpoint: string;
  readonly pending: boolean;
  readonly filter?: string | undefined;
}

/** So many messages are shown. */
const NEWEST = 25;
/** Looking may take this share of the time. */
const SHARE = 1 / 10;

/** Returns a function that gives the view. The view of a full broker may be older: looking must not hold the broker up. */
export function viewer(aws: AwsEmulator): (queue: string | undefined) => View {
  let snapshot: EmulatorSnapshot | undefined;
  let goodUntil = -Infinity;
  return (queue) => {
    const startedAt = performance.now();
    if (!snapshot || startedAt > goodUntil) {
      snapshot = aws.snapshot();
      const endedAt = performance.now();
      const took = endedAt - startedAt;
      goodUntil = took < 10 ? endedAt : endedAt + took / SHARE;
    }
    return viewOf(snapshot, { queue, now: Date.now() });
  };
}

/** Returns the view of a snapshot. */
export function viewOf(
  snapshot: EmulatorSnapshot,
  { queue, now }: { queue: string | undefined; now: number },
): View {
  const { topics, queues, subscriptions } = snapshot;
  const asked = queues.find(({ arn }) => arn === queue);
  return {
    topics: topics.map(({ arn }) => ({ arn, name: nameOf(arn) })),
    queues: queues.map((state) => queueView(state, { queues, now })),
    subscriptions: subscriptions.map(({ topicArn, protocol, endpoint, pending, attributes }) => ({
      topic: topicArn,
      protocol,
      endpoint,
      pending,
      filter: attributes.FilterPolicy,
    })),
    ...(asked ? { messages: newest(asked, now) } : {}),
  };
}

function queueView(
  state: QueueState,
  { queues, now }: { queues: readonly QueueState[]; now: number },
): QueueView {
  const { arn, name, engine } = state;
  const sources = queues.filter((other) => deadLetterQueueOf(other) === arn);
  return {
    arn,
    name,
    ...depthsOf(engine.messages, now),
    deadLetterQueue: deadLetterQueueOf(state),
    sources: sources.map(({ arn }) => arn),
  };
}

/** The emulator keeps the policy as it was set: JSON that it has checked. */
function deadLetterQueueOf({ attributes }: QueueState): string | undefined {
  const { RedrivePolicy = "" } = attributes;
  return RedrivePolicy === "" ? undefined : JSON.parse(RedrivePolicy).deadLetterTargetArn;
}

function newest({ engine, name: queue }: QueueState, now: number): SeenMessage[] {
  return engine.messages.toSorted((a, b) => b.ordinal - a.ordinal).slice(0, NEWEST)
    .map((message) => seen(message, { queue, now }));
}

/** The last part of an ARN. */
export function nameOf(arn: string): string {
  return arn.slice(arn.lastIndexOf(":") + 1);
}
