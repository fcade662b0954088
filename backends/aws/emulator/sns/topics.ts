/**
 * The actions of SNS that create, describe, tag and delete topics, and change the policies of
 * topics.
 */
import { createRecent } from "../../../memory/recent.ts";
import { arnOf, parseArn } from "../addresses.ts";
import { invalidParameter, snsError } from "../errors.ts";
import { needed, parsed, records, text, textMap, texts } from "../input.ts";
import type { Call, Input, Output } from "../operation.ts";
import { paged } from "../pages.ts";
import { oneOrMany, statementsOf } from "../sqs/tags_and_permissions.ts";
import type { TopicRecord } from "../world.ts";
import { subscriptionsTo, topicOf } from "./find.ts";
import {
  checkTopicAttribute,
  DEFAULT_BYTES,
  defaultPolicy,
  describeTopic,
  isTopicAttribute,
  LARGE,
  POLICY_ACTIONS,
} from "./topic_attributes.ts";

const TOPIC_NAME = /^(?=.{1,256}$)[\w-]+(?:\.fifo)?$/;
const PAGE = 100;

/** https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html */
export function createTopic(call: Call): Output {
  const { input, world } = call;
  const name = text(input, "Name") ?? "";
  const attributes = { ...textMap(input, "Attributes") };
  const fifo = attributes.FifoTopic?.toLowerCase() === "true";
  if (!TOPIC_NAME.test(name) || name.endsWith(".fifo") !== fifo) {
    throw invalidParameter("Topic Name");
  }
  if (!fifo) delete attributes.FifoTopic;
  const arn = arnOf("sns", name, call);
  for (const [key, value] of Object.entries(attributes)) {
    checkTopicAttribute(key, value, { arn });
  }
  const tags = tagsOf(input);
  const known = world.topics.get(arn);
  if (known) assertSame(known, attributes, tags);
  else world.topics.set(arn, newTopic(arn, attributes, tags));
  return { TopicArn: arn };
}

function newTopic(
  arn: string,
  attributes: Record<string, string>,
  tags: Record<string, string>,
): TopicRecord {
  return {
    arn,
    attributes,
    tags,
    nextOrdinal: 1,
    subscriptionsDeleted: 0,
    deduplication: createRecent(),
    archive: [],
  };
}

function assertSame(
  topic: TopicRecord,
  attributes: Record<string, string>,
  tags: Record<string, string>,
): void {
  const differs = Object.entries(attributes)
    .some(([key, value]) => (topic.attributes[key] ?? "") !== value);
  if (differs) {
    throw invalidParameter("Attributes Reason: Topic already exists with different attributes");
  }
  if (Object.entries(tags).some(([key, value]) => topic.tags[key] !== value)) {
    throw invalidParameter("Tags Reason: Topic already exists with different tags");
  }
}

/** https://docs.aws.amazon.com/sns/latest/api/API_DeleteTopic.html */
export function deleteTopic(call: Call): Output {
  const arn = text(call.input, "TopicArn") ?? "";
  const { service, region } = parseArn(arn) ?? {};
  if (service !== "sns" || region !== call.region) throw invalidParameter("TopicArn");
  call.world.topics.delete(arn);
  for (const each of subscriptionsTo(call, arn)) call.world.subscriptions.delete(each.arn);
  return {};
}

/** https://docs.aws.amazon.com/sns/latest/api/API_ListTopics.html */
export function listTopics(call: Call): Output {
  const beginning = arnOf("sns", "", call);
  const arns = [...call.world.topics.keys()].filter((arn) => arn.startsWith(beginning)).sort();
  const { items, NextToken } = paged(arns, { max: PAGE, token: text(call.input, "NextToken") });
  return { Topics: items.map((TopicArn) => ({ TopicArn })), ...NextToken };
}

/** https://docs.aws.amazon.com/sns/latest/api/API_GetTopicAttributes.html */
export function getTopicAttributes(call: Call): Output {
  return { Attributes: describeTopic(topicOf(call), call) };
}

/** https://docs.aws.amazon.com/sns/latest/api/API_SetTopicAttributes.html */
export function setTopicAttributes(call: Call): Output {
  const topic = topicOf(call);
  const name = needed(call.input, "AttributeName");
  const value = text(call.input, "AttributeValue") ?? "";
  if (name === "FifoTopic" || !isTopicAttribute(name)) throw invalidParameter("AttributeName");
  checkTopicAttribute(name, value, topic);
  if (name === "MaximumMessageSize" && Number(value) > DEFAULT_BYTES) checkLarge(call, topic);
  if (value === "") delete topic.attributes[name];
  else topic.attributes[name] = value;
  if (name === "ArchivePolicy" && !topic.attributes.ArchivePolicy) topic.archive = [];
  return {};
}

function checkLarge(call: Call, { arn }: TopicRecord): void {
  const all = subscriptionsTo(call, arn);
  const fits = all.length <= LARGE.subscriptions &&
    all.every(({ protocol }) => LARGE.protocols.includes(protocol));
  if (fits) return;
  throw invalidParameter(
    "AttributeValue Reason: Messages above 256 KiB need at most 100 subscriptions, all of the protocols sqs, firehose and lambda",
  );
}

/** https://docs.aws.amazon.com/sns/latest/api/API_TagResource.html */
export function tagResource(call: Call): Output {
  const topic = taggedTopic(call);
  topic.tags = { ...topic.tags, ...tagsOf(call.input) };
  return {};
}

/** https://docs.aws.amazon.com/sns/latest/api/API_UntagResource.html */
export function untagResource(call: Call): Output {
  const topic = taggedTopic(call);
  for (const key of texts(call.input, "TagKeys")) delete topic.tags[key];
  return {};
}

/** https://docs.aws.amazon.com/sns/latest/api/API_ListTagsForResource.html */
export function listTagsForResource(call: Call): Output {
  const tags = Object.entries(taggedTopic(call).tags);
  return { Tags: tags.map(([Key, Value]) => ({ Key, Value })) };
}

function taggedTopic({ input, world }: Call): TopicRecord {
  const topic = world.topics.get(needed(input, "ResourceArn"));
  if (!topic) throw snsError("ResourceNotFound", "Resource does not exist");
  return topic;
}

function tagsOf(input: Input): Record<string, string> {
  const tags = records(input, "Tags").map((tag) =>
    [needed(tag, "Key"), text(tag, "Value") ?? ""] as const
  );
  if (new Set(tags.map(([key]) => key)).size < tags.length) {
    throw invalidParameter("Duplicated keys are not allowed.");
  }
  return Object.fromEntries(tags);
}

/** https://docs.aws.amazon.com/sns/latest/api/API_AddPermission.html */
export function addPermission(call: Call): Output {
  const topic = topicOf(call);
  const label = needed(call.input, "Label");
  const accounts = texts(call.input, "AWSAccountId");
  const actions = texts(call.input, "ActionName");
  const { partition = "aws", account = "" } = parseArn(topic.arn) ?? {};
  const names = actions.map((name) => `SNS:${name}`);
  if (!names.every((name) => POLICY_ACTIONS.includes(name))) {
    throw invalidParameter("Policy statement action out of service scope!");
  }
  const policy = parsed(topic.attributes.Policy ?? defaultPolicy(topic.arn, account)) ?? {};
  const statements = statementsOf(policy);
  if (statements.some(({ Sid }) => Sid === label)) {
    throw invalidParameter("Statement already exists");
  }
  const statement = {
    Sid: label,
    Effect: "Allow",
    Principal: { AWS: oneOrMany(accounts.map((each) => `arn:${partition}:iam::${each}:root`)) },
    Action: oneOrMany(names),
    Resource: topic.arn,
  };
  topic.attributes.Policy = JSON.stringify({ ...policy, Statement: [...statements, statement] });
  return {};
}

/** https://docs.aws.amazon.com/sns/latest/api/API_RemovePermission.html */
export function removePermission(call: Call): Output {
  const topic = topicOf(call);
  const label = needed(call.input, "Label");
  const policy = parsed(topic.attributes.Policy);
  if (!policy) return {};
  const left = statementsOf(policy).filter(({ Sid }) => Sid !== label);
  topic.attributes.Policy = JSON.stringify({ ...policy, Statement: left });
  return {};
}
