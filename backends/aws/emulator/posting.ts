/** Makes the deliveries that leave the emulator, and tells the world their results. */
import type { Clock } from "../../../src/support/clock.ts";
import type { Host } from "./host.ts";
import { isRecord, parsed } from "./input.ts";
import type { Operation } from "./operation.ts";
import type { Signer } from "./signer.ts";
import { CERTIFICATE_NAME, signedFields } from "./sns/envelope.ts";
import type { Post, World } from "./world.ts";

/** Runs a function of Lambda with an ARN and an event, as Lambda does. */
export type Invoke = (functionArn: string, event: unknown) => unknown;

/** Options of {@linkcode createPosting}. */
export interface PostingOptions {
  /** The world. */
  readonly host: Host;
  /** The time. */
  readonly clock: Clock;
  /** An operation of its own, now. */
  readonly own: (action: string, input: Operation["input"]) => Operation;
  /** Signs. */
  readonly signer: Signer;
  /** Posts. */
  readonly fetch: typeof fetch;
  /** Runs functions. */
  readonly invoke: Invoke | undefined;
}

/** https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html */
const TIMEOUT_MS = 15_000;

/** Makes posts when they are due. */
export interface Posting {
  /** Makes the due posts, and sets a timer for the next. */
  pump(): void;
}

/** Creates the maker of posts. */
export function createPosting(options: PostingOptions): Posting {
  const { host, clock, own } = options;
  const underWay = new Set<string>();
  let cancelTimer = () => {};

  function pump(): void {
    cancelTimer();
    cancelTimer = () => {};
    if (host.world.posts.size === 0) return;
    const now = clock.now();
    const waiting = [...host.world.posts.values()].filter(({ id }) => !underWay.has(id));
    for (const post of waiting) if (post.dueAt <= now) void make(post);
    const later = waiting.filter(({ dueAt }) => dueAt > now).map(({ dueAt }) => dueAt);
    if (later.length > 0) cancelTimer = clock.after(Math.min(...later) - now, pump);
  }

  async function make(post: Post): Promise<void> {
    underWay.add(post.id);
    const status = await statusOf(post, options);
    underWay.delete(post.id);
    host.run(own("PostAnswered", { id: post.id, status }));
  }

  return { pump };
}

/** The status of the answer; 0 if there was none. */
async function statusOf(post: Post, options: PostingOptions): Promise<number> {
  const ending = new AbortController();
  const cancel = options.clock.after(TIMEOUT_MS, () => ending.abort());
  try {
    if (post.protocol === "lambda") return await invoked(post, options);
    return await posted(post, options, ending.signal);
  } catch {
    // Nobody answered: it is tried again, and that is all there is to know.
    return 0;
  } finally {
    cancel();
  }
}

async function posted(
  post: Post,
  { fetch, signer, host }: PostingOptions,
  signal: AbortSignal,
): Promise<number> {
  const { fields, raw, type, topicArn, subscriptionArn, endpoint } = post;
  const version = host.world.topics.get(topicArn)?.attributes.SignatureVersion ?? "1";
  const body = raw ?? JSON.stringify(await signed(post, { version, signer }));
  const isConfirmation = type === "SubscriptionConfirmation";
  const response = await fetch(endpoint, {
    method: "POST",
    headers: {
      "content-type": isConfirmation ? PLAIN : contentTypeOf(post, host.world),
      "user-agent": "Amazon Simple Notification Service Agent",
      "x-amz-sns-message-type": type,
      "x-amz-sns-message-id": String(fields.MessageId),
      "x-amz-sns-topic-arn": topicArn,
      ...(isConfirmation ? {} : { "x-amz-sns-subscription-arn": subscriptionArn }),
      ...(raw === undefined ? {} : { "x-amz-sns-rawdelivery": "true" }),
    },
    body,
    redirect: "manual",
    signal,
  });
  await response.body?.cancel();
  return response.status;
}

const PLAIN = "text/plain; charset=UTF-8";

/** Returns the content type in the policy of the subscription, else of the topic. */
function contentTypeOf({ subscriptionArn, topicArn }: Post, world: World): string {
  const own = parsed(world.subscriptions.get(subscriptionArn)?.attributes.DeliveryPolicy);
  const { http } = parsed(world.topics.get(topicArn)?.attributes.DeliveryPolicy) ?? {};
  const policies = [own?.requestPolicy, isRecord(http) ? http.defaultRequestPolicy : undefined];
  const types = policies.map((policy) => isRecord(policy) ? policy.headerContentType : undefined);
  return String(types.find((type) => typeof type === "string") ?? PLAIN);
}

async function signed(
  { fields }: Post,
  { version, signer }: { version: string; signer: Signer },
): Promise<Record<string, unknown>> {
  const signature = await signer.sign(fields, version);
  const { origin } = new URL(String(fields.SubscribeURL ?? fields.UnsubscribeURL));
  const certificateUrl = `${origin}/${CERTIFICATE_NAME}${await signer.name()}.pem`;
  return signedFields(fields, { version, signature, certificateUrl });
}

async function invoked(post: Post, options: PostingOptions): Promise<number> {
  const { subscriptionArn, endpoint } = post;
  if (!options.invoke) return 0;
  const version = "1";
  const { SigningCertURL, UnsubscribeURL, MessageAttributes = {}, ...sns } = await signed(post, {
    version,
    signer: options.signer,
  });
  const record = {
    EventSource: "aws:sns",
    EventVersion: "1.0",
    EventSubscriptionArn: subscriptionArn,
    Sns: {
      Subject: null,
      ...sns,
      SigningCertUrl: SigningCertURL,
      UnsubscribeUrl: UnsubscribeURL,
      MessageAttributes,
    },
  };
  await options.invoke(endpoint, { Records: [record] });
  return 200;
}
