/**
 * The permission in the policy of a queue for a topic to send. Without such a statement SNS drops
 * the messages, and tells nobody.
 * https://docs.aws.amazon.com/sns/latest/dg/subscribe-sqs-queue-to-sns-topic.html
 */
import { parseArn } from "../addresses.ts";
import { isRecord, parsed } from "../input.ts";
import type { Input } from "../operation.ts";
import { statementsOf } from "../sqs/tags_and_permissions.ts";
import type { QueueRecord } from "../world.ts";

/** Tells whether a queue accepts messages of a topic. */
export function letsTopicSend({ attributes, arn }: QueueRecord, topicArn: string): boolean {
  const policy = parsed(attributes.Policy);
  if (!policy) return false;
  const fitting = statementsOf(policy).filter((statement) => fits(statement, arn, topicArn));
  return fitting.some(({ Effect }) => Effect === "Allow") &&
    !fitting.some(({ Effect }) => Effect === "Deny");
}

function fits(statement: Input, queueArn: string, topicArn: string): boolean {
  return isForSns(statement.Principal) &&
    listOf(statement.Action).some((action) => isLike("sqs:sendmessage", action.toLowerCase())) &&
    listOf(statement.Resource ?? "*").some((resource) => isLike(queueArn, resource)) &&
    holds(statement.Condition, topicArn);
}

function isForSns(principal: unknown): boolean {
  if (principal === "*") return true;
  if (!isRecord(principal)) return false;
  return listOf(principal.AWS).includes("*") ||
    listOf(principal.Service).some((name) =>
      /^sns(\.[a-z0-9-]+)?\.amazonaws\.com(\.cn)?$|^\*$/.test(name)
    );
}

/** Checks a condition. Conditions on other keys count as not met. */
function holds(condition: unknown, topicArn: string): boolean {
  if (!isRecord(condition)) return true;
  const facts: Record<string, string> = {
    "aws:sourcearn": topicArn,
    "aws:sourceaccount": parseArn(topicArn)?.account ?? "",
  };
  return Object.entries(condition).every(([operator, keys]) =>
    isRecord(keys) && Object.entries(keys).every(([key, wanted]) => {
      const fact = facts[key.toLowerCase()];
      if (fact === undefined) return false;
      const values = listOf(wanted);
      const exact = /^(StringEquals)(IfExists)?$/.test(operator);
      const like = /^(ArnEquals|ArnLike|StringLike)(IfExists)?$/.test(operator);
      return (exact && values.includes(fact)) ||
        (like && values.some((each) => isLike(fact, each)));
    })
  );
}

function listOf(value: unknown): string[] {
  return [value ?? []].flat().filter((each): each is string => typeof each === "string");
}

/** Tells whether a text fits a pattern, in which `*` and `?` stand for anything. */
function isLike(text: string, pattern: string): boolean {
  const source = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`, "s").test(text);
}
