import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { AwsBackend, type DeclareEndpointOptions } from "../../../../backends/aws/mod.ts";
import { MelangeError } from "../../../../src/support/errors.ts";
import { type Call, type FakeAws, fakeAws, json, snsError, sqsError, xml } from "../fake_aws.ts";

const URL_OF_ENDPOINT = "https://shop.example/sns";
const TOPIC = "arn:aws:sns:eu-west-1:123456789012:orders";
const DLQ = "arn:aws:sqs:eu-west-1:123456789012:orders-dlq";

interface Subscription {
  endpoint: string;
  protocol: string;
  confirmed: boolean;
  attributes: Record<string, string>;
}

/** SNS with one topic, and SQS with one queue, if it was created. */
interface World {
  readonly subscriptions: Subscription[];
  /** How often SNS has asked endpoints to confirm. */
  asked: number;
  queue: Record<string, string> | undefined;
}

function setUp(): { world: World; aws: FakeAws; backend: AwsBackend } {
  const world: World = { subscriptions: [], asked: 0, queue: undefined };
  const aws = fakeAws((call) => queueCall(world, call) ?? topicCall(world, call));
  return { world, aws, backend: new AwsBackend(aws.options) };
}

function queueCall(world: World, { action, input }: Call): Response | undefined {
  switch (action) {
    case "GetQueueUrl":
      return world.queue
        ? json({ QueueUrl: "https://q/orders-dlq" })
        : sqsError("QueueDoesNotExist");
    case "CreateQueue":
      world.queue = { QueueArn: DLQ, ...input.Attributes };
      return json({ QueueUrl: "https://q/orders-dlq" });
    case "GetQueueAttributes":
      return json({ Attributes: world.queue });
    case "SetQueueAttributes":
      Object.assign(world.queue!, input.Attributes);
      return new Response("");
    default:
      return undefined;
  }
}

function topicCall(world: World, { action, input }: Call): Response {
  const { subscriptions } = world;
  const arnOf = (subscription: Subscription) => `${TOPIC}:${subscriptions.indexOf(subscription)}`;
  const named = subscriptions.find((one) => arnOf(one) === input.SubscriptionArn);
  switch (action) {
    case "CreateTopic":
      return xml(action, `<TopicArn>${TOPIC}</TopicArn>`);
    case "Subscribe": {
      const { Endpoint: endpoint, Protocol: protocol } = input;
      const attributes = given(input);
      const known = subscriptions.find((one) => one.endpoint === endpoint);
      if (known && JSON.stringify(known.attributes) !== JSON.stringify(attributes)) {
        return snsError("InvalidParameter");
      }
      const subscription = known ?? { endpoint, protocol, confirmed: false, attributes };
      if (!known) subscriptions.push(subscription);
      if (!subscription.confirmed) world.asked++;
      return xml(action, `<SubscriptionArn>${arnOf(subscription)}</SubscriptionArn>`);
    }
    case "ListSubscriptionsByTopic": {
      const members = subscriptions.map((one) =>
        `<member><SubscriptionArn>${
          one.confirmed ? arnOf(one) : "PendingConfirmation"
        }</SubscriptionArn><Protocol>${one.protocol}</Protocol><Endpoint>${one.endpoint}</Endpoint></member>`
      );
      return xml(action, `<Subscriptions>${members.join("")}</Subscriptions>`);
    }
    case "GetSubscriptionAttributes": {
      const all = { ...named!.attributes, PendingConfirmation: String(!named!.confirmed) };
      const entries = Object.entries(all).map(([key, value]) =>
        `<entry><key>${key}</key><value>${value.replaceAll('"', "&quot;")}</value></entry>`
      );
      return xml(action, `<Attributes>${entries.join("")}</Attributes>`);
    }
    case "SetSubscriptionAttributes":
      named!.attributes[input.AttributeName] = input.AttributeValue;
      return xml(action);
    default:
      return snsError("InvalidAction");
  }
}

function given(input: Record<string, string>): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (let n = 1; `Attributes.entry.${n}.key` in input; n++) {
    attributes[input[`Attributes.entry.${n}.key`]!] = input[`Attributes.entry.${n}.value`]!;
  }
  return attributes;
}

async function patient<T>({ clock }: FakeAws, call: Promise<T>): Promise<T> {
  let settled = false;
  call.then(() => settled = true, () => settled = true);
  for (let turn = 0; turn < 100 && !settled; turn++) await clock.advance(500);
  return await call;
}

const FULL: DeclareEndpointOptions = { events: ["OrderPlaced"], deadLetterQueue: "orders-dlq" };

describe("AwsBackend.declareEndpoint()", () => {
  it("subscribes an endpoint, which has to confirm, with an envelope and without a filter", async () => {
    const { world, aws, backend } = setUp();
    const subscription = await patient(aws, backend.declareEndpoint("orders", URL_OF_ENDPOINT));
    assertEquals(subscription, { topic: TOPIC, address: `${TOPIC}:0`, state: "pending" });
    assertEquals(world.subscriptions, [{
      endpoint: URL_OF_ENDPOINT,
      protocol: "https",
      confirmed: false,
      attributes: { RawMessageDelivery: "false" },
    }]);
    assertEquals(world.queue, undefined);
  });

  it("gives the subscription its filter and a dead-letter queue that SNS may send to", async () => {
    const { world, aws, backend } = setUp();
    await patient(aws, backend.declareEndpoint("orders", URL_OF_ENDPOINT, FULL));
    assertEquals(world.subscriptions[0]?.attributes, {
      RawMessageDelivery: "false",
      FilterPolicy: '{"manifest":["OrderPlaced"]}',
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn: DLQ }),
    });
    assertEquals(world.queue?.MessageRetentionPeriod, "1209600");
    const [statement] = JSON.parse(world.queue!.Policy!).Statement;
    assertEquals(statement.Principal, { Service: "sns.amazonaws.com" });
    assertEquals([statement.Action, statement.Resource], ["sqs:SendMessage", DLQ]);
    assertEquals(statement.Condition, { ArnLike: { "aws:SourceArn": [TOPIC] } });
    const actions = aws.actions();
    assert(actions.indexOf("SetQueueAttributes") < actions.indexOf("Subscribe"), actions.join());
  });

  it("lets SNS ask again while it is pending, and changes nothing once it is confirmed", async () => {
    const { world, aws, backend } = setUp();
    for (let time = 1; time <= 2; time++) {
      const declared = await patient(aws, backend.declareEndpoint("orders", URL_OF_ENDPOINT, FULL));
      assertEquals([declared.state, world.asked], ["pending", time]);
    }
    world.subscriptions[0]!.confirmed = true;
    const before = aws.calls.length;
    const declared = await patient(aws, backend.declareEndpoint("orders", URL_OF_ENDPOINT, FULL));
    assertEquals([declared.state, world.asked], ["confirmed", 2]);
    const third = aws.actions().slice(before);
    assert(!third.some((action) => /^(Set|CreateQueue|List)/.test(action)), third.join());
  });

  it("changes what differs, removes a filter, and leaves a dead-letter queue that is not given", async () => {
    const { world, aws, backend } = setUp();
    await patient(aws, backend.declareEndpoint("orders", URL_OF_ENDPOINT, FULL));
    world.subscriptions[0]!.confirmed = true;
    const options = { raw: true };
    const declared = await patient(
      aws,
      backend.declareEndpoint("orders", URL_OF_ENDPOINT, options),
    );
    assertEquals(declared.state, "confirmed");
    assertEquals(world.subscriptions.length, 1);
    assertEquals(world.subscriptions[0]?.attributes, {
      RawMessageDelivery: "true",
      FilterPolicy: "{}",
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn: DLQ }),
    });
  });

  it("cannot change what is pending", async () => {
    const { aws, backend } = setUp();
    await patient(aws, backend.declareEndpoint("orders", URL_OF_ENDPOINT));
    const error = await assertRejects(
      () => patient(aws, backend.declareEndpoint("orders", URL_OF_ENDPOINT, FULL)),
      MelangeError,
    );
    assertEquals([error.code, error.retryable], ["CONFLICT", false]);
  });

  it("keeps two endpoints of a topic apart", async () => {
    const { world, aws, backend } = setUp();
    for (const path of ["/a", "/b"]) {
      await patient(aws, backend.declareEndpoint("orders", `https://shop.example${path}`));
    }
    assertEquals(world.subscriptions.length, 2);
  });

  it("takes an http URL of this machine, for a local broker", async () => {
    const { world, aws, backend } = setUp();
    await patient(aws, backend.declareEndpoint("orders", "http://127.0.0.1:8000/sns"));
    assertEquals(world.subscriptions[0]?.protocol, "http");
  });

  const refused: [what: string, topic: string, url: string, options?: DeclareEndpointOptions][] = [
    ["http", "orders", "http://shop.example/SECRET"],
    ["a look-alike of this machine", "orders", "http://localhost.shop.example/SECRET"],
    ["another look-alike", "orders", "http://evil-localhost/SECRET"],
    ["another protocol", "orders", "ftp://shop.example/SECRET"],
    ["no URL", "orders", "shop.example/SECRET"],
    ["a password", "orders", "https://me:SECRET@shop.example/"],
    ["a user alone", "orders", "https://SECRET@shop.example/"],
    ["a password alone", "orders", "https://:SECRET@shop.example/"],
    ["a fragment", "orders", "https://shop.example/#SECRET"],
    ["a FIFO topic", "orders.fifo", URL_OF_ENDPOINT],
    ["a FIFO dead-letter queue", "orders", URL_OF_ENDPOINT, { deadLetterQueue: "dlq.fifo" }],
    ["an empty list of events", "orders", URL_OF_ENDPOINT, { events: [] }],
    ["both events and their filter", "orders", URL_OF_ENDPOINT, {
      events: ["A"],
      filter: { manifest: ["B"] },
    }],
  ];
  for (const [what, topic, url, options] of refused) {
    it(`refuses ${what} before anything is sent`, async () => {
      const { aws, backend } = setUp();
      const call = () => backend.declareEndpoint(topic, url, options);
      const error = await assertRejects(call, MelangeError);
      assertEquals(error.code, "CONFIGURATION");
      assert(!error.message.includes("SECRET"));
      assertEquals(aws.calls.length, 0);
    });
  }

  it("refuses names that AWS does", async () => {
    const { aws, backend } = setUp();
    for (const [topic, deadLetterQueue] of [["no topic", "dlq"], ["orders", "no queue"]] as const) {
      const call = () => backend.declareEndpoint(topic, URL_OF_ENDPOINT, { deadLetterQueue });
      assertEquals((await assertRejects(call, MelangeError)).code, "INVALID_MESSAGE");
    }
    assertEquals(aws.calls.length, 0);
  });

  for (const action of ["CreateQueue", "Subscribe", "GetSubscriptionAttributes"]) {
    it(`ends with its signal during ${action}, and when the backend is closed`, async () => {
      for (const closed of [false, true]) {
        const { world } = setUp();
        let reach = () => {};
        const reached = new Promise<void>((resolve) => reach = resolve);
        const aws = fakeAws((call) => {
          if (call.action !== action) return queueCall(world, call) ?? topicCall(world, call);
          reach();
          return new Promise(() => {});
        });
        const backend = new AwsBackend(aws.options);
        const end = new AbortController();
        const options = action === "CreateQueue"
          ? { signal: end.signal, deadLetterQueue: "orders-dlq" }
          : { signal: end.signal };
        const declaring = backend.declareEndpoint("orders", URL_OF_ENDPOINT, options)
          .catch((reason) => reason);
        await Promise.race([reached, declaring]);
        assertEquals(aws.calls.at(-1)!.init.signal?.aborted, false);
        if (closed) await backend.close();
        else end.abort("enough");
        const reason = await declaring;
        assertEquals(closed ? reason.code : reason, closed ? "CLOSED" : "enough");
        assertEquals(aws.calls.at(-1)!.action, action);
        assertEquals(aws.calls.at(-1)!.init.signal?.aborted, true);
        assertEquals(aws.clock.pending, 0);
      }
    });
  }

  it("asks for nothing when its signal has aborted, or the backend is closed", async () => {
    const { aws, backend } = setUp();
    const signal = AbortSignal.abort("before");
    const declare = (options: DeclareEndpointOptions = {}) =>
      backend.declareEndpoint("orders", URL_OF_ENDPOINT, options);
    assertEquals(await declare({ signal }).catch((reason) => reason), "before");
    await backend.close();
    assertEquals((await assertRejects(() => declare(), MelangeError)).code, "CLOSED");
    assertEquals(aws.calls.length, 0);
  });
});
