/**
 * The archive of a FIFO topic, and its replay.
 * https://docs.aws.amazon.com/sns/latest/dg/fifo-message-archiving-replay.html
 */
import { parsed } from "../input.ts";
import type { Call } from "../operation.ts";
import type { Notification, Subscription, TopicRecord } from "../world.ts";
import { deliver } from "./deliver.ts";

const DAY_MS = 86_400_000;

/** Keeps a message for the time in the policy of its topic; without a policy, not at all. */
export function archive(topic: TopicRecord, message: Notification, { at }: Call): void {
  const days = parsed(topic.attributes.ArchivePolicy)?.MessageRetentionPeriod;
  if (days === undefined) return;
  const oldest = at - Number(days) * DAY_MS;
  const first = topic.archive.findIndex(({ publishedAt }) => publishedAt > oldest);
  if (first !== 0) topic.archive = first < 0 ? [] : topic.archive.slice(first);
  topic.archive.push(message);
}

/** Delivers the part of the archive that the replay policy of a subscription names. */
export function replay(topic: TopicRecord, subscription: Subscription, call: Call): void {
  const policy = parsed(subscription.attributes.ReplayPolicy) ?? {};
  const from = Date.parse(String(policy.StartingPoint));
  const to = Date.parse(String(policy.EndingPoint ?? "9999-01-01T00:00:00Z"));
  for (const message of topic.archive) {
    if (message.publishedAt < from || message.publishedAt > to) continue;
    deliver({ ...message, replayed: true }, subscription, call);
  }
}
