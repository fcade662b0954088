/** What SNS posts to an endpoint, signed by a key of our own, and the host that has its certificate. */
import { VirtualClock } from "../../../../../backends/memory/testing.ts";
import { generateKeys, type SigningKeys, toPem, writeCertificate } from "./fake_certificate.ts";

export const TOPIC = "arn:aws:sns:eu-west-1:123456789012:orders";
export const HOST = "https://sns.eu-west-1.amazonaws.com";
export const CERTIFICATE_URL = `${HOST}/SimpleNotificationService-0123456789abcdef.pem`;
export const TOKEN = "2336412f37fb687f5d51e6e2425c464de0c8a0b1";
export const NOW = Date.UTC(2026, 5, 1, 12);

/** The fields of a post; what is undefined is left out. */
export type Fields = Record<string, unknown>;

export interface FakeSns {
  readonly clock: VirtualClock;
  /** What was fetched, in order. */
  readonly fetched: string[];
  /** Answers by address; anything else is a 404. */
  readonly answers: Map<string, () => Response | Promise<Response>>;
  readonly fetch: typeof fetch;
  /** A notification with these fields instead of its own, signed. */
  notification(fields?: Fields): Promise<Fields>;
  /** A confirmation, likewise. */
  confirmation(fields?: Fields): Promise<Fields>;
  /** Signs fields with version 1 or 2, as they say. */
  sign(fields: Fields): Promise<Fields>;
  /** Lets the host have another certificate. */
  certify(options?: Partial<Parameters<typeof writeCertificate>[0]>, url?: string): Promise<void>;
}

let keys: Promise<SigningKeys> | undefined;

/** Creates an SNS whose host answers with a certificate that is valid in 2026. */
export async function fakeSns(): Promise<FakeSns> {
  const { spki, privateKeys } = await (keys ??= generateKeys());
  const clock = new VirtualClock({ now: NOW });
  const fetched: string[] = [];
  const answers: FakeSns["answers"] = new Map();
  const sns: FakeSns = {
    clock,
    fetched,
    answers,
    fetch: async (input) => {
      await Promise.resolve();
      fetched.push(String(input));
      return await answers.get(String(input))?.() ?? new Response("none", { status: 404 });
    },
    notification: (fields = {}) => sns.sign({ ...notification(clock), ...fields }),
    confirmation: (fields = {}) => sns.sign({ ...confirmation(clock), ...fields }),
    async sign(fields) {
      const key = privateKeys[fields.SignatureVersion === "2" ? 2 : 1];
      const text = new TextEncoder().encode(signed(fields));
      const signature = await crypto.subtle.sign("RSASSA-PKCS1-v1_5", key, text);
      return { ...fields, Signature: btoa(String.fromCharCode(...new Uint8Array(signature))) };
    },
    async certify(options = {}, url = CERTIFICATE_URL) {
      const pem = toPem(await writeCertificate({ spki, ...options }));
      answers.set(url, () => new Response(pem));
    },
  };
  await sns.certify();
  answers.set(confirmUrl(), () => new Response("<ConfirmSubscriptionResponse/>"));
  return sns;
}

/** What confirms a subscription to the topic. */
export function confirmUrl(topic = TOPIC, host = HOST): string {
  const arn = encodeURIComponent(topic);
  return `${host}/?Action=ConfirmSubscription&TopicArn=${arn}&Token=${TOKEN}&Version=2010-03-31`;
}

function notification(clock: VirtualClock): Fields {
  return {
    Type: "Notification",
    MessageId: crypto.randomUUID(),
    TopicArn: TOPIC,
    Message: '{"orderId":"o-1"}',
    Timestamp: new Date(clock.now()).toISOString(),
    SignatureVersion: "1",
    SigningCertURL: CERTIFICATE_URL,
    UnsubscribeURL: `${HOST}/?Action=Unsubscribe&SubscriptionArn=${TOPIC}:1`,
    MessageAttributes: { manifest: { Type: "String", Value: "OrderPlaced" } },
  };
}

function confirmation(clock: VirtualClock): Fields {
  const { MessageAttributes: _, UnsubscribeURL: __, ...fields } = notification(clock);
  return {
    ...fields,
    Type: "SubscriptionConfirmation",
    Message: "You have chosen to subscribe to the topic.",
    Token: TOKEN,
    SubscribeURL: `${HOST}/?Action=ConfirmSubscription&TopicArn=${TOPIC}&Token=${TOKEN}`,
  };
}

/** Written from the documentation, not from the code under test. */
function signed(fields: Fields): string {
  const names = fields.Type === "Notification"
    ? ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
    : ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"];
  return names.filter((name) => fields[name] !== undefined)
    .map((name) => `${name}\n${fields[name]}\n`).join("");
}

/** The request in which SNS posts fields, or any other body. */
export function post(body: Fields | string | ReadableStream, init: RequestInit = {}): Request {
  const isText = typeof body === "string" || body instanceof ReadableStream;
  const type = isText ? undefined : body.Type;
  return new Request("https://shop.example/sns", {
    method: "POST",
    body: isText ? body : JSON.stringify(body),
    ...(body instanceof ReadableStream ? { duplex: "half" } : {}),
    ...init,
    headers: {
      "content-type": "text/plain; charset=UTF-8",
      ...(typeof type === "string" ? { "x-amz-sns-message-type": type } : {}),
      ...init.headers as Record<string, string>,
    },
  });
}
