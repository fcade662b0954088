/**
 * The form of the Query protocol as the JSON that the SDKs make of the same parameters.
 *
 * - https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
 * - https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests-xml.html
 */
import { commonError } from "../errors.ts";
import { isRecord } from "../input.ts";
import type { Input } from "../operation.ts";

/** A part of a form: text, or parts by the names after the next dot. */
type Part = string | Parts;
interface Parts {
  [name: string]: Part;
}

/** The shape of a parameter. */
type Shape = "texts" | "records" | "map" | "recordMap";

/** Parameters that are more than text, with their name in JSON and their shape. */
const SHAPES: Readonly<Record<string, readonly [string, Shape]>> = {
  ActionName: ["Actions", "texts"],
  Attribute: ["Attributes", "map"],
  AttributeName: ["AttributeNames", "texts"],
  Attributes: ["Attributes", "map"],
  AWSAccountId: ["AWSAccountIds", "texts"],
  ChangeMessageVisibilityBatchRequestEntry: ["Entries", "records"],
  DeleteMessageBatchRequestEntry: ["Entries", "records"],
  MessageAttribute: ["MessageAttributes", "recordMap"],
  MessageAttributes: ["MessageAttributes", "recordMap"],
  MessageAttributeName: ["MessageAttributeNames", "texts"],
  MessageSystemAttribute: ["MessageSystemAttributes", "recordMap"],
  MessageSystemAttributeName: ["MessageSystemAttributeNames", "texts"],
  PublishBatchRequestEntries: ["PublishBatchRequestEntries", "records"],
  SendMessageBatchRequestEntry: ["Entries", "records"],
  Tag: ["Tags", "map"],
  TagKey: ["TagKeys", "texts"],
  TagKeys: ["TagKeys", "texts"],
  Tags: ["Tags", "records"],
};

/** Parameters of SNS with the spelling of other parameters of SQS. */
const OF_SNS: Readonly<Record<string, readonly [string, Shape]>> = {
  ActionName: ["ActionName", "texts"],
  AWSAccountId: ["AWSAccountId", "texts"],
};

/** Greatest depth and length of a form, far above any request of AWS. */
const MAX_DEPTH = 8;
const UNSAFE = ["__proto__", "constructor", "prototype"];

/** The input of an action, out of its form. */
export function inputOf(form: URLSearchParams, service: string): Input {
  const parts: Parts = {};
  for (const [path, value] of form) put(parts, path.split("."), value);
  return shaped(parts, service);
}

function put(parts: Parts, path: readonly string[], value: string): void {
  if (path.length > MAX_DEPTH || path.some((name) => UNSAFE.includes(name))) {
    throw commonError("MalformedInput", "A parameter has a name that no action knows.");
  }
  let at = parts;
  for (const name of path.slice(0, -1)) {
    const next = at[name];
    at = typeof next === "object" ? next : (at[name] = {});
  }
  at[path.at(-1)!] = value;
}

function shaped(parts: Parts, service: string): Input {
  const entries = Object.entries(parts).map(([name, part]) => {
    const shape = (service === "sns" ? OF_SNS[name] : undefined) ?? SHAPES[name];
    // `AttributeName` of SNS is text; that of SQS may come without a number.
    if (!shape || (typeof part === "string" && service === "sns")) return [name, part] as const;
    return [shape[0], read(part, shape[1], service)] as const;
  });
  return Object.fromEntries(entries);
}

function read(part: Part, shape: Shape, service: string): unknown {
  const items = itemsOf(part);
  if (shape === "texts") return items;
  const objects = items.filter((item): item is Parts => typeof item === "object");
  if (shape === "records") return objects.map((item) => shaped(item, service));
  return Object.fromEntries(objects.map((item) => [
    String(item.Name ?? item.key ?? item.Key ?? ""),
    valueOf(item, shape),
  ]));
}

function valueOf(item: Parts, shape: Shape): Part {
  const value = item.Value ?? item.value;
  if (shape === "map") return value ?? "";
  return typeof value === "object" ? value : {};
}

/** The items of a list: numbered from 1, some of them below `member` or `entry`. */
function itemsOf(part: Part): Part[] {
  if (typeof part === "string") return part === "" ? [] : [part];
  const list = part.member ?? part.entry ?? part;
  if (!isRecord(list)) return [];
  return Object.entries(list as Parts)
    .filter(([name]) => /^\d+$/.test(name))
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([, item]) => item);
}
