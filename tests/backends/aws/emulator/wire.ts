/**
 * Calls of SQS and SNS as the SDKs write them, in both protocols, and the answers as one form: the
 * same question can be put to the emulator and to any other broker.
 *
 * - https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html
 * - https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
 */
import { parseXml, type XmlElement } from "../../../../backends/aws/api/xml.ts";

/** The protocol of a call. SNS has only `query`. */
export type Protocol = "json" | "query";

/** A call: service, action and input, as the SDKs take them. */
export interface WireCall {
  readonly service: "sqs" | "sns";
  readonly action: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** An answer. */
export interface WireAnswer {
  readonly status: number;
  /** The members of an answer; of a refusal nothing. */
  readonly output: Readonly<Record<string, unknown>>;
  /** The code of a refusal, as the Query protocol names it. */
  readonly code?: string;
  /** JSON: the shape of a refusal. */
  readonly shape?: string;
  readonly message?: string;
}

/** Where calls go. */
export interface Wire {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly origin: string;
  readonly region?: string;
  readonly account?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const VERSIONS = { sqs: "2012-11-05", sns: "2010-03-31" };

/** Makes a call. */
export async function ask(wire: Wire, protocol: Protocol, call: WireCall): Promise<WireAnswer> {
  const request = protocol === "json" ? jsonRequest(call) : formRequest(call);
  const response = await wire.fetch(`${wire.origin}/`, {
    method: "POST",
    headers: { ...request.headers, ...signature(call.service, wire), ...wire.headers },
    body: request.body,
  });
  const text = await response.text();
  return protocol === "json" ? readJson(response, text) : readForm(response, text, call);
}

function signature(service: string, wire: Wire): Record<string, string> {
  const { region = "eu-west-1", account = "AKID" } = wire;
  const scope = `${account}/20260101/${region}/${service}/aws4_request`;
  return {
    "x-amz-date": "20260101T000000Z",
    authorization:
      `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host;x-amz-date, Signature=00`,
  };
}

function jsonRequest({ action, input }: WireCall) {
  return {
    headers: {
      "content-type": "application/x-amz-json-1.0",
      "x-amz-target": `AmazonSQS.${action}`,
      "x-amzn-query-mode": "true",
    },
    body: JSON.stringify(input),
  };
}

function formRequest({ service, action, input }: WireCall) {
  const form = new URLSearchParams({ Action: action, Version: VERSIONS[service] });
  for (const [name, value] of Object.entries(input)) {
    if (service === "sqs") putSqs(form, name, value, action);
    else put(form, name, value);
  }
  return {
    headers: { "content-type": "application/x-www-form-urlencoded; charset=utf-8" },
    body: form.toString(),
  };
}

/** The flattened lists and maps of SQS in a form, by their names in JSON. */
const FLAT: Readonly<Record<string, string>> = {
  AttributeNames: "AttributeName",
  MessageAttributeNames: "MessageAttributeName",
  MessageSystemAttributeNames: "MessageSystemAttributeName",
  TagKeys: "TagKey",
  AWSAccountIds: "AWSAccountId",
  Actions: "ActionName",
};
const FLAT_MAPS: Readonly<Record<string, readonly [string, string, string]>> = {
  Attributes: ["Attribute", "Name", "Value"],
  MessageAttributes: ["MessageAttribute", "Name", "Value"],
  MessageSystemAttributes: ["MessageSystemAttribute", "Name", "Value"],
  Tags: ["Tag", "Key", "Value"],
  tags: ["Tag", "Key", "Value"],
};

function putSqs(form: URLSearchParams, path: string, value: unknown, action: string): void {
  const name = path.slice(path.lastIndexOf(".") + 1);
  const beginning = path.slice(0, path.length - name.length);
  const map = FLAT_MAPS[name];
  if (map) {
    Object.entries(value as object).forEach(([key, inner], place) => {
      form.set(`${beginning}${map[0]}.${place + 1}.${map[1]}`, key);
      putSqs(form, `${beginning}${map[0]}.${place + 1}.${map[2]}`, inner, action);
    });
  } else if (Array.isArray(value)) {
    const item = beginning + (FLAT[name] ?? `${action}RequestEntry`);
    value.forEach((each, place) => putSqs(form, `${item}.${place + 1}`, each, action));
  } else if (typeof value === "object" && value !== null) {
    for (const [key, inner] of Object.entries(value)) putSqs(form, `${path}.${key}`, inner, action);
  } else form.set(path, String(value));
}

const MAPS_OF_SNS = ["Attributes", "MessageAttributes"];

function put(form: URLSearchParams, path: string, value: unknown): void {
  const name = path.slice(path.lastIndexOf(".") + 1);
  if (MAPS_OF_SNS.includes(name)) {
    const [key, item] = name === "Attributes" ? ["key", "value"] : ["Name", "Value"];
    Object.entries(value as object).forEach(([each, inner], place) => {
      form.set(`${path}.entry.${place + 1}.${key}`, each);
      put(form, `${path}.entry.${place + 1}.${item}`, inner);
    });
  } else if (Array.isArray(value)) {
    value.forEach((each, place) => put(form, `${path}.member.${place + 1}`, each));
  } else if (typeof value === "object" && value !== null) {
    for (const [key, inner] of Object.entries(value)) put(form, `${path}.${key}`, inner);
  } else form.set(path, String(value));
}

function readJson(response: Response, text: string): WireAnswer {
  const body = parsed(text);
  const { status } = response;
  if (status < 300) return { status, output: body };
  const [code = ""] = (response.headers.get("x-amzn-query-error") ?? "").split(";");
  const type = String(body.__type ?? "");
  return {
    status,
    output: {},
    code,
    shape: type.slice(type.indexOf("#") + 1),
    message: String(body.message ?? body.Message ?? ""),
  };
}

function parsed(text: string): Record<string, unknown> {
  if (text === "") return {};
  try {
    return JSON.parse(text);
  } catch {
    return { message: `no JSON: ${text.slice(0, 80)}` };
  }
}

function readForm({ status }: Response, text: string, { service, action }: WireCall): WireAnswer {
  const xml = xmlOf(text);
  if (status < 300) {
    const result = xml?.children.find(({ name }) => name === `${action}Result`);
    return { status, output: result ? membersOf(result, service) : {} };
  }
  const error = xml && find(xml, "Error");
  const textOf = (name: string) => error?.children.find((each) => each.name === name)?.text ?? "";
  return { status, output: {}, code: textOf("Code"), message: textOf("Message") };
}

function xmlOf(text: string): XmlElement | undefined {
  try {
    return parseXml(text);
  } catch {
    return undefined;
  }
}

function find(element: XmlElement, name: string): XmlElement | undefined {
  if (element.name === name) return element;
  for (const child of element.children) {
    const found = find(child, name);
    if (found) return found;
  }
  return undefined;
}

/** The elements of SQS that stand for a list, and those that stand for a map. */
const LISTS: Readonly<Record<string, string>> = {
  Message: "Messages",
  QueueUrl: "QueueUrls",
  BatchResultErrorEntry: "Failed",
  SendMessageBatchResultEntry: "Successful",
  DeleteMessageBatchResultEntry: "Successful",
  ChangeMessageVisibilityBatchResultEntry: "Successful",
  ListMessageMoveTasksResultEntry: "Results",
};
const MAPS: Readonly<Record<string, readonly [string, string, string]>> = {
  Attribute: ["Attributes", "Name", "Value"],
  MessageAttribute: ["MessageAttributes", "Name", "Value"],
  Tag: ["Tags", "Key", "Value"],
};

function membersOf(element: XmlElement, service: string): Record<string, unknown> {
  return service === "sqs" ? sqsMembers(element) : snsMembers(element);
}

function sqsMembers(element: XmlElement): Record<string, unknown> {
  const members: Record<string, unknown> = {};
  for (const child of element.children) {
    // The text of an error is a message, too.
    const isText = child.name === "Message" && child.children.length === 0;
    const list = isText ? undefined : LISTS[child.name];
    const map = MAPS[child.name];
    if (map) {
      const part = (name: string) => child.children.find((each) => each.name === name);
      const value = part(map[2]);
      const entries = members[map[0]] ??= {};
      (entries as Record<string, unknown>)[part(map[1])?.text ?? ""] = value?.children.length
        ? sqsMembers(value)
        : value?.text ?? "";
    } else if (list && !(child.name === "QueueUrl" && SINGLE.test(element.name))) {
      const items = members[list] ??= [];
      (items as unknown[]).push(child.children.length ? sqsMembers(child) : child.text);
    } else if (child.children.length === 0) members[child.name] = child.text;
  }
  return members;
}

/** Results with one queue. */
const SINGLE = /^(CreateQueue|GetQueueUrl)Result$/;

function snsMembers(element: XmlElement): Record<string, unknown> {
  return Object.fromEntries(
    element.children.map((child) => [child.name, snsValue(child)]),
  );
}

/** Members of SNS that are lists, also when they are empty. */
const SNS_LISTS = /^(Topics|Subscriptions|Tags|Successful|Failed)$/;

function snsValue(element: XmlElement): unknown {
  const { children, name, text } = element;
  if (SNS_LISTS.test(name)) return children.map(snsMembers);
  if (children.length === 0) return name === "Attributes" ? {} : text;
  if (children[0]?.name === "entry") {
    const part = (entry: XmlElement, wanted: string) =>
      entry.children.find((each) => each.name === wanted)?.text ?? "";
    return Object.fromEntries(children.map((each) => [part(each, "key"), part(each, "value")]));
  }
  return snsMembers(element);
}
