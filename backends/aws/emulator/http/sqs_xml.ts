/**
 * The answers of SQS in the Query protocol: lists have no element of their own.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/Welcome.html
 */
import { isRecord } from "../input.ts";
import type { Input } from "../operation.ts";
import { element, textElement } from "./xml.ts";

/** Lists, with the names of their elements. */
const LISTS: Readonly<Record<string, string>> = {
  Messages: "Message",
  QueueUrls: "QueueUrl",
  queueUrls: "QueueUrl",
  Failed: "BatchResultErrorEntry",
  Results: "ListMessageMoveTasksResultEntry",
};

/** Maps, with the names of their elements, keys and values. */
const MAPS: Readonly<Record<string, readonly [string, string, string]>> = {
  Attributes: ["Attribute", "Name", "Value"],
  MessageAttributes: ["MessageAttribute", "Name", "Value"],
  Tags: ["Tag", "Key", "Value"],
};

/** The members of an answer of SQS as XML. */
export function sqsXml(output: Input, action: string): string {
  return Object.entries(output).map(([name, value]) => member(name, value, action)).join("");
}

function member(name: string, value: unknown, action: string): string {
  if (Array.isArray(value)) {
    const item = LISTS[name] ?? `${action}ResultEntry`;
    return value.map((each) =>
      isRecord(each) ? element(item, sqsXml(each, action)) : textElement(item, each)
    ).join("");
  }
  if (!isRecord(value)) return textElement(name, value);
  const [item, keyName, valueName] = MAPS[name] ?? [name, "Name", "Value"];
  return Object.entries(value).map(([key, inner]) => {
    const content = isRecord(inner)
      ? element(valueName, sqsXml(inner, action))
      : textElement(valueName, inner);
    return element(item, textElement(keyName, key) + content);
  }).join("");
}
