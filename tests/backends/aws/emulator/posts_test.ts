import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { snsEndpoint } from "../../../../backends/aws/hosts/sns_endpoint/mod.ts";
import { type AwsEmulator, awsEmulator } from "../../../../backends/aws/emulator/mod.ts";
import { seededRandom, VirtualClock } from "../../../../backends/memory/testing.ts";
import { defineEvent, typed } from "../../../../src/event/event.ts";
import { Dispatcher } from "../../../../src/handle/dispatcher.ts";
import { until } from "../../../wait.ts";
import { clientOf, textIn } from "./client.ts";

const ENDPOINT = "https://shop.test/sns";
const ORIGIN = "http://sns.test";
const TOPIC = "arn:aws:sns:eu-west-1:000000000000:t";
const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** A topic whose posts reach a function. */
async function world(
  answer: (request: Request, aws: AwsEmulator, clock: VirtualClock) => Response | Promise<Response>,
  options: { attributes?: Record<string, string>; protocol?: string; endpoint?: string } = {},
) {
  const clock = new VirtualClock();
  const posts: Request[] = [];
  const aws: AwsEmulator = awsEmulator({
    clock,
    random: seededRandom(1),
    region: "eu-west-1",
    fetch: async (input, init) => {
      const request = new Request(input, init);
      posts.push(request.clone());
      return await answer(request, aws, clock);
    },
  });
  const client = clientOf(aws);
  const TopicArn = await client.topic("t");
  const { attributes = {}, protocol = "https", endpoint = ENDPOINT } = options;
  const form = Object.fromEntries(
    Object.entries(attributes).flatMap(([key, value], i) => [
      [`Attributes.entry.${i + 1}.key`, key],
      [`Attributes.entry.${i + 1}.value`, value],
    ]),
  );
  const { xml } = await client.query("Subscribe", {
    TopicArn,
    Protocol: protocol,
    Endpoint: endpoint,
    ...form,
  });
  const SubscriptionArn = textIn(xml, "SubscriptionArn");
  await settled(() => posts.length > 0 && aws.snapshot().posts.length === 0, clock);
  return { ...client, clock, posts, TopicArn, SubscriptionArn };
}

/** A key takes its time, which no clock of ours measures. */
async function settled(condition: () => boolean, clock: VirtualClock): Promise<void> {
  const holds = async () => {
    await clock.advance(0);
    return condition();
  };
  await until(holds, { what: "a post" });
  await clock.advance(0);
}

/** Confirms, and answers notifications so. */
function confirming(statuses: number[]) {
  return async (request: Request, aws: AwsEmulator) => {
    const { Type, SubscribeURL } = await request.json();
    if (Type !== "SubscriptionConfirmation") {
      return new Response(null, { status: statuses.shift() ?? 200 });
    }
    const { status } = await aws.fetch(SubscribeURL);
    return new Response(null, { status });
  };
}

describe("awsEmulator(): posts of SNS", () => {
  it("have the content type of the subscription, else of the topic", async () => {
    const { query, posts, clock, aws, SubscriptionArn } = await world(confirming([]));
    const set = (action: string, arn: Record<string, string>, policy: object) =>
      query(action, {
        ...arn,
        AttributeName: "DeliveryPolicy",
        AttributeValue: JSON.stringify(policy),
      });
    const typeOfNext = async () => {
      const count = posts.length;
      await query("Publish", { TopicArn: TOPIC, Message: "m" });
      await settled(() => posts.length > count && aws.snapshot().posts.length === 0, clock);
      return posts[count]?.headers.get("content-type");
    };
    assertEquals(SubscriptionArn, "pending confirmation");
    const [{ arn = "" } = {}] = aws.snapshot().subscriptions;
    assertEquals(await typeOfNext(), "text/plain; charset=UTF-8");
    const json = { headerContentType: "application/json" };
    await set("SetTopicAttributes", { TopicArn: TOPIC }, { http: { defaultRequestPolicy: json } });
    assertEquals(await typeOfNext(), "application/json");
    const csv = { requestPolicy: { headerContentType: "text/csv" } };
    await set("SetSubscriptionAttributes", { SubscriptionArn: arn }, csv);
    assertEquals(await typeOfNext(), "text/csv");
  });

  for (const SignatureVersion of ["1", "2"]) {
    it(`are confirmed and verified by snsEndpoint(), in version ${SignatureVersion}`, async () => {
      const received: string[] = [];
      const Ping = defineEvent("Ping", { schema: typed<string>() });
      const dispatcher = new Dispatcher({ defaultEvent: Ping, logger: silent });
      dispatcher.subscribe(Ping, ({ data }) => void received.push(data));
      let endpoint: (request: Request) => Promise<Response>;
      const { query, posts, clock, aws } = await world(async (request, aws, clock) => {
        endpoint ??= snsEndpoint({
          dispatcher,
          topics: [TOPIC],
          clock,
          fetch: aws.fetch as typeof fetch,
          testBroker: { certificateHosts: ["sns.test"], inAwsRegions: true },
          confirm: async ({ topicArn, token }) => {
            const query = new URLSearchParams({
              Action: "ConfirmSubscription",
              TopicArn: topicArn,
              Token: token,
            });
            assertEquals((await aws.fetch(`${ORIGIN}/?${query}`)).status, 200);
          },
        });
        return await endpoint(request);
      });
      assert(aws);
      const attribute = { AttributeName: "SignatureVersion", AttributeValue: SignatureVersion };
      await query("SetTopicAttributes", { TopicArn: TOPIC, ...attribute });
      await query("Publish", { TopicArn: TOPIC, Message: '"🙂"', Subject: "S" });
      await settled(() => posts.length >= 2, clock);
      const post = await posts[1]!.json();
      assertEquals([post.Type, post.SignatureVersion, post.Message], [
        "Notification",
        SignatureVersion,
        '"🙂"',
      ]);
      assertEquals(posts[1]!.headers.get("x-amz-sns-message-type"), "Notification");
      await settled(() => received.length > 0, clock);
      assertEquals(received, ["🙂"]);
    });
  }

  it("are not made to a subscription that nobody confirmed", async () => {
    const { query, posts, clock } = await world(() => new Response(null, { status: 200 }));
    await query("Publish", { TopicArn: TOPIC, Message: "x" });
    await clock.advance(60_000);
    assertEquals(posts.length, 1);
    const { xml } = await query("ListSubscriptionsByTopic", { TopicArn: TOPIC });
    assertEquals(textIn(xml, "SubscriptionArn"), "PendingConfirmation");
  });

  it("are tried again 20 s apart, three times, and then are in the dead-letter queue", async () => {
    const deadLetterTargetArn = "arn:aws:sqs:eu-west-1:000000000000:dlq";
    const attributes = { RedrivePolicy: JSON.stringify({ deadLetterTargetArn }) };
    const { aws, query, queue, receive, posts, clock } = await world(
      confirming([500, 503, 429, 500]),
      { attributes },
    );
    const Policy = JSON.stringify({
      Statement: { Effect: "Allow", Principal: "*", Action: "sqs:*" },
    });
    const letters = await queue("dlq", { Policy });
    await query("Publish", { TopicArn: TOPIC, Message: "x" });
    const failed = (count: number) => aws.snapshot().posts[0]?.failures === count;
    await settled(() => failed(1), clock);
    await clock.advance(19_999);
    assertEquals(posts.length, 2);
    await clock.advance(1);
    await settled(() => failed(2), clock);
    await clock.advance(20_000);
    await settled(() => failed(3), clock);
    await clock.advance(20_000);
    await settled(() => aws.snapshot().posts.length === 0, clock);
    assertEquals(posts.length, 5);
    await clock.advance(60_000);
    assertEquals(posts.length, 5);
    const [letter] = await receive(letters);
    assertEquals(JSON.parse(letter?.Body ?? "{}").Message, "x");
    assertEquals(clock.pending, 0);
  });

  it("that a client error answers are not tried again", async () => {
    const { query, posts, clock } = await world(confirming([422]));
    await query("Publish", { TopicArn: TOPIC, Message: "x" });
    await settled(() => posts.length >= 2, clock);
    await clock.advance(3_600_000);
    assertEquals(posts.length, 2);
  });

  it("are raw where the subscription says so", async () => {
    const attributes = { RawMessageDelivery: "true" };
    const { query, posts, clock } = await world(
      async (request, aws) =>
        request.headers.has("x-amz-sns-rawdelivery")
          ? new Response()
          : await confirming([])(request, aws),
      { attributes },
    );
    await query("Publish", { TopicArn: TOPIC, Message: "raw 🙂" });
    await settled(() => posts.length >= 2, clock);
    assertEquals(await posts[1]!.text(), "raw 🙂");
    assertEquals(posts[1]!.headers.get("x-amz-sns-topic-arn"), TOPIC);
  });
});

describe("awsEmulator(): functions of Lambda", () => {
  it("are handed what SNS hands over, and again after they failed", async () => {
    const clock = new VirtualClock();
    const events: { arn: string; Sns: Record<string, unknown> }[] = [];
    const aws = awsEmulator({
      clock,
      random: seededRandom(1),
      region: "eu-west-1",
      // deno-lint-ignore no-explicit-any
      invoke: (arn, event: any) => {
        events.push({ arn, Sns: event.Records[0].Sns });
        if (events.length === 1) throw new Error("not yet");
      },
    });
    const { query, topic } = clientOf(aws);
    const TopicArn = await topic("t");
    const Endpoint = "arn:aws:lambda:eu-west-1:000000000000:function:f";
    await query("Subscribe", { TopicArn, Protocol: "lambda", Endpoint });
    await query("Publish", { TopicArn, Message: "x" });
    await settled(() => events.length >= 2, clock);
    assertEquals(events.map(({ arn, Sns }) => [arn, Sns.Message]), [[Endpoint, "x"], [
      Endpoint,
      "x",
    ]]);
    assertEquals(Object.keys(events[0]!.Sns).includes("SigningCertUrl"), true);
  });
});
