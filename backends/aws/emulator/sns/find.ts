import { parseArn } from "../addresses.ts";
import { invalidParameter, missing, snsError } from "../errors.ts";
import { text } from "../input.ts";
import type { Call } from "../operation.ts";
import type { Subscription, TopicRecord } from "../world.ts";

/** The topic that a call names. */
export function topicOf(call: Call, parameter = "TopicArn"): TopicRecord {
  const arn = text(call.input, parameter);
  if (arn === undefined) throw invalidParameter(parameter);
  const { service, resource } = parseArn(arn) ?? {};
  if (service !== "sns" || resource?.includes(":")) {
    throw invalidParameter(
      `${parameter} Reason: An ARN must have at least 6 elements, not ${arn.split(":").length}`,
    );
  }
  const topic = call.world.topics.get(arn);
  if (!topic) throw snsError("NotFound", "Topic does not exist");
  return topic;
}

/** The subscription that a call names. */
export function subscriptionOf(call: Call): Subscription {
  const arn = text(call.input, "SubscriptionArn");
  if (arn === undefined || arn === "") throw missing("SubscriptionArn");
  if (!parseArn(arn)?.resource.includes(":")) {
    throw invalidParameter("SubscriptionArn Reason: An ARN must have at least 6 elements");
  }
  const subscription = call.world.subscriptions.get(arn);
  if (!subscription) throw snsError("NotFound", "Subscription does not exist");
  return subscription;
}

/** The subscriptions to a topic, in the order of subscribing. */
export function subscriptionsTo(call: Call, topicArn: string): Subscription[] {
  return [...call.world.subscriptions.values()].filter((each) => each.topicArn === topicArn);
}

/** Tells whether a topic is FIFO. */
export function isFifoTopic({ arn }: { readonly arn: string }): boolean {
  return arn.endsWith(".fifo");
}
