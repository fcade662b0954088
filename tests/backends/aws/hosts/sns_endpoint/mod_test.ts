import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  snsEndpoint,
  type SnsEndpointOptions,
  type TestBroker,
} from "../../../../../backends/aws/hosts/sns_endpoint/mod.ts";
import { Dispatcher } from "../../../../../src/handle/dispatcher.ts";
import type { HandlerContext } from "../../../../../src/handle/handler.ts";
import { DeadLetter } from "../../../../../src/support/errors.ts";
import { defineEvent, type Event, typed } from "../../../../../src/event/event.ts";
import { until } from "../../../../wait.ts";
import { generateKeys, toPem, writeCertificate } from "./fake_certificate.ts";
import {
  CERTIFICATE_URL,
  confirmUrl,
  type FakeSns,
  fakeSns,
  type Fields,
  HOST,
  NOW,
  post,
  TOKEN,
  TOPIC,
} from "./fake_sns.ts";

const OrderPlaced = defineEvent("OrderPlaced", { schema: typed<{ orderId: string }>() });
const HOUR = 3_600_000;
const SECRET = "correct-horse-battery";

type Handle = (event: Event, context: HandlerContext) => void | Promise<void>;

/** An endpoint of the topic, with what its handler got and what it logged. */
async function setUp(options: Partial<SnsEndpointOptions> = {}, handle: Handle = () => {}) {
  const sns = await fakeSns();
  const handled: Event[] = [];
  const logs: string[] = [];
  const log = (message: string, fields?: unknown) =>
    void logs.push(`${message} ${JSON.stringify(fields)}`);
  const dispatcher = new Dispatcher({
    logger: { debug: log, info: log, warn: log, error: log },
  });
  dispatcher.subscribe(OrderPlaced, async (event, context) => {
    handled.push(event);
    await handle(event, context);
  });
  const { clock, fetch } = sns;
  const endpoint = snsEndpoint({ dispatcher, topics: [TOPIC], clock, fetch, ...options });
  return { sns, handled, logs, endpoint, dispatcher };
}

describe("snsEndpoint() with notifications", () => {
  for (const SignatureVersion of ["1", "2"]) {
    it(`handles one that is signed with version ${SignatureVersion}, then answers 200`, async () => {
      const { sns, handled, endpoint } = await setUp();
      const response = await endpoint(post(await sns.notification({ SignatureVersion })));
      assertEquals(response.status, 200);
      assertEquals(await response.text(), "");
      assertEquals(handled.map(({ data }) => data), [{ orderId: "o-1" }]);
      assertEquals(sns.fetched, [CERTIFICATE_URL]);
      assertEquals(sns.clock.pending, 0);
    });
  }

  it("verifies a subject, and text of any script", async () => {
    const { sns, handled, endpoint } = await setUp();
    const Message = JSON.stringify({ orderId: "Ω\n𝄞 é" });
    const fields = await sns.notification({ Subject: "new Ω", Message });
    assertEquals((await endpoint(post(fields))).status, 200);
    assertEquals(handled[0]?.data, JSON.parse(Message));
  });

  it("tells the handlers the topic, the time and the id of SNS", async () => {
    const contexts: HandlerContext[] = [];
    const { sns, endpoint } = await setUp({}, (_, context) => void contexts.push(context));
    const fields = await sns.notification({
      Timestamp: "2026-06-01T11:30:00.123Z",
    });
    await endpoint(post(fields));
    const [context] = contexts;
    assertEquals(context?.queue, "orders");
    assertEquals(context?.message.id, fields.MessageId);
    assertEquals(context?.message.sentAt, new Date("2026-06-01T11:30:00.123Z"));
    assertEquals(context?.receivedAt, new Date(NOW));
  });

  it("tells the handlers what SNS says beside a message, signed or raw", async () => {
    const contexts: HandlerContext[] = [];
    const allowRaw = { secret: SECRET };
    const options = { allowRaw };
    const { sns, endpoint, dispatcher } = await setUp(options, (_, it) => void contexts.push(it));
    const Timestamp = "2026-06-01T11:30:00.123Z";
    await endpoint(post(await sns.notification({ Timestamp, Subject: "new" })));
    await endpoint(post(await sns.notification({ Timestamp })));
    dispatcher.subscribeAll((_, it) => void contexts.push(it));
    const headers = { ...rawHeaders(), "x-amz-sns-topic-arn": TOPIC };
    const body = '{"event_type_name":"Other"}';
    const url = `https://shop.example/sns?secret=${SECRET}`;
    await endpoint(new Request(url, { method: "POST", headers, body }));
    const publishedAt = new Date(Timestamp);
    assertEquals(contexts.map(({ message }) => message.origin), [
      { topic: TOPIC, subject: "new", publishedAt },
      { topic: TOPIC, publishedAt },
      { topic: TOPIC },
    ]);
  });

  it("does not open a message that looks like an envelope", async () => {
    const bodies: string[] = [];
    const { sns, endpoint } = await setUp({}, (_, { message }) => void bodies.push(message.body));
    const Message = JSON.stringify(await sns.notification({ Message: '{"orderId":"inner"}' }));
    await endpoint(post(await sns.notification({ Message })));
    assertEquals(bodies, [Message]);
  });

  it("answers 503 where a handler throws, 422 where it gives up or nobody listens", async () => {
    let error: unknown = new Error("boom");
    const { sns, endpoint } = await setUp({}, () => {
      throw error;
    });
    const status = async (fields?: Fields) =>
      (await endpoint(post(await sns.notification(fields)))).status;
    assertEquals(await status(), 503);
    error = new DeadLetter("card-expired");
    assertEquals(await status(), 422);
    assertEquals(await status({ MessageAttributes: {} }), 422);
    assertEquals(await status({ Message: "not json" }), 422);
  });

  it("aborts the handlers' signal with TIMEOUT after 13 seconds, and answers 503", async () => {
    const signals: AbortSignal[] = [];
    const { sns, endpoint } = await setUp({}, (_, context) => {
      signals.push(context.signal);
      return new Promise(() => {});
    });
    const response = endpoint(post(await sns.notification()));
    const signal = await until(() => signals[0], { what: "the handler to start" });
    await sns.clock.advance(12_999);
    assertEquals(signal.aborted, false);
    await sns.clock.advance(1);
    assertEquals(signal.reason.code, "TIMEOUT");
    assertEquals((await response).status, 503);
  });

  it("gives the handlers its publisher", async () => {
    const publisher = { publish: () => Promise.reject(), publishAll: () => Promise.reject() };
    const seen: unknown[] = [];
    const { sns, endpoint } = await setUp(
      { publisher },
      (_, context) => void seen.push(context.publisher),
    );
    await endpoint(post(await sns.notification()));
    assertEquals(seen, [publisher]);
  });
});

describe("snsEndpoint() with repetitions", () => {
  it("answers one that was handled as before, without handling it again", async () => {
    const { sns, handled, endpoint } = await setUp();
    const fields = await sns.notification();
    assertEquals((await endpoint(post(fields))).status, 200);
    assertEquals((await endpoint(post(fields))).status, 200);
    assertEquals(handled.length, 1);
    assertEquals(sns.fetched.length, 1);
  });

  it("answers one that was given up with 422 again", async () => {
    const { sns, handled, endpoint } = await setUp({}, () => {
      throw new DeadLetter("no");
    });
    const fields = await sns.notification();
    await endpoint(post(fields));
    assertEquals((await endpoint(post(fields))).status, 422);
    assertEquals(handled.length, 1);
  });

  it("handles one that failed again", async () => {
    let fails = true;
    const { sns, handled, endpoint } = await setUp({}, () => {
      if (fails) throw new Error("boom");
    });
    const fields = await sns.notification();
    assertEquals((await endpoint(post(fields))).status, 503);
    fails = false;
    assertEquals((await endpoint(post(fields))).status, 200);
    assertEquals(handled.length, 2);
  });

  it("handles one that comes twice at once only once, and answers both", async () => {
    let finish = () => {};
    const finished = new Promise<void>((resolve) => finish = resolve);
    const { sns, handled, endpoint } = await setUp({}, () => finished);
    const fields = await sns.notification();
    const both = Promise.all([endpoint(post(fields)), endpoint(post(fields))]);
    await until(() => handled.length > 0, { what: "the handler to start" });
    finish();
    assertEquals((await both).map(({ status }) => status), [200, 200]);
    assertEquals(handled.length, 1);
  });

  it("refuses a repetition with a forged body, also of an id that was handled", async () => {
    const { sns, handled, endpoint } = await setUp();
    const fields = await sns.notification();
    await endpoint(post(fields));
    assertEquals((await endpoint(post({ ...fields, Message: "{}" }))).status, 403);
    assertEquals(handled.length, 1);
  });

  it("forgets the oldest beyond maxRemembered", async () => {
    const { sns, handled, endpoint } = await setUp({ maxRemembered: 2 });
    const [first, second, third] = await Promise.all([1, 2, 3].map(() => sns.notification()));
    for (const fields of [first!, second!, third!, third!, second!]) await endpoint(post(fields));
    assertEquals(handled.length, 3);
    await endpoint(post(first!));
    assertEquals(handled.length, 4);
  });
});

describe("snsEndpoint() with certificates", () => {
  it("fetches one certificate once for many requests at once", async () => {
    const { sns, endpoint } = await setUp();
    const posts = await Promise.all(Array.from({ length: 5 }, () => sns.notification()));
    const responses = await Promise.all(posts.map((fields) => endpoint(post(fields))));
    assertEquals(responses.map(({ status }) => status), [200, 200, 200, 200, 200]);
    assertEquals(sns.fetched, [CERTIFICATE_URL]);
  });

  const refused: Record<string, Parameters<FakeSns["certify"]>[0]> = {
    "has expired": { notAfter: "260531235959Z" },
    "is not valid yet": { notBefore: "260601120001Z" },
    "is of another subject": { commonName: "sns.amazonaws.com.evil.example" },
    "is of another region": { commonName: "sns-signing.me-south-1.amazonaws.com" },
    "has no RSA key": { spki: Uint8Array.of(0x30, 0) },
  };
  for (const [name, options] of Object.entries(refused)) {
    it(`refuses one that ${name}`, async () => {
      const { sns, handled, endpoint } = await setUp();
      await sns.certify(options);
      assertEquals((await endpoint(post(await sns.notification()))).status, 403);
      assertEquals(handled.length, 0);
    });
  }

  const names: Record<string, string> = {
    "af-south-1": "sns-signing.af-south-1.amazonaws.com",
    "cn-north-1": "sns-cn-north-1.amazonaws.com.cn",
    "eusc-de-east-1": "sns-signing.eusc-de-east-1.amazonaws.eu",
    "us-gov-east-1": "sns-us-gov-west-1.amazonaws.com",
    "us-east-1": "sns.amazonaws.com",
  };
  for (const [region, commonName] of Object.entries(names)) {
    it(`takes ${commonName} in ${region}`, async () => {
      const [, domain] = commonName.split(/(?<=\.)(?=amazonaws\.)/);
      const partition = { cn: "aws-cn", eusc: "aws-eusc", us: "aws" }[region.split("-")[0]!];
      const topic = `arn:${region.includes("gov") ? "aws-us-gov" : partition ?? "aws"}:sns:` +
        `${region}:123456789012:orders`;
      const { sns, endpoint } = await setUp({ topics: [topic] });
      const SigningCertURL = `https://sns.${region}.${domain}/SimpleNotificationService-00ff.pem`;
      await sns.certify({ commonName }, SigningCertURL);
      const fields = await sns.notification({ TopicArn: topic, SigningCertURL });
      assertEquals((await endpoint(post(fields))).status, 200);
      assertEquals(sns.fetched, [SigningCertURL]);
    });
  }

  it("takes one whose alternative names are of SNS", async () => {
    const { sns, endpoint } = await setUp();
    await sns.certify({ commonName: "x", dnsNames: ["a.example", "sns.eu-west-1.amazonaws.com"] });
    assertEquals((await endpoint(post(await sns.notification()))).status, 200);
  });

  it("fetches again what expired since", async () => {
    const { sns, endpoint } = await setUp();
    await sns.certify({ notAfter: "260601130000Z" });
    assertEquals((await endpoint(post(await sns.notification()))).status, 200);
    await sns.clock.advance(HOUR + 1);
    assertEquals((await endpoint(post(await sns.notification()))).status, 403);
    assertEquals(sns.fetched.length, 2);
  });

  const failures: Record<string, [answer: () => Response | Promise<Response>, status: number]> = {
    "is missing": [() => new Response(null, { status: 404 }), 403],
    "is a redirect": [
      () => new Response(null, { status: 302, headers: { location: "http://127.0.0.1/" } }),
      403,
    ],
    "is HTML": [() => new Response("<html>"), 403],
    "is a 500": [() => new Response(null, { status: 500 }), 503],
    "cannot be reached": [() => Promise.reject(new TypeError("connection refused")), 503],
  };
  for (const [name, [answer, status]] of Object.entries(failures)) {
    it(`answers ${status} where the certificate ${name}, and asks again after 10 s only`, async () => {
      const { sns, handled, endpoint } = await setUp();
      const good = sns.answers.get(CERTIFICATE_URL)!;
      sns.answers.set(CERTIFICATE_URL, answer);
      const fields = await sns.notification();
      assertEquals((await endpoint(post(fields))).status, status);
      sns.answers.set(CERTIFICATE_URL, good);
      assertEquals((await endpoint(post(fields))).status, status);
      assertEquals(sns.fetched, [CERTIFICATE_URL]);
      await sns.clock.advance(10_000);
      assertEquals((await endpoint(post(fields))).status, 200);
      assertEquals(handled.length, 1);
    });
  }

  it("gives a certificate file up that goes on and on", async () => {
    const { sns, endpoint } = await setUp();
    const pem = await (await sns.answers.get(CERTIFICATE_URL)!()).text();
    sns.answers.set(CERTIFICATE_URL, () => new Response(pem + "x".repeat(64 * 1024)));
    assertEquals((await endpoint(post(await sns.notification()))).status, 403);
  });

  it("waits for a certificate for 5 seconds, and ends the request", async () => {
    const sns = await fakeSns();
    let aborted = false;
    const fetch = (_: unknown, init?: RequestInit) =>
      new Promise<Response>((_, reject) =>
        init?.signal?.addEventListener("abort", () => {
          aborted = true;
          reject(new Error("aborted"));
        })
      );
    const endpoint = snsEndpoint({
      dispatcher: new Dispatcher({ logger: SILENT }),
      topics: [TOPIC],
      clock: sns.clock,
      fetch,
    });
    const response = endpoint(post(await sns.notification()));
    await until(() => sns.clock.pending >= 2, {
      what: "two timers",
      saw: () => sns.clock.pending,
    });
    await sns.clock.advance(5_000);
    assertEquals((await response).status, 503);
    assertEquals(aborted, true);
    assertEquals(sns.clock.pending, 0);
  });

  it("fetches four at once at the most", async () => {
    const { sns, endpoint } = await setUp();
    let answer = () => {};
    const held = new Promise<void>((resolve) => answer = resolve);
    const ask = async (index: number) => {
      const SigningCertURL = `${HOST}/SimpleNotificationService-${index}.pem`;
      sns.answers.set(SigningCertURL, () => held.then(() => new Response(null, { status: 404 })));
      const { status } = await endpoint(post(await sns.notification({ SigningCertURL })));
      return status;
    };
    const first = [1, 2, 3, 4].map(ask);
    await until(() => sns.fetched.length >= 4, { what: "four requests", saw: () => sns.fetched });
    assertEquals(await ask(5), 503);
    answer();
    assertEquals(await Promise.all(first), [403, 403, 403, 403]);
    assertEquals(sns.fetched.length, 4);
    assertEquals(await ask(6), 403);
  });

  it("keeps the certificate it has while many others cannot be found", async () => {
    const { sns, endpoint } = await setUp();
    await endpoint(post(await sns.notification()));
    for (let index = 0; index < 40; index++) {
      const SigningCertURL = `${HOST}/SimpleNotificationService-${index}.pem`;
      await endpoint(post(await sns.notification({ SigningCertURL })));
    }
    assertEquals((await endpoint(post(await sns.notification()))).status, 200);
    assertEquals(sns.fetched.filter((url) => url === CERTIFICATE_URL).length, 1);
  });

  it("asks for no redirect to be followed", async () => {
    const { sns, dispatcher } = await setUp();
    const redirects: unknown[] = [];
    const endpoint = snsEndpoint({
      dispatcher,
      topics: [TOPIC],
      clock: sns.clock,
      fetch: (input, init) => {
        redirects.push(init?.redirect);
        return sns.fetch(input, init);
      },
    });
    await endpoint(post(await sns.notification()));
    await endpoint(post(await sns.confirmation()));
    assertEquals(redirects, ["manual", "manual"]);
  });

  it("answers 503, and logs why, where the request's time is over before the certificate comes", async () => {
    const { sns, handled, logs, endpoint } = await setUp({ timeoutMs: 1_000 });
    let asked = () => {};
    const fetched = new Promise<void>((resolve) => asked = resolve);
    sns.answers.set(CERTIFICATE_URL, () => {
      asked();
      return new Promise(() => {});
    });
    const response = endpoint(post(await sns.notification()));
    await fetched;
    await sns.clock.advance(1_000);
    assertEquals((await response).status, 503);
    assertEquals(handled.length, 0);
    assertEquals(logs.length, 1);
    assertStringIncludes(logs[0]!, "could not be answered; it is retried");
    assertStringIncludes(logs[0]!, '"code":"TIMEOUT"');
  });

  it("remembers 16 that could not be had, and no more, whoever names them", async () => {
    const { sns, endpoint } = await setUp();
    const url = (index: number) => `${HOST}/SimpleNotificationService-${index}.pem`;
    const ask = async (index: number) =>
      void await endpoint(post(await sns.notification({ SigningCertURL: url(index) })));
    const times = (index: number) => sns.fetched.filter((it) => it === url(index)).length;
    for (let index = 0; index < 16; index++) await ask(index);
    await ask(0);
    assertEquals(times(0), 1);
    await ask(16);
    await ask(1);
    await ask(0);
    assertEquals([times(0), times(1)], [2, 1]);
  });

  it("keeps 16 of them, and no more", async () => {
    const { sns, endpoint } = await setUp();
    const url = (index: number) => `${HOST}/SimpleNotificationService-${index}.pem`;
    const ask = async (index: number) => {
      await sns.certify({}, url(index));
      const { status } = await endpoint(
        post(await sns.notification({ SigningCertURL: url(index) })),
      );
      assertEquals(status, 200);
    };
    const times = (index: number) => sns.fetched.filter((it) => it === url(index)).length;
    for (let index = 0; index < 16; index++) await ask(index);
    await ask(0);
    assertEquals(times(0), 1);
    await ask(16);
    await ask(1);
    await ask(0);
    assertEquals([times(0), times(1)], [2, 1]);
  });

  it("forgets what it asked for longest ago, not what it asked for again", async () => {
    const { sns, endpoint } = await setUp();
    const url = (index: number) => `${HOST}/SimpleNotificationService-${index}.pem`;
    const ask = async (index: number) =>
      void await endpoint(post(await sns.notification({ SigningCertURL: url(index) })));
    await ask(0);
    await sns.clock.advance(10_000);
    for (let index = 1; index < 16; index++) await ask(index);
    await ask(0);
    await ask(16);
    await ask(0);
    assertEquals(sns.fetched.filter((it) => it === url(0)).length, 2);
    await ask(1);
    assertEquals(sns.fetched.filter((it) => it === url(1)).length, 2);
  });
});

describe("snsEndpoint() with subscriptions", () => {
  it("confirms one at an address of its own", async () => {
    const { sns, endpoint } = await setUp();
    assertEquals((await endpoint(post(await sns.confirmation()))).status, 200);
    assertEquals(sns.fetched, [CERTIFICATE_URL, confirmUrl()]);
  });

  it("confirms one whose SubscribeURL is encoded, with more in its query", async () => {
    const { sns, endpoint } = await setUp();
    const SubscribeURL = confirmUrl();
    assertEquals((await endpoint(post(await sns.confirmation({ SubscribeURL })))).status, 200);
  });

  it("answers 503 where that fails, and 200 when it comes again and succeeds", async () => {
    const { sns, endpoint } = await setUp();
    const good = sns.answers.get(confirmUrl())!;
    sns.answers.delete(confirmUrl());
    const fields = await sns.confirmation();
    assertEquals((await endpoint(post(fields))).status, 503);
    sns.answers.set(confirmUrl(), good);
    assertEquals((await endpoint(post(fields))).status, 200);
    assertEquals((await endpoint(post(fields))).status, 200);
    assertEquals(sns.fetched.length, 3);
  });

  it("lets a function confirm it", async () => {
    const confirmed: unknown[] = [];
    const { sns, endpoint } = await setUp({
      confirm: ({ topicArn, token }) => Promise.resolve(void confirmed.push([topicArn, token])),
    });
    assertEquals((await endpoint(post(await sns.confirmation()))).status, 200);
    assertEquals(confirmed, [[TOPIC, TOKEN]]);
    assertEquals(sns.fetched, [CERTIFICATE_URL]);
  });

  it("answers 503 where that function fails", async () => {
    const { sns, endpoint } = await setUp({ confirm: () => Promise.reject(new Error("denied")) });
    assertEquals((await endpoint(post(await sns.confirmation()))).status, 503);
  });

  it("refuses to confirm where it is told so", async () => {
    const { sns, endpoint } = await setUp({ confirm: false });
    assertEquals((await endpoint(post(await sns.confirmation()))).status, 403);
    assertEquals(sns.fetched, [CERTIFICATE_URL]);
  });

  it("never subscribes again after an UnsubscribeConfirmation", async () => {
    const { sns, logs, endpoint } = await setUp({
      confirm: () => Promise.reject(new Error("not to be called")),
    });
    const fields = await sns.confirmation({ Type: "UnsubscribeConfirmation" });
    assertEquals((await endpoint(post(fields))).status, 200);
    assertEquals(sns.fetched, [CERTIFICATE_URL]);
    assertEquals(logs, ['The endpoint was unsubscribed from a topic {"topic":"orders"}']);
  });

  it("logs which subscription was confirmed, and neither its token nor its address", async () => {
    const { sns, logs, endpoint } = await setUp();
    await endpoint(post(await sns.confirmation()));
    assertEquals(logs, ['A subscription was confirmed {"topic":"orders"}']);
  });
});

/** What is wrong with a request that is signed properly otherwise. */
interface Hostile {
  status: number;
  /** Changes fields before they are signed. */
  fields?: Fields;
  /** Changes fields after they were signed. */
  forged?: Fields;
  /** Leaves a field out. */
  without?: string;
  confirmation?: boolean;
  body?: string | (() => ReadableStream);
  init?: RequestInit;
  options?: Partial<SnsEndpointOptions>;
}

const certificateUrl = (SigningCertURL: unknown, status = 403): Hostile => ({
  status,
  fields: { SigningCertURL },
});
const subscribeUrl = (SubscribeURL: unknown, status = 403): Hostile => ({
  status,
  confirmation: true,
  fields: { SubscribeURL },
});
const PEM = "/SimpleNotificationService-0123456789abcdef.pem";
const QUERY = `?Action=ConfirmSubscription&TopicArn=${TOPIC}&Token=${TOKEN}`;

/** Every one is refused before anything is fetched. */
const HOSTILE: Record<string, Hostile> = {
  "GET": { status: 405, init: { method: "GET", body: null } },
  "PUT": { status: 405, init: { method: "PUT" } },
  "no body": { status: 400, body: "" },
  "no JSON": { status: 400, body: "Type=Notification" },
  "JSON null": { status: 400, body: "null" },
  "a JSON array": { status: 400, body: "[]" },
  "a JSON string": { status: 400, body: '"Notification"' },
  "an empty object": { status: 400, body: "{}" },
  "a body that is no UTF-8": { status: 400, body: () => stream([Uint8Array.of(0x7b, 0xff, 0x7d)]) },
  "a body that is announced as too long": {
    status: 413,
    init: { headers: { "content-length": "1363149" } },
    body: () => stream([new TextEncoder().encode("{}")]),
  },
  "a body that is too long": { status: 413, body: () => endless() },
  "a body that breaks": { status: 400, body: () => broken() },
  "fields of the prototype": { status: 400, body: '{"__proto__":{"Type":"Notification"}}' },
  "a Type that is inherited": { status: 400, without: "Type" },
  "a Type that is an object": { status: 400, forged: { Type: { toString: "Notification" } } },
  "another Type": { status: 400, fields: { Type: "constructor" } },
  "another Type than the header": {
    status: 400,
    init: { headers: { "x-amz-sns-message-type": "SubscriptionConfirmation" } },
  },
  "no TopicArn": { status: 400, without: "TopicArn" },
  "a TopicArn in an array": { status: 400, forged: { TopicArn: [TOPIC] } },
  "another topic": { status: 403, fields: { TopicArn: `${TOPIC}2` } },
  "a topic of another account": {
    status: 403,
    fields: { TopicArn: "arn:aws:sns:eu-west-1:999999999999:orders" },
  },
  "a topic of another region": {
    status: 403,
    fields: { TopicArn: "arn:aws:sns:us-east-1:123456789012:orders" },
  },
  "a topic in capitals": { status: 403, fields: { TopicArn: TOPIC.toUpperCase() } },
  "no Message": { status: 400, without: "Message" },
  "a Message that is an object": { status: 400, forged: { Message: { orderId: "o-1" } } },
  "a Message that is a number": { status: 400, forged: { Message: 1 } },
  "no MessageId": { status: 400, without: "MessageId" },
  "a MessageId of two lines": { status: 400, fields: { MessageId: "1\nSubject\nforged" } },
  "a MessageId that is long": { status: 400, fields: { MessageId: "a".repeat(101) } },
  "a Subject of two lines": { status: 400, fields: { Subject: "1\nTimestamp\n2" } },
  "a Subject that is null": { status: 400, forged: { Subject: null } },
  "no Timestamp": { status: 400, without: "Timestamp" },
  "a Timestamp that is a number": { status: 400, forged: { Timestamp: NOW } },
  "a Timestamp in another form": { status: 400, fields: { Timestamp: "June 1, 2026 12:00 UTC" } },
  "a Timestamp that is no time": { status: 400, fields: { Timestamp: "2026-13-01T00:00:00.000Z" } },
  "a Timestamp that is too old": {
    status: 403,
    fields: { Timestamp: new Date(NOW - HOUR - 1).toISOString() },
  },
  "a Timestamp in the future": {
    status: 403,
    fields: { Timestamp: new Date(NOW + HOUR + 1).toISOString() },
  },
  "no Signature": { status: 400, without: "Signature" },
  "a Signature that is no base64": { status: 400, forged: { Signature: "!!!!" } },
  "a Signature that is long": { status: 400, forged: { Signature: "A".repeat(4096) } },
  "no SignatureVersion": { status: 400, without: "SignatureVersion" },
  "a SignatureVersion that is a number": { status: 400, forged: { SignatureVersion: 1 } },
  "an unknown SignatureVersion": { status: 403, fields: { SignatureVersion: "3" } },
  "a SignatureVersion of the prototype": { status: 403, fields: { SignatureVersion: "toString" } },
  "version 1 where only 2 is allowed": { status: 403, options: { signatureVersions: ["2"] } },
  "no SigningCertURL": { status: 400, without: "SigningCertURL" },
  "a SigningCertURL in an array": { status: 400, forged: { SigningCertURL: [CERTIFICATE_URL] } },
  "a certificate over http": certificateUrl(CERTIFICATE_URL.replace("https", "http")),
  "a certificate of another host": certificateUrl(`https://evil.example${PEM}`),
  "a certificate of a metadata address": certificateUrl(`https://169.254.169.254${PEM}`),
  "a certificate of a local address": certificateUrl(`https://[::1]${PEM}`),
  "a certificate of another region": certificateUrl(`https://sns.us-east-1.amazonaws.com${PEM}`),
  "a certificate of China": certificateUrl(`${HOST}.cn${PEM}`),
  "a certificate of another service": certificateUrl(`https://s3.eu-west-1.amazonaws.com${PEM}`),
  "a certificate of a bucket": certificateUrl(`https://sns.eu-west-1.s3.amazonaws.com${PEM}`),
  "a certificate of a bucket in a path": certificateUrl(`https://s3.amazonaws.com/sns${PEM}`),
  "a certificate of a look-alike host": certificateUrl(`${HOST}.evil.example${PEM}`),
  "a certificate of a host that begins alike": certificateUrl(
    `https://sns.eu-west-1.amazonaws.computer${PEM}`,
  ),
  "a certificate of a host that ends alike": certificateUrl(
    `https://evilsns.eu-west-1.amazonaws.com${PEM}`,
  ),
  "a certificate of a host with a dot at its end": certificateUrl(`${HOST}.${PEM}`),
  "a certificate of a host in capitals": certificateUrl(
    `https://SNS.eu-west-1.amazonaws.com${PEM}`,
  ),
  "a certificate of a host with IDN dots": certificateUrl(
    `https://sns。eu-west-1。amazonaws。com${PEM}`,
  ),
  "a certificate of a host with a soft hyphen": certificateUrl(
    `https://sns.eu-west-1.amazon\u00adaws.com${PEM}`,
  ),
  "a certificate with a user": certificateUrl(`https://a@sns.eu-west-1.amazonaws.com${PEM}`),
  "a certificate with the host as user": certificateUrl(`${HOST}@evil.example${PEM}`),
  "a certificate with the host as user and password": certificateUrl(
    `${HOST}:443@evil.example${PEM}`,
  ),
  "a certificate with a port": certificateUrl(`${HOST}:8443${PEM}`),
  "a certificate with the usual port": certificateUrl(`${HOST}:443${PEM}`),
  "a certificate with a query": certificateUrl(`${CERTIFICATE_URL}?a=1`),
  "a certificate with a fragment": certificateUrl(`${CERTIFICATE_URL}#a`),
  "a certificate with a path in front": certificateUrl(`${HOST}/evil${PEM}`),
  "a certificate with dots in its path": certificateUrl(`${HOST}/..${PEM}`),
  "a certificate with another path": certificateUrl(`${HOST}/evil.pem`),
  "a certificate with another ending": certificateUrl(CERTIFICATE_URL.replace(".pem", ".cer")),
  "a certificate with something before its path": certificateUrl(`${HOST}\\evil.example${PEM}`),
  "a certificate with a line feed": certificateUrl(`${CERTIFICATE_URL}\n`),
  "a certificate with a tab": certificateUrl(CERTIFICATE_URL.replace("sns.", "sns\t.")),
  "a certificate with a space in front": certificateUrl(` ${CERTIFICATE_URL}`),
  "a certificate by file": certificateUrl(`file:///etc${PEM}`),
  "a certificate by data": certificateUrl("data:text/plain,evil"),
  "an empty certificate URL": certificateUrl(""),
  "no Token": { status: 400, confirmation: true, without: "Token" },
  "a Token that is an object": { status: 400, confirmation: true, forged: { Token: {} } },
  "a Token with a line feed": {
    status: 400,
    confirmation: true,
    fields: { Token: `${TOKEN}\nTopicArn` },
  },
  "no SubscribeURL": { status: 400, confirmation: true, without: "SubscribeURL" },
  "a SubscribeURL over http": subscribeUrl(`http://sns.eu-west-1.amazonaws.com/${QUERY}`),
  "a SubscribeURL of a metadata address": subscribeUrl(
    `http://169.254.169.254/latest/meta-data/${QUERY}`,
  ),
  "a SubscribeURL of another host": subscribeUrl(`https://evil.example/${QUERY}`),
  "a SubscribeURL of another region": subscribeUrl(`https://sns.us-east-1.amazonaws.com/${QUERY}`),
  "a SubscribeURL of a look-alike host": subscribeUrl(`${HOST}.evil.example/${QUERY}`),
  "a SubscribeURL with a user": subscribeUrl(`${HOST}@evil.example/${QUERY}`),
  "a SubscribeURL with a port": subscribeUrl(`${HOST}:444/${QUERY}`),
  "a SubscribeURL with a path": subscribeUrl(`${HOST}/evil/${QUERY}`),
  "a SubscribeURL with a fragment": subscribeUrl(`${HOST}/${QUERY}&a=1#evil`),
  "a SubscribeURL with another action": subscribeUrl(
    `${HOST}/${QUERY.replace("ConfirmSubscription", "Publish")}`,
  ),
  "a SubscribeURL with two actions": subscribeUrl(`${HOST}/${QUERY}&Action=Publish`),
  "a SubscribeURL for another topic": subscribeUrl(`${HOST}/${QUERY.replace("orders", "others")}`),
  "a SubscribeURL with another token": subscribeUrl(`${HOST}/${QUERY}f`),
  "a SubscribeURL without a query": subscribeUrl(`${HOST}/`),
  "an UnsubscribeConfirmation without a SubscribeURL": {
    status: 400,
    confirmation: true,
    fields: { Type: "UnsubscribeConfirmation" },
    without: "SubscribeURL",
  },
  "a raw delivery": {
    status: 403,
    body: '{"orderId":"o-1"}',
    init: { headers: rawHeaders() },
  },
  "a raw delivery of a signed message": { status: 403, init: { headers: rawHeaders() } },
};

describe("snsEndpoint() refuses, without a request of its own,", () => {
  for (const [name, hostile] of Object.entries(HOSTILE)) {
    it(`${name} with ${hostile.status}`, async () => {
      const { sns, handled, logs, endpoint } = await setUp(hostile.options);
      const response = await endpoint(await requestOf(hostile, sns));
      assertEquals(response.status, hostile.status);
      assertEquals(sns.fetched, []);
      assertEquals(handled, []);
      assertEquals(logs.length, 1);
      assertStringIncludes(logs[0]!, "A request to the SNS endpoint was refused");
      assert(!/o-1|evil|169\.254|2336412f/.test(logs[0]! + await response.text()), logs[0]);
      assertEquals(sns.clock.pending, 0);
    });
  }

  it("but not the same requests without what is wrong", async () => {
    const { sns, endpoint } = await setUp();
    for (const confirmation of [false, true]) {
      const request = await requestOf({ status: 200, confirmation }, sns);
      assertEquals((await endpoint(request)).status, 200);
    }
  });
});

async function requestOf(hostile: Hostile, sns: FakeSns): Promise<Request> {
  const { fields = {}, forged = {}, without, body, init = {} } = hostile;
  const signed = await sns[hostile.confirmation ? "confirmation" : "notification"](fields);
  const { [without ?? ""]: _, ...rest } = { ...signed, ...forged };
  if (init.method === "GET") return new Request("https://shop.example/sns");
  return post(typeof body === "function" ? body() : body ?? rest, init);
}

function rawHeaders(id = "m-1"): Record<string, string> {
  return {
    "x-amz-sns-rawdelivery": "true",
    "x-amz-sns-message-type": "Notification",
    "x-amz-sns-message-id": id,
    "x-amz-sns-topic-arn": TOPIC,
  };
}

function stream(chunks: Uint8Array[]): ReadableStream {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
}

function endless(): ReadableStream {
  return new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(65_536)) });
}

function broken(): ReadableStream {
  return new ReadableStream({ start: (controller) => controller.error(new Error("reset")) });
}

describe("snsEndpoint() refuses, once it has the certificate,", () => {
  const forgeries: Record<string, Fields> = {
    "another Message": { Message: '{"orderId":"o-2"}' },
    "another MessageId": { MessageId: "0f0f" },
    "a Subject that was not signed": { Subject: "new" },
    "another Timestamp": { Timestamp: "2026-06-01T12:00:01.000Z" },
    "another SignatureVersion": { SignatureVersion: "2" },
    "another Signature": { Signature: btoa("x".repeat(256)) },
    "a short Signature": { Signature: btoa("x") },
    "a Signature that cannot be decoded": { Signature: "AAAAA" },
  };
  for (const [name, forged] of Object.entries(forgeries)) {
    it(`${name} with 403`, async () => {
      const { sns, handled, endpoint } = await setUp();
      const fields = { ...await sns.notification(), ...forged };
      const response = await endpoint(post(fields));
      assertEquals([response.status, await response.text()], [403, "the signature is wrong"]);
      assertEquals(handled, []);
      assertEquals(sns.fetched, [CERTIFICATE_URL]);
    });
  }

  it("a confirmation with another Token with 403, and confirms nothing", async () => {
    const { sns, endpoint } = await setUp();
    const Token = TOKEN.replace("2", "3");
    const SubscribeURL = `${HOST}/${QUERY.replace(TOKEN, Token)}`;
    const fields = { ...await sns.confirmation(), Token, SubscribeURL };
    assertEquals((await endpoint(post(fields))).status, 403);
    assertEquals(sns.fetched, [CERTIFICATE_URL]);
  });

  it("a notification that poses as a confirmation with 403", async () => {
    const { sns, endpoint } = await setUp();
    const { SubscribeURL, Token } = await sns.confirmation();
    const Type = "SubscriptionConfirmation";
    const fields = { ...await sns.notification(), Type, SubscribeURL, Token };
    assertEquals((await endpoint(post(fields))).status, 403);
    assertEquals(sns.fetched, [CERTIFICATE_URL]);
  });
});

describe("snsEndpoint() with raw deliveries", () => {
  const ask = (secret: string | undefined, init: { id?: string; topic?: string } = {}) => {
    const query = secret === undefined ? "" : `?secret=${encodeURIComponent(secret)}`;
    return new Request(`https://shop.example/sns${query}`, {
      method: "POST",
      body: '{"orderId":"o-1"}',
      headers: { ...rawHeaders(init.id), "x-amz-sns-topic-arn": init.topic ?? TOPIC },
    });
  };
  const raw = async () => {
    const { sns, dispatcher } = await setUp();
    const seen: unknown[] = [];
    const named = new Dispatcher({
      defaultEvent: OrderPlaced,
      logger: dispatcher.options.logger,
    });
    named.subscribe(OrderPlaced, (event, { message }) => void seen.push([event.data, message.id]));
    const { clock, fetch } = sns;
    const allowRaw = { secret: SECRET };
    const endpoint = snsEndpoint({ dispatcher: named, topics: [TOPIC], clock, fetch, allowRaw });
    return { endpoint, seen, sns };
  };

  it("handles one that knows the secret, once, as the type it is told", async () => {
    const { endpoint, seen, sns } = await raw();
    assertEquals((await endpoint(ask(SECRET))).status, 200);
    assertEquals((await endpoint(ask(SECRET))).status, 200);
    assertEquals(seen, [[{ orderId: "o-1" }, "m-1"]]);
    assertEquals(sns.fetched, []);
  });

  it("lets typeOf and dataOf read it, and a subject of a signed one", async () => {
    const { sns, dispatcher } = await setUp();
    const seen: unknown[] = [];
    const foreign = new Dispatcher({
      typeOf: ({ body, origin }) => origin?.subject ?? JSON.parse(body)["detail-type"],
      dataOf: ({ body }) => JSON.parse(body).detail,
      logger: dispatcher.options.logger,
    });
    foreign.subscribeAll(({ type, data }) => void seen.push([type, data]));
    const { clock, fetch } = sns;
    const allowRaw = { secret: SECRET };
    const endpoint = snsEndpoint({ dispatcher: foreign, topics: [TOPIC], clock, fetch, allowRaw });
    const body = JSON.stringify({ "detail-type": "Order Placed", detail: 5 });
    const raw = new Request(ask(SECRET), { body });
    assertEquals((await endpoint(raw)).status, 200);
    const fields = { Subject: "Order Paid", Message: body, MessageAttributes: {} };
    const signed = await sns.notification(fields);
    assertEquals((await endpoint(post(signed))).status, 200);
    assertEquals(seen, [["Order Placed", 5], ["Order Paid", 5]]);
  });

  it("refuses one without the secret, or of another topic", async () => {
    const { endpoint, seen } = await raw();
    for (const secret of [undefined, "", "correct-horse-batterz", `${SECRET}1`]) {
      assertEquals((await endpoint(ask(secret))).status, 403);
    }
    assertEquals((await endpoint(ask(SECRET, { topic: `${TOPIC}2` }))).status, 403);
    assertEquals((await endpoint(ask(SECRET, { id: "" }))).status, 400);
    assertEquals(seen, []);
  });

  it("takes no id of any length, as it is remembered", async () => {
    const { endpoint, seen } = await raw();
    for (const id of ["", "x".repeat(101), "a b", "a/b"]) {
      assertEquals((await endpoint(ask(SECRET, { id }))).status, 400, id);
    }
    assertEquals((await endpoint(ask(SECRET, { id: "x".repeat(100) }))).status, 200);
    assertEquals(seen.length, 1);
  });

  it("still verifies what is not raw, also where the secret is known", async () => {
    const { endpoint, seen, sns } = await raw();
    const fields = await sns.notification();
    const request = new Request(`https://shop.example/sns?secret=${SECRET}`, {
      method: "POST",
      body: JSON.stringify({ ...fields, Message: "{}" }),
    });
    assertEquals((await endpoint(request)).status, 403);
    assertEquals(seen, []);
  });

  it("hands over a message of now, that has no attributes, under the id of SNS", async () => {
    const { sns, dispatcher } = await setUp();
    const contexts: HandlerContext[] = [];
    const named = new Dispatcher({
      defaultEvent: OrderPlaced,
      logger: dispatcher.options.logger,
    });
    named.subscribe(OrderPlaced, (_, context) => void contexts.push(context));
    const { clock, fetch } = sns;
    const allowRaw = { secret: SECRET };
    const endpoint = snsEndpoint({ dispatcher: named, topics: [TOPIC], clock, fetch, allowRaw });
    await clock.advance(5_000);
    assertEquals((await endpoint(ask(SECRET))).status, 200);
    assertEquals(contexts[0]?.message, {
      id: "m-1",
      body: '{"orderId":"o-1"}',
      attributes: {},
      sentAt: new Date(NOW + 5_000),
      attempt: 1,
      origin: { topic: TOPIC },
    });
    assertEquals([contexts[0]?.queue, clock.pending], ["orders", 0]);
  });

  it("refuses what is not a notification", async () => {
    const { endpoint, seen } = await raw();
    const request = ask(SECRET);
    request.headers.set("x-amz-sns-message-type", "SubscriptionConfirmation");
    assertEquals((await endpoint(request)).status, 400);
    assertEquals(seen, []);
  });

  it("remembers one for as long as the window, and no longer", async () => {
    const { endpoint, seen, sns } = await raw();
    const come = async (id: string) =>
      assertEquals((await endpoint(ask(SECRET, { id }))).status, 200);
    await come("m-1");
    await sns.clock.advance(HOUR);
    await come("m-2");
    await come("m-1");
    assertEquals(seen.length, 2);
    await sns.clock.advance(1);
    await come("m-3");
    await come("m-1");
    assertEquals(seen.length, 4);
  });
});

describe("snsEndpoint() with long bodies", () => {
  it("cancels one as soon as it is too long", async () => {
    const { endpoint } = await setUp({ maxBodyBytes: 1_000 });
    let pulled = 0;
    let cancelled = false;
    const body = new ReadableStream({
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(100));
      },
      cancel() {
        cancelled = true;
      },
    });
    assertEquals((await endpoint(post(body))).status, 413);
    assert(pulled < 50, `${pulled} chunks`);
    assertEquals(cancelled, true);
  });

  it("takes one of exactly the longest", async () => {
    const { sns } = await setUp();
    const body = JSON.stringify(await sns.notification());
    for (const [spare, status] of [[0, 200], [-1, 413]] as const) {
      const { sns, endpoint } = await setUp({ maxBodyBytes: body.length + spare });
      assertEquals((await endpoint(post(await sns.notification()))).status, status);
    }
  });

  it("takes 1 363 148 bytes where it is told nothing, and no more", async () => {
    const { endpoint } = await setUp();
    for (const [length, status] of [[1_363_148, 400], [1_363_149, 413]] as const) {
      assertEquals((await endpoint(post(" ".repeat(length)))).status, status);
    }
  });

  it("refuses one that is no UTF-8, also where only what is not signed is none", async () => {
    const { sns, handled, endpoint } = await setUp();
    const text = JSON.stringify(await sns.notification({ UnsubscribeURL: "?" }));
    const bytes = new TextEncoder().encode(text);
    bytes[text.lastIndexOf("?")] = 0xff;
    const response = await endpoint(post(stream([bytes])));
    assertEquals([response.status, await response.text()], [400, "the body is not UTF-8"]);
    assertEquals(handled.length, 0);
  });
});

describe("snsEndpoint() says in its answer", () => {
  it("which methods there are, where it was another, and nowhere else", async () => {
    const { sns, endpoint } = await setUp();
    const get = await endpoint(new Request("https://shop.example/sns"));
    assertEquals([get.status, get.headers.get("allow")], [405, "POST"]);
    const { headers, status } = await endpoint(post(await sns.notification({ Type: "Other" })));
    assertEquals([status, headers.get("allow")], [400, null]);
  });

  it("what is wrong with a type that it does not know, whatever the header says", async () => {
    const { sns, logs, endpoint } = await setUp();
    const fields = await sns.notification({ Type: "Other" });
    for (const headers of [{}, { "x-amz-sns-message-type": "Notification" }]) {
      const body = JSON.stringify(fields);
      const response = await endpoint(post(body, { headers }));
      assertEquals([response.status, await response.text()], [400, "the type is unknown"]);
    }
    assertEquals(
      logs[0],
      'A request to the SNS endpoint was refused {"status":400,"reason":"the type is unknown"}',
    );
  });
});

describe("snsEndpoint() with its time", () => {
  it("answers 503 where a body does not end within 13 seconds", async () => {
    const { sns, endpoint } = await setUp();
    const response = endpoint(post(new ReadableStream({})));
    await sns.clock.advance(13_000);
    assertEquals((await response).status, 503);
  });

  it("takes a message as old as the window, and as new", async () => {
    const { sns, endpoint } = await setUp();
    for (const ms of [-HOUR, HOUR]) {
      const Timestamp = new Date(NOW + ms).toISOString();
      assertEquals((await endpoint(post(await sns.notification({ Timestamp })))).status, 200);
    }
  });

  it("gives up a confirmation that hangs, tells its signal, and logs it", async () => {
    let seen: AbortSignal | undefined;
    let called = () => {};
    const confirming = new Promise<void>((resolve) => called = resolve);
    const { sns, logs, endpoint } = await setUp({
      timeoutMs: 2_000,
      confirm: ({ signal }) => {
        seen = signal;
        called();
        return new Promise(() => {});
      },
    });
    const response = endpoint(post(await sns.confirmation()));
    await confirming;
    await sns.clock.advance(1_999);
    assertEquals(seen?.aborted, false);
    await sns.clock.advance(1);
    assertEquals((await response).status, 503);
    assertEquals([seen?.reason.code, logs.length, sns.clock.pending], ["TIMEOUT", 1, 0]);
    assertStringIncludes(logs[0]!, 'could not be confirmed {"topic":"orders"');
  });
});

describe("snsEndpoint() options", () => {
  const wrong: Record<string, [Partial<SnsEndpointOptions>, string]> = {
    "no topic": [{ topics: [] }, "needs the ARN of a topic"],
    "a name": [{ topics: ["orders"] }, "must be the ARN of a topic"],
    "a queue": [
      { topics: ["arn:aws:sqs:eu-west-1:123456789012:orders"] },
      "must be the ARN of a topic",
    ],
    "a region of another partition": [
      { topics: ["arn:aws-cn:sns:eu-west-1:123456789012:orders"] },
      "must be the ARN of a topic",
    ],
    "a short secret": [{ allowRaw: { secret: "short" } }, "16 characters"],
    "a secret that is a list": [{ allowRaw: { secret: ofAnyType(Array(16).fill("x")) } }, "text"],
    "a secret that has a length": [{ allowRaw: { secret: ofAnyType({ length: 99 }) } }, "text"],
    "a secret that is a number": [{ allowRaw: { secret: ofAnyType(1234567890123456) } }, "text"],
    "no secret": [{ allowRaw: ofAnyType({}) }, "text"],
    "raw deliveries without more": [{ allowRaw: ofAnyType(true) }, "text"],
    "raw deliveries as null": [{ allowRaw: ofAnyType(null) }, "text"],
    "no dispatcher": [{ dispatcher: ofAnyType(undefined) }, "needs a dispatcher"],
    "a dispatcher that is none": [{ dispatcher: ofAnyType(() => {}) }, "needs a dispatcher"],
    "one topic as text": [{ topics: ofAnyType(TOPIC) }, "ARN of a topic"],
    "a topic that is a list": [{ topics: ofAnyType([[TOPIC]]) }, "ARN of a topic"],
    "versions that are numbers": [{ signatureVersions: ofAnyType([1, 2]) }, "signatureVersions"],
    "versions as text": [{ signatureVersions: ofAnyType("12") }, "signatureVersions"],
    "a version in a list": [{ signatureVersions: ofAnyType([["1"]]) }, "signatureVersions"],
    "confirm: true": [{ confirm: ofAnyType(true) }, "confirm is a function"],
    "confirm: null": [{ confirm: ofAnyType(null) }, "confirm is a function"],
    "a fetch that is none": [{ fetch: ofAnyType("https://sns") }, "fetch is a function"],
    "a time as text": [{ timeoutMs: ofAnyType("13000") }, "timeoutMs must be a number"],
    "a size as bigint": [{ maxBodyBytes: ofAnyType(9n) }, "maxBodyBytes must be a number"],
    "a count in a list": [{ maxRemembered: ofAnyType([5]) }, "maxRemembered must be a number"],
    "no signature version": [{ signatureVersions: [] }, "signatureVersions"],
    "no time": [{ timeoutMs: 0 }, "timeoutMs must be more than 0: current value is 0"],
    "no window": [{ windowMs: NaN }, "windowMs must be more than 0: current value is NaN"],
  };
  for (const [name, [options, text]] of Object.entries(wrong)) {
    it(`refuse ${name}`, () => {
      const create = () =>
        snsEndpoint({ dispatcher: new Dispatcher(), topics: [TOPIC], ...options });
      assertThrows(create, Error, text);
    });
  }

  it("refuse one unknown signature version beside a known one", () => {
    const signatureVersions = ["1", "3"] as never;
    const create = () =>
      snsEndpoint({ dispatcher: new Dispatcher(), topics: [TOPIC], signatureVersions });
    assertThrows(create, TypeError, "signatureVersions");
  });

  it("take a secret of 16 characters, and none of 15", () => {
    const create = (length: number) => () =>
      snsEndpoint({
        dispatcher: new Dispatcher(),
        topics: [TOPIC],
        allowRaw: { secret: "s".repeat(length) },
      });
    create(16)();
    assertThrows(create(15), TypeError, "16 characters");
  });

  for (const name of ["maxRemembered", "maxBodyBytes", "timeoutMs", "windowMs"] as const) {
    it(`refuse a ${name} that is not positive`, () => {
      for (const value of [0, -1, NaN]) {
        const create = () =>
          snsEndpoint({ dispatcher: new Dispatcher(), topics: [TOPIC], [name]: value });
        assertThrows(create, RangeError, name);
      }
      snsEndpoint({ dispatcher: new Dispatcher(), topics: [TOPIC], [name]: 1 });
    });
  }
});

describe("snsEndpoint() with a test broker", () => {
  const BROKER = "http://localhost:4566";
  const CERTIFICATE = `${BROKER}/_aws/sns/SimpleNotificationService-6c6f63.pem`;
  const LOCAL = "arn:aws:sns:local:000000000:orders";
  const hosts = { certificateHosts: ["localhost:4566"] };

  /** An endpoint of a topic of that broker, which signs with a certificate of its own. */
  async function atBroker(testBroker: TestBroker, options: Partial<SnsEndpointOptions> = {}) {
    const world = await setUp({ testBroker, topics: [LOCAL], ...options });
    await world.sns.certify({ commonName: "local.example" }, CERTIFICATE);
    const fields = { TopicArn: options.topics?.[0] ?? LOCAL, SigningCertURL: CERTIFICATE };
    const status = async (more: Fields = {}) =>
      (await world.endpoint(post(await world.sns.notification({ ...fields, ...more })))).status;
    return { ...world, fields, status };
  }

  /** The certificate of the key that signs, as PEM. */
  async function pemOf(options: Parameters<FakeSns["certify"]>[0] = {}): Promise<string> {
    const sns = await fakeSns();
    await sns.certify({ commonName: "local.example", ...options });
    return await (await sns.answers.get(CERTIFICATE_URL)!()).text();
  }

  it("takes what is signed with a certificate of a host that is named, and says so in the log", async () => {
    const { status, handled, sns, logs } = await atBroker(hosts);
    assertEquals(await status(), 200);
    assertEquals([handled.length, sns.fetched], [1, [CERTIFICATE]]);
    assert(logs.some((line) => line.includes("test broker")));
  });

  it("fetches from nowhere else", async () => {
    const { status, sns } = await atBroker(hosts);
    const wrong = [
      CERTIFICATE_URL,
      "http://localhost:4567/x.pem",
      "http://localhost/x.pem",
      "http://localhost:4566.evil.example/x.pem",
      "http://evil.example/localhost:4566/x.pem",
      "http://user@localhost:4566/x.pem",
      `${BROKER}/x.pem?a=b`,
      `${BROKER}/x.pem#a`,
      `${BROKER}/x`,
      `${BROKER}/../x.pem`,
      `${BROKER}/a/../../x.pem`,
      `${BROKER}//evil.example/x.pem`,
      `${BROKER}\\x.pem`,
      "ftp://localhost:4566/x.pem",
      "HTTP://localhost:4566/x.pem",
    ];
    for (const SigningCertURL of wrong) assertEquals(await status({ SigningCertURL }), 403);
    assertEquals(sns.fetched, []);
  });

  it("checks all the rest as ever", async () => {
    for (const broker of [hosts, { certificate: await pemOf() }]) {
      const { status, handled, sns, endpoint, fields } = await atBroker(broker);
      assertEquals(await status({ TopicArn: TOPIC }), 403);
      assertEquals(await status({ Timestamp: "2020-01-01T00:00:00.000Z" }), 403);
      const signed = await sns.notification(fields);
      assertEquals((await endpoint(post({ ...signed, Message: "{}" }))).status, 403);
      assertEquals((await endpoint(post({ ...signed, Signature: "EXAMPLE" }))).status, 403);
      assertEquals(handled, []);
    }
  });

  it("takes what is signed with the certificate that is given, and fetches none", async () => {
    const certificate = await pemOf({ notAfter: "200101000000Z", notBefore: "190101000000Z" });
    const { status, sns } = await atBroker({ certificate });
    assertEquals(await status(), 200);
    assertEquals(await status({ SigningCertURL: "http://anything/" }), 200);
    const { privateKeys: _, spki } = await generateKeys();
    const others = await atBroker({ certificate: toPem(await writeCertificate({ spki })) });
    assertEquals([await others.status(), sns.fetched], [403, []]);
  });

  it("confirms subscriptions at the broker, never at SNS and never where a message says", async () => {
    const query = `Action=ConfirmSubscription&TopicArn=${LOCAL}&Token=${TOKEN}`;
    const confirmed = async (broker: TestBroker, options: Partial<SnsEndpointOptions> = {}) => {
      const { sns, endpoint, fields } = await atBroker(broker, options);
      for (const at of [BROKER, "http://broker"]) {
        sns.answers.set(confirmUrl(LOCAL, at), () => new Response("ok"));
      }
      const more = { ...fields, SubscribeURL: `http://other:1/?${query}` };
      const { status } = await endpoint(post(await sns.confirmation(more)));
      return [status, sns.fetched.filter((url) => url !== CERTIFICATE)];
    };
    const certificate = await pemOf();
    assertEquals(await confirmed(hosts), [200, [confirmUrl(LOCAL, BROKER)]]);
    const endpoint = "http://broker";
    assertEquals(await confirmed({ certificate, endpoint }), [200, [confirmUrl(LOCAL, endpoint)]]);
    assertEquals(await confirmed({ certificate }), [403, []]);
    const confirm = () => Promise.resolve();
    assertEquals(await confirmed({ certificate }, { confirm }), [200, []]);
  });

  it("is refused for topics of AWS unless it is said", async () => {
    const topics = [
      TOPIC,
      "arn:aws:sns:us-east-1:000000000000:orders",
      "arn:aws-us-gov:sns:us-gov-west-1:000000000000:orders",
      "arn:aws-eusc:sns:eusc-de-east-1:000000000000:orders",
      "arn:aws:sns:xx-newregion-7:000000000000:orders",
    ];
    for (const topic of topics) {
      const create = (more: Partial<TestBroker>) =>
        snsEndpoint({
          dispatcher: new Dispatcher({ logger: SILENT }),
          topics: [LOCAL, topic],
          testBroker: { ...hosts, ...more },
        });
      assertThrows(() => create({}), TypeError, "testBroker is for tests");
      assertThrows(() => create({ inAwsRegions: false }), TypeError, "testBroker is for tests");
      assertThrows(() => create({ inAwsRegions: ofAnyType("yes") }), TypeError, "true or false");
      create({ inAwsRegions: true });
    }
    const { status } = await atBroker({ ...hosts, inAwsRegions: true }, { topics: [TOPIC] });
    assertEquals(await status(), 200);
  });

  it("without it, certificates and topics of brokers are refused as ever", async () => {
    const { sns, endpoint } = await setUp();
    await sns.certify({ commonName: "local.example" }, CERTIFICATE);
    const fields = await sns.notification({ SigningCertURL: CERTIFICATE });
    assertEquals([(await endpoint(post(fields))).status, sns.fetched], [403, []]);
    const { dispatcher } = await setUp();
    assertThrows(() => snsEndpoint({ dispatcher, topics: [LOCAL] }), TypeError);
  });

  const wrong: Record<string, unknown> = {
    "null": null,
    "true": true,
    "neither certificate nor hosts": {},
    "both": { certificate: "x", ...hosts },
    "a certificate that is none": { certificate: "-----BEGIN CERTIFICATE-----" },
    "a certificate that is no text": { certificate: 1 },
    "no host": { certificateHosts: [] },
    "a host as text": { certificateHosts: "localhost" },
    "an address in place of a host": { certificateHosts: ["http://localhost:4566"] },
    "a host with a path": { certificateHosts: ["localhost/x"] },
    "a host with a user": { certificateHosts: ["a@localhost"] },
    "a pattern of hosts": { certificateHosts: ["*.localhost"] },
    "a host that is a list": { certificateHosts: [["localhost"]] },
    "an endpoint with a path": { ...hosts, endpoint: "http://localhost/sns" },
    "an endpoint that is no address": { ...hosts, endpoint: "localhost" },
  };
  for (const [name, testBroker] of Object.entries(wrong)) {
    it(`refuses ${name}`, () => {
      const create = () =>
        snsEndpoint({
          dispatcher: new Dispatcher({ logger: SILENT }),
          topics: [LOCAL],
          testBroker: ofAnyType(testBroker),
        });
      assertThrows(create, TypeError, "Cannot create an SNS endpoint as");
    });
  }
});

/** What only JavaScript can pass. */
function ofAnyType<T>(value: unknown): T {
  return value as T;
}

const nothing = () => {};
const SILENT = { debug: nothing, info: nothing, warn: nothing, error: nothing };
