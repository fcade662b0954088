/**
 * The calls of SNS, in the Query protocol, one function each, and the call of STS that the ARN of a
 * topic needs.
 *
 * https://docs.aws.amazon.com/sns/latest/api/welcome.html
 */
import type { AwsClient, CallSettings } from "./client.ts";
import type { BatchAnswer } from "./sqs.ts";
import { find, parseXml, textOf, unreadable, type XmlElement } from "./xml.ts";

/** https://docs.aws.amazon.com/sns/latest/api/API_MessageAttributeValue.html */
export interface SnsAttribute {
  Name: string;
  Value: { DataType: string; StringValue?: string; BinaryValue?: string };
}

/** https://docs.aws.amazon.com/sns/latest/api/API_PublishBatchRequestEntry.html */
export interface PublishBatchRequestEntry {
  Id: string;
  Message: string;
  MessageAttributes: { entry: SnsAttribute[] };
  MessageGroupId?: string | undefined;
  MessageDeduplicationId?: string | undefined;
}

/** https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html */
export function publishBatch(
  client: AwsClient,
  input: { TopicArn: string; PublishBatchRequestEntries: { member: PublishBatchRequestEntry[] } },
  options?: CallSettings,
): Promise<BatchAnswer> {
  return call(client, "PublishBatch", {
    input,
    address: input.TopicArn,
    read: readBatch,
    ...options,
  });
}

/** One pair of a map. */
export interface SnsEntry {
  key: string;
  value: string;
}

/** https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html */
export function createTopic(
  client: AwsClient,
  input: { Name: string; Attributes: { entry: SnsEntry[] } },
  options?: CallSettings,
): Promise<string> {
  const read = (xml: XmlElement) => textOf(xml, "TopicArn");
  return call(client, "CreateTopic", { input, address: input.Name, read, ...options });
}

/** https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html */
export function getCallerIdentity(client: AwsClient): Promise<string> {
  const read = (xml: XmlElement) => textOf(xml, "Account");
  return call(client, "GetCallerIdentity", { service: "sts", input: {}, read });
}

/** https://docs.aws.amazon.com/sns/latest/api/API_DeleteTopic.html */
export function deleteTopic(
  client: AwsClient,
  input: { TopicArn: string },
  options?: CallSettings,
): Promise<void> {
  return call(client, "DeleteTopic", {
    input,
    address: input.TopicArn,
    ...silent("DeleteTopic"),
    ...options,
  });
}

/** https://docs.aws.amazon.com/sns/latest/api/API_GetTopicAttributes.html */
export function getTopicAttributes(
  client: AwsClient,
  input: { TopicArn: string },
  options?: CallSettings,
): Promise<Partial<Record<string, string>>> {
  return call(client, "GetTopicAttributes", {
    input,
    address: input.TopicArn,
    read: readAttributes,
    ...options,
  });
}

/** https://docs.aws.amazon.com/sns/latest/api/API_SetTopicAttributes.html */
export function setTopicAttributes(
  client: AwsClient,
  input: { TopicArn: string; AttributeName: string; AttributeValue: string },
  options?: CallSettings,
): Promise<void> {
  return call(client, "SetTopicAttributes", {
    input,
    address: input.TopicArn,
    ...silent("SetTopicAttributes"),
    ...options,
  });
}

/** https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html */
export function subscribe(
  client: AwsClient,
  input: {
    TopicArn: string;
    Protocol: string;
    Endpoint: string;
    ReturnSubscriptionArn: boolean;
    Attributes: { entry: SnsEntry[] };
  },
  options?: CallSettings,
): Promise<string> {
  const read = (xml: XmlElement) => textOf(xml, "SubscriptionArn");
  return call(client, "Subscribe", { input, address: input.TopicArn, read, ...options });
}

/** https://docs.aws.amazon.com/sns/latest/api/API_Subscription.html */
export interface Subscription {
  SubscriptionArn: string;
  Protocol: string;
  Endpoint: string;
}

/** https://docs.aws.amazon.com/sns/latest/api/API_ListSubscriptionsByTopic.html */
export function listSubscriptionsByTopic(
  client: AwsClient,
  input: { TopicArn: string; NextToken?: string },
  options?: CallSettings,
): Promise<{ Subscriptions: Partial<Subscription>[]; NextToken: string | undefined }> {
  const read = (xml: XmlElement) => ({
    Subscriptions: members(
      find(xml, "ListSubscriptionsByTopicResult") ?? unreadable(),
      "Subscriptions",
    ),
    NextToken: find(xml, "NextToken")?.text,
  });
  return call(client, "ListSubscriptionsByTopic", {
    input,
    address: input.TopicArn,
    read,
    ...options,
  });
}

/** https://docs.aws.amazon.com/sns/latest/api/API_GetSubscriptionAttributes.html */
export function getSubscriptionAttributes(
  client: AwsClient,
  input: { SubscriptionArn: string },
  options?: CallSettings,
): Promise<Partial<Record<string, string>>> {
  return call(client, "GetSubscriptionAttributes", {
    input,
    address: input.SubscriptionArn,
    read: readAttributes,
    ...options,
  });
}

/** https://docs.aws.amazon.com/sns/latest/api/API_SetSubscriptionAttributes.html */
export function setSubscriptionAttributes(
  client: AwsClient,
  input: { SubscriptionArn: string; AttributeName: string; AttributeValue: string },
  options?: CallSettings,
): Promise<void> {
  return call(client, "SetSubscriptionAttributes", {
    input,
    address: input.SubscriptionArn,
    ...silent("SetSubscriptionAttributes"),
    ...options,
  });
}

/** https://docs.aws.amazon.com/sns/latest/api/API_Operations.html */
const VERSION = { sns: "2010-03-31", sts: "2011-06-15" };

interface Call<T> extends CallSettings {
  service?: keyof typeof VERSION;
  input: object;
  /** The name or the ARN of the topic or subscription. */
  address?: string;
  read: (xml: XmlElement) => T;
  /** The XML for an empty answer. Default: none, an empty answer makes no sense. */
  empty?: string;
}

/** The options of a call that answers nothing: then an empty answer is a success, as in the SDKs. */
function silent(action: string) {
  return { read() {}, empty: `<${action}Response/>` };
}

function call<T>(client: AwsClient, action: string, options: Call<T>): Promise<T> {
  const { input, service = "sns" } = options;
  const form = fields({ Action: action, Version: VERSION[service], ...input });
  return client.call({
    ...options,
    service,
    action,
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: `${new URLSearchParams(form)}`,
    read(text) {
      const xml = parseXml(text || options.empty!);
      if (xml.name !== `${action}Response`) unreadable();
      return options.read(xml);
    },
  });
}

/** The form fields of an input: members of objects by name, of arrays by number, from 1. */
function fields(value: object, path = ""): [name: string, value: string][] {
  return Object.entries(value).flatMap(([key, inner]) => {
    const name = path + (Array.isArray(value) ? Number(key) + 1 : key);
    if (typeof inner === "object") return fields(inner, `${name}.`);
    return inner === undefined ? [] : [[name, `${inner}`]];
  });
}

function readBatch(xml: XmlElement): BatchAnswer {
  return { Successful: members(xml, "Successful"), Failed: members(xml, "Failed") };
}

function readAttributes(xml: XmlElement): Partial<Record<string, string>> {
  const entries = (find(xml, "Attributes") ?? unreadable()).children;
  return Object.fromEntries(entries.map((entry) => [textOf(entry, "key"), textOf(entry, "value")]));
}

/** The members of a list, each as an object of its texts. */
function members(xml: XmlElement, list: string): Record<string, string>[] {
  const elements = find(xml, list)?.children ?? [];
  return elements.map((element) =>
    Object.fromEntries(element.children.map(({ name, text }) => [name, text]))
  );
}
