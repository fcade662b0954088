/** The actions of SQS for tags, and for the statements in the policy of a queue. */
import { parseArn } from "../addresses.ts";
import { commonError, invalidValue, missing } from "../errors.ts";
import { needed, parsed, textMap, texts } from "../input.ts";
import type { Call, Output } from "../operation.ts";
import { queueOf } from "./find.ts";

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_TagQueue.html */
export function tagQueue(call: Call): Output {
  const queue = queueOf(call);
  const tags = textMap(call.input, "Tags");
  if (Object.keys(tags).length === 0) throw missing("Tags");
  const all = { ...queue.tags, ...tags };
  if (Object.keys(all).length > 50) {
    throw commonError("InvalidParameterValue", `Too many tags added for queue ${queue.name}.`);
  }
  queue.tags = all;
  return {};
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_UntagQueue.html */
export function untagQueue(call: Call): Output {
  const queue = queueOf(call);
  const keys = texts(call.input, "TagKeys");
  if (keys.length === 0) throw missing("TagKeys");
  for (const key of keys) delete queue.tags[key];
  return {};
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListQueueTags.html */
export function listQueueTags(call: Call): Output {
  const { tags } = queueOf(call);
  return Object.keys(tags).length > 0 ? { Tags: { ...tags } } : {};
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_AddPermission.html */
export function addPermission(call: Call): Output {
  const queue = queueOf(call);
  const { input } = call;
  const label = needed(input, "Label");
  const [accounts, actions] = [texts(input, "AWSAccountIds"), texts(input, "Actions")];
  if (accounts.length === 0) throw missing("AWSAccountIds");
  if (actions.length === 0) throw missing("Actions");
  const policy = parsed(queue.attributes.Policy) ?? emptyPolicy(queue.arn);
  const statements = statementsOf(policy);
  if (statements.some(({ Sid }) => Sid === label)) {
    throw invalidValue("Label", label, "Already exists.");
  }
  const { partition = "aws" } = parseArn(queue.arn) ?? {};
  const users = accounts.map((account) => `arn:${partition}:iam::${account}:root`);
  const names = actions.map((action) => `SQS:${action}`);
  const statement = {
    Sid: label,
    Effect: "Allow",
    Principal: { AWS: oneOrMany(users) },
    Action: oneOrMany(names),
    Resource: queue.arn,
  };
  queue.attributes.Policy = JSON.stringify({ ...policy, Statement: [...statements, statement] });
  queue.modifiedAt = call.at;
  return {};
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_RemovePermission.html */
export function removePermission(call: Call): Output {
  const queue = queueOf(call);
  const label = needed(call.input, "Label");
  const policy = parsed(queue.attributes.Policy) ?? {};
  const statements = statementsOf(policy);
  const left = statements.filter(({ Sid }) => Sid !== label);
  if (left.length === statements.length) {
    throw invalidValue("Label", label, "can't find label.");
  }
  if (left.length > 0) queue.attributes.Policy = JSON.stringify({ ...policy, Statement: left });
  else delete queue.attributes.Policy;
  queue.modifiedAt = call.at;
  return {};
}

function emptyPolicy(arn: string): Record<string, unknown> {
  return { Version: "2008-10-17", Id: `${arn}/SQSDefaultPolicy`, Statement: [] };
}

/**
 * Returns the statements of a policy, in which a statement may stand for a list with one member.
 */
export function statementsOf(policy: Readonly<Record<string, unknown>>): Record<string, unknown>[] {
  return [policy.Statement ?? []].flat() as Record<string, unknown>[];
}

/** Writes a list with one member as that member, as the policies of AWS do. */
export function oneOrMany(list: readonly string[]): string | readonly string[] {
  return list.length === 1 ? list[0]! : list;
}
