import { parseArn } from "../addresses.ts";
import { invalidParameter, snsError } from "../errors.ts";
import { text } from "../input.ts";
import type { Call, Input } from "../operation.ts";
import type { Subscription, TopicRecord } from "../world.ts";

/** The topic that a call names. */
export function topicOf(call: Call, parameter = "TopicArn"): TopicRecord {
  const arn = text(call.input, parameter);
  if (arn === undefined) throw invalidParameter(parameter);
  const { service, resource, region } = parseArn(arn) ?? {};
  if (service !== "sns" || resource?.includes(":")) throw tooShort(parameter, arn);
  if (region !== call.region) throw invalidParameter(parameter);
  const topic = call.world.topics.get(arn);
  if (!topic) throw snsError("NotFound", "Topic does not exist");
  return topic;
}

/** The subscription that a call names. */
export function subscriptionOf(call: Call): Subscription {
  const subscription = call.world.subscriptions.get(subscriptionArnIn(call.input));
  if (!subscription) throw snsError("NotFound", "Subscription does not exist");
  return subscription;
}

/** The ARN of a subscription that a call names; refuses everything else as SNS does. */
export function subscriptionArnIn(input: Input): string {
  const arn = text(input, "SubscriptionArn");
  if (arn === undefined || arn === "") {
    throw invalidParameter("SubscriptionArn Reason: no value for required parameter");
  }
  const { resource } = parseArn(arn) ?? {};
  if (resource === undefined) throw tooShort("SubscriptionArn", arn);
  if (!resource.includes(":")) throw invalidParameter("SubscriptionId");
  return arn;
}

function tooShort(parameter: string, arn: string) {
  const count = arn.split(":").length;
  return invalidParameter(
    `${parameter} Reason: An ARN must have at least 6 elements, not ${count}`,
  );
}

/** The subscriptions to a topic, in the order of subscribing. */
export function subscriptionsTo(call: Call, topicArn: string): Subscription[] {
  return [...call.world.subscriptions.values()].filter((each) => each.topicArn === topicArn);
}

/** Tells whether a topic is FIFO. */
export function isFifoTopic({ arn }: { readonly arn: string }): boolean {
  return arn.endsWith(".fifo");
}
