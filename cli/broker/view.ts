/** The facts that the page shows, as data: reading them takes no message. */
import type { AwsEmulator, EmulatorLook, QueueLook } from "../../backends/aws/emulator/mod.ts";
import { seen, type SeenMessage } from "./decode.ts";

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

/** Returns a function that gives the view. */
export function viewer(aws: AwsEmulator): (queue: string | undefined) => View {
  return (queue) => viewOf(aws.look({ queue, newest: NEWEST }), { queue, now: Date.now() });
}

/** Returns the view of a look at the emulator. */
export function viewOf(
  look: EmulatorLook,
  { queue, now }: { queue: string | undefined; now: number },
): View {
  const { topics, queues, subscriptions, messages } = look;
  const asked = queues.find(({ arn }) => arn === queue);
  return {
    topics: topics.map(({ arn }) => ({ arn, name: nameOf(arn) })),
    queues: queues.map((each) => queueView(each, queues)),
    subscriptions: subscriptions.map(({ topicArn, protocol, endpoint, pending, attributes }) => ({
      topic: topicArn,
      protocol,
      endpoint,
      pending,
      filter: attributes.FilterPolicy,
    })),
    ...(asked ? { messages: messages.map((each) => seen(each, { queue: asked.name, now })) } : {}),
  };
}

function queueView(look: QueueLook, queues: readonly QueueLook[]): QueueView {
  const { arn, name, available, delayed, inFlight } = look;
  const sources = queues.filter((other) => deadLetterQueueOf(other) === arn);
  return {
    arn,
    name,
    available,
    delayed,
    inFlight,
    deadLetterQueue: deadLetterQueueOf(look),
    sources: sources.map(({ arn }) => arn),
  };
}

/** The emulator keeps the policy as it was set: JSON that it has checked. */
function deadLetterQueueOf({ attributes }: QueueLook): string | undefined {
  const { RedrivePolicy = "" } = attributes;
  return RedrivePolicy === "" ? undefined : JSON.parse(RedrivePolicy).deadLetterTargetArn;
}

/** The last part of an ARN. */
export function nameOf(arn: string): string {
  return arn.slice(arn.lastIndexOf(":") + 1);
}
