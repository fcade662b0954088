/** Calls of an emulator as they travel, in both protocols: no client of ours between. */
import {
  type AwsEmulator,
  awsEmulator,
  type EmulatorOptions,
} from "../../../../backends/aws/emulator/mod.ts";
import { parseXml, type XmlElement } from "../../../../backends/aws/api/xml.ts";
import { seededRandom, VirtualClock } from "../../../../backends/memory/testing.ts";

/** An answer: its status, and what it says. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // deno-lint-ignore no-explicit-any
  readonly body: any;
}

/** Where a call is made. */
export interface CallOptions {
  readonly region?: string;
  readonly account?: string;
  readonly origin?: string;
  readonly headers?: Record<string, string>;
}

/** An emulator in virtual time, and how to call it. */
export interface Client {
  readonly aws: AwsEmulator;
  readonly clock: VirtualClock;
  /** SQS in JSON. */
  sqs(action: string, input: object, options?: CallOptions): Promise<Answer>;
  /** Any service in the Query protocol. */
  query(action: string, form: Record<string, string>, options?: QueryOptions): Promise<XmlAnswer>;
  /** Creates a queue; returns its URL. */
  queue(name: string, Attributes?: Record<string, string>): Promise<string>;
  /** Creates a topic; returns its ARN. */
  topic(name: string, attributes?: Record<string, string>): Promise<string>;
  /** Receives up to ten messages with all that there is to know of them. */
  receive(QueueUrl: string, input?: object): Promise<Received[]>;
}

export interface QueryOptions extends CallOptions {
  /** Default: SNS. */
  readonly service?: "sqs" | "sns" | "sts";
  readonly path?: string;
}

export interface XmlAnswer {
  readonly status: number;
  readonly xml: XmlElement;
  readonly text: string;
}

export interface Received {
  readonly MessageId: string;
  readonly ReceiptHandle: string;
  readonly Body: string;
  readonly MD5OfBody: string;
  readonly Attributes: Record<string, string>;
  readonly MessageAttributes?: Record<string, { DataType: string; StringValue?: string }>;
  readonly MD5OfMessageAttributes?: string;
}

const VERSIONS = { sqs: "2012-11-05", sns: "2010-03-31", sts: "2011-06-15" };

/** Creates an emulator in virtual time. */
export function createClient(options: EmulatorOptions = {}): Client {
  const clock = new VirtualClock();
  const aws = awsEmulator({ clock, random: seededRandom(1), region: "eu-west-1", ...options });
  return { clock, ...clientOf(aws) };
}

/** What calls an emulator. */
export function clientOf(aws: AwsEmulator): Omit<Client, "clock"> {
  async function sqs(action: string, input: object, options: CallOptions = {}): Promise<Answer> {
    const { origin = "http://sqs.test" } = options;
    const response = await aws.fetch(`${origin}/`, {
      method: "POST",
      headers: {
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": `AmazonSQS.${action}`,
        ...signature("sqs", options),
        ...options.headers,
      },
      body: JSON.stringify(input),
    });
    return { status: response.status, headers: response.headers, body: await response.json() };
  }

  async function query(
    action: string,
    form: Record<string, string>,
    options: QueryOptions = {},
  ): Promise<XmlAnswer> {
    const { service = "sns", origin = "http://sns.test", path = "/" } = options;
    const response = await aws.fetch(origin + path, {
      method: "POST",
      headers: { ...signature(service, options), ...options.headers },
      body: new URLSearchParams({ Action: action, Version: VERSIONS[service], ...form }),
    });
    const text = await response.text();
    const xml = parseXml(text);
    return { status: response.status, xml, text };
  }

  return {
    aws,
    sqs,
    query,
    async queue(QueueName, Attributes = {}) {
      return (await sqs("CreateQueue", { QueueName, Attributes })).body.QueueUrl;
    },
    async topic(Name, attributes = {}) {
      const form = Object.entries(attributes).flatMap(([key, value], place) => [
        [`Attributes.entry.${place + 1}.key`, key],
        [`Attributes.entry.${place + 1}.value`, value],
      ]);
      const { xml } = await query("CreateTopic", { Name, ...Object.fromEntries(form) });
      return textIn(xml, "TopicArn");
    },
    async receive(QueueUrl, input = {}) {
      const all = { MessageSystemAttributeNames: ["All"], MessageAttributeNames: ["All"] };
      const request = { QueueUrl, MaxNumberOfMessages: 10, ...all, ...input };
      return (await sqs("ReceiveMessage", request)).body.Messages ?? [];
    },
  };
}

function signature(service: string, options: CallOptions): Record<string, string> {
  const { region = "eu-west-1", account = "AKID" } = options;
  const scope = `${account}/20260101/${region}/${service}/aws4_request`;
  return {
    "x-amz-date": "20260101T000000Z",
    authorization:
      `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host;x-amz-date, Signature=00`,
  };
}

/** The text of the first element with this name; empty if there is none. */
export function textIn(xml: XmlElement, name: string): string {
  return elementsIn(xml, name)[0]?.text ?? "";
}

/** All elements with this name. */
export function elementsIn(xml: XmlElement, name: string): XmlElement[] {
  const inner = xml.children.flatMap((child) => elementsIn(child, name));
  return xml.name === name ? [xml, ...inner] : inner;
}
