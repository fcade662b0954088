import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createClient } from "../../../../backends/aws/api/client.ts";
import { AwsBackend } from "../../../../backends/aws/mod.ts";
import {
  createTopic,
  deleteTopic,
  getTopicAttributes,
  listSubscriptionsByTopic,
} from "../../../../backends/aws/api/sns.ts";
import { getQueueAttributes, getQueueUrl } from "../../../../backends/aws/api/sqs.ts";
import type { DeclareQueueOptions } from "../../../../src/backend.ts";
import { defineEvent, typed } from "../../../../src/event/event.ts";
import { MelangeError } from "../../../../src/support/errors.ts";
import { type Call, type FakeAws, fakeAws, json, snsError, sqsError, xml } from "../fake_aws.ts";

const ACCOUNT = "123456789012";
const arnOf = (service: string, name: string) => `arn:aws:${service}:eu-west-1:${ACCOUNT}:${name}`;
const urlOf = (name: string) => `https://sqs.eu-west-1.amazonaws.com/${ACCOUNT}/${name}`;

type Attributes = Record<string, string>;

/** What exists, and what happens before a call is answered. */
interface World {
  queues: Map<string, Attributes>;
  topics: Map<string, Attributes>;
  subscriptions: Map<string, Attributes>;
  /** Answers in place of the service, or lets something happen first. */
  before(call: Call, count: number): Response | undefined;
}

/** An administration that is strict where AWS is: equal attributes only. */
function administration(): { world: World; aws: FakeAws; backend: AwsBackend } {
  const world: World = {
    queues: new Map(),
    topics: new Map(),
    subscriptions: new Map(),
    before: () => undefined,
  };
  const aws = fakeAws((call, count) => world.before(call, count) ?? answer(world, call));
  return { world, aws, backend: new AwsBackend(aws.options) };
}

function answer(world: World, { action, input }: Call): Response {
  return action in queueCalls ? queueCalls[action]!(world, input) : topicCall(world, action, input);
}

// deno-lint-ignore no-explicit-any
type Answer = (world: World, input: any) => Response;

const queueCalls: Record<string, Answer> = {
  GetQueueUrl: ({ queues }, { QueueName }) =>
    queues.has(QueueName) ? json({ QueueUrl: urlOf(QueueName) }) : sqsError("QueueDoesNotExist"),
  CreateQueue({ queues }, { QueueName, Attributes }) {
    if (queues.has(QueueName)) return sqsError("QueueNameExists");
    queues.set(QueueName, {
      VisibilityTimeout: "30",
      QueueArn: arnOf("sqs", QueueName),
      ...Attributes,
    });
    return json({ QueueUrl: urlOf(QueueName) });
  },
  GetQueueAttributes({ queues }, { QueueUrl }) {
    const Attributes = queues.get(QueueUrl.split("/").at(-1));
    return Attributes ? json({ Attributes }) : sqsError("QueueDoesNotExist");
  },
  SetQueueAttributes({ queues }, { QueueUrl, Attributes }) {
    Object.assign(queues.get(QueueUrl.split("/").at(-1))!, Attributes);
    return new Response("");
  },
  DeleteQueue({ queues }, { QueueUrl }) {
    const deleted = queues.delete(QueueUrl.split("/").at(-1));
    return deleted ? new Response("") : sqsError("QueueDoesNotExist");
  },
};

function topicCall({ topics, subscriptions }: World, action: string, input: Attributes): Response {
  const attributes = given(input);
  const key = `${input.TopicArn}:${input.Endpoint}`;
  const entries = (values: Attributes = {}) =>
    xml(
      action,
      `<Attributes>${
        Object.entries(values).map(([name, value]) =>
          `<entry><key>${name}</key><value>${escaped(value)}</value></entry>`
        ).join("")
      }</Attributes>`,
    );
  switch (action) {
    case "CreateTopic": {
      const arn = arnOf("sns", input.Name!);
      const existing = topics.get(arn) ?? attributes;
      if (JSON.stringify(existing) !== JSON.stringify(attributes)) {
        return snsError("InvalidParameter");
      }
      topics.set(arn, existing);
      return xml(action, `<TopicArn>${arn}</TopicArn>`);
    }
    case "DeleteTopic":
      return topics.delete(input.TopicArn!) ? xml(action) : snsError("NotFound", 404);
    case "GetTopicAttributes":
      return topics.has(input.TopicArn!)
        ? entries(topics.get(input.TopicArn!))
        : snsError("NotFound", 404);
    case "SetTopicAttributes":
      topics.set(input.TopicArn!, { [input.AttributeName!]: input.AttributeValue! });
      return xml(action);
    case "Subscribe": {
      const existing = subscriptions.get(key) ?? attributes;
      if (JSON.stringify(existing) !== JSON.stringify(attributes)) {
        return snsError("InvalidParameter");
      }
      subscriptions.set(key, existing);
      return xml(action, `<SubscriptionArn>${key}</SubscriptionArn>`);
    }
    case "ListSubscriptionsByTopic": {
      const all = [...subscriptions.keys()].filter((name) => name.startsWith(`${input.TopicArn}:`));
      const from = Number(input.NextToken ?? 0);
      const members = all.slice(from, from + 2).map((name) =>
        `<member><SubscriptionArn>${name}</SubscriptionArn><Protocol>sqs</Protocol><Endpoint>${
          name.slice(input.TopicArn!.length + 1)
        }</Endpoint></member>`
      );
      const next = all.length > from + 2 ? `<NextToken>${from + 2}</NextToken>` : "";
      return xml(action, `<Subscriptions>${members.join("")}</Subscriptions>${next}`);
    }
    case "GetSubscriptionAttributes":
      return entries(subscriptions.get(input.SubscriptionArn!));
    case "SetSubscriptionAttributes":
      subscriptions.get(input.SubscriptionArn!)![input.AttributeName!] = input.AttributeValue!;
      return xml(action);
    default:
      return snsError("InvalidAction");
  }
}

function given(input: Attributes): Attributes {
  const attributes: Attributes = {};
  for (let n = 1; `Attributes.entry.${n}.key` in input; n++) {
    attributes[input[`Attributes.entry.${n}.key`]!] = input[`Attributes.entry.${n}.value`]!;
  }
  return attributes;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}

/** Lets a call end that waits between its attempts. */
async function patient<T>({ clock }: FakeAws, call: Promise<T>): Promise<T> {
  let settled = false;
  call.then(() => settled = true, () => settled = true);
  for (let turn = 0; turn < 400 && !settled; turn++) await clock.advance(500);
  return await call;
}

function sourcesIn({ queues }: World, queue: string): string[] {
  const [statement] = JSON.parse(queues.get(queue)!.Policy!).Statement;
  return statement.Condition.ArnLike["aws:SourceArn"];
}

describe("AwsBackend.declareQueue()", () => {
  const full: DeclareQueueOptions = {
    subscribeTo: ["orders", { topic: "users", events: ["UserJoined"], raw: false }],
    deadLetterQueue: "billing-dlq",
    maxReceives: 3,
    visibilityTimeoutMs: 60_000,
  };

  it("creates what is missing, and describes it", async () => {
    const { world, aws, backend } = administration();
    const description = await patient(aws, backend.declareQueue("billing", full));
    assertEquals(description, {
      name: "billing",
      address: arnOf("sqs", "billing"),
      available: 0,
      inFlight: 0,
      delayed: 0,
      visibilityTimeoutMs: 60_000,
      deadLetterQueue: "billing-dlq",
      maxReceives: 3,
    });
    assertEquals([...world.queues.keys()], ["billing-dlq", "billing"]);
    assertEquals(world.queues.get("billing-dlq")!.MessageRetentionPeriod, "1209600");
    assertEquals(sourcesIn(world, "billing"), [arnOf("sns", "orders"), arnOf("sns", "users")]);
    assertEquals([...world.subscriptions], [
      [`${arnOf("sns", "orders")}:${arnOf("sqs", "billing")}`, { RawMessageDelivery: "true" }],
      [`${arnOf("sns", "users")}:${arnOf("sqs", "billing")}`, {
        RawMessageDelivery: "false",
        FilterPolicy: '{"manifest":["UserJoined"]}',
      }],
    ]);
  });

  it("changes nothing the second time", async () => {
    const { aws, backend } = administration();
    await patient(aws, backend.declareQueue("billing", full));
    const before = aws.calls.length;
    await patient(aws, backend.declareQueue("billing", full));
    const second = aws.actions().slice(before);
    assert(!second.some((action) => /^(Set|CreateQueue|Delete)/.test(action)), second.join());
  });

  it("changes what differs, and leaves what is not given", async () => {
    const { world, aws, backend } = administration();
    await patient(aws, backend.declareQueue("billing", full));
    await patient(aws, backend.declareQueue("billing", { delayMs: 1_000, maxReceives: 9 }));
    const { VisibilityTimeout, DelaySeconds, RedrivePolicy } = world.queues.get("billing")!;
    assertEquals([VisibilityTimeout, DelaySeconds], ["60", "1"]);
    assertEquals(JSON.parse(RedrivePolicy!).maxReceiveCount, 9);
    assertEquals(world.subscriptions.size, 2);
  });

  it("gives a subscription exactly the filter of its last declaration", async () => {
    const { world, aws, backend } = administration();
    const joined = defineEvent("UserJoined", { schema: typed<unknown>() });
    const declare = (subscription: object) => {
      const subscribeTo = [{ topic: "users", ...subscription }];
      return patient(aws, backend.declareQueue("billing", { subscribeTo }));
    };
    const key = `${arnOf("sns", "users")}:${arnOf("sqs", "billing")}`;
    const filter = () => JSON.parse(world.subscriptions.get(key)!.FilterPolicy ?? "{}");
    await declare({});
    assertEquals(filter(), {});
    await declare({ events: [joined, "UserLeft"], filter: { tenant: ["a"] } });
    assertEquals(filter(), { tenant: ["a"], manifest: ["UserJoined", "UserLeft"] });
    world.subscriptions.get(key)!.FilterPolicyScope = "MessageBody";
    await declare({ filter: { manifest: ["UserJoined", "UserLeft"], tenant: ["a"] } });
    assertEquals(world.subscriptions.get(key)!.FilterPolicyScope, "MessageAttributes");
    const before = aws.calls.length;
    world.subscriptions.get(key)!.FilterPolicy =
      '{ "manifest": ["UserJoined", "UserLeft"], "tenant": ["a"] }';
    await declare({ events: [joined, "UserLeft"], filter: { tenant: ["a"] } });
    const again = aws.actions().slice(before);
    assert(!again.includes("SetSubscriptionAttributes"), "written otherwise, it is the same");
    await declare({});
    assertEquals(filter(), {});
  });

  it("finds a subscription with other attributes on a later page", async () => {
    const { world, aws, backend } = administration();
    const topic = arnOf("sns", "orders");
    for (const queue of ["a", "b", "c", "billing"]) {
      const key = `${topic}:${arnOf("sqs", queue)}`;
      world.subscriptions.set(key, { RawMessageDelivery: "false" });
    }
    await patient(aws, backend.declareQueue("billing", { subscribeTo: ["orders"] }));
    const raw = [...world.subscriptions.values()].map(({ RawMessageDelivery }) =>
      RawMessageDelivery
    );
    assertEquals(raw, ["false", "false", "false", "true"]);
  });

  it("keeps the policy of others, and writes it again when it was overwritten", async () => {
    const { world, aws, backend } = administration();
    const theirs = { Sid: "theirs", Effect: "Allow", Principal: { AWS: ACCOUNT }, Action: "sqs:*" };
    await patient(aws, backend.declareQueue("billing"));
    world.queues.get("billing")!.Policy = JSON.stringify({ Statement: [theirs] });
    let overwritten = 0;
    world.before = ({ action, input }) => {
      // Another writer, who read the policy before we wrote it, writes after us.
      const asks = action === "GetQueueAttributes" && input.AttributeNames[0] === "Policy";
      const { Policy } = world.queues.get("billing")!;
      if (!asks || !Policy!.includes("Melange") || overwritten++ >= 2) return undefined;
      const other = { ...theirs, Sid: `other-${overwritten}` };
      world.queues.get("billing")!.Policy = JSON.stringify({ Statement: [theirs, other] });
      return undefined;
    };
    await patient(aws, backend.declareQueue("billing", { subscribeTo: ["orders"] }));
    const { Statement } = JSON.parse(world.queues.get("billing")!.Policy!);
    const ids = Statement.map(({ Sid }: { Sid: string }) => Sid);
    assertEquals(ids, ["theirs", "other-2", "MelangeSubscriptions"]);
    assertEquals(Statement[0], theirs);
  });

  it("looks at the policy again after subscribing, if it wrote it", async () => {
    const { world, aws, backend } = administration();
    world.before = ({ action }) => {
      if (action === "Subscribe") world.queues.get("billing")!.Policy = '{"Statement":[]}';
      return undefined;
    };
    await patient(aws, backend.declareQueue("billing", { subscribeTo: ["orders"] }));
    assertEquals(sourcesIn(world, "billing"), [arnOf("sns", "orders")]);
  });

  it("gives up with CONFLICT when somebody always overwrites the policy", async () => {
    const { world, aws, backend } = administration();
    await patient(aws, backend.declareQueue("billing"));
    world.before = ({ action }) => {
      if (action === "GetQueueAttributes") delete world.queues.get("billing")!.Policy;
      return undefined;
    };
    const declaring = patient(aws, backend.declareQueue("billing", { subscribeTo: ["orders"] }));
    assertEquals((await assertRejects(() => declaring, MelangeError)).code, "CONFLICT");
  });

  it("does not overwrite a policy that it cannot read", async () => {
    const { world, aws, backend } = administration();
    await patient(aws, backend.declareQueue("billing"));
    world.queues.get("billing")!.Policy = "{";
    const declaring = patient(aws, backend.declareQueue("billing", { subscribeTo: ["orders"] }));
    assertEquals((await assertRejects(() => declaring, MelangeError)).code, "CONFLICT");
    assertEquals(world.queues.get("billing")!.Policy, "{");
  });

  it("waits until a queue that was just deleted can be created again", async () => {
    const { world, aws, backend } = administration();
    const start = aws.clock.now();
    world.before = ({ action }) => {
      if (action === "CreateQueue" && aws.clock.now() < start + 60_000) {
        return sqsError("QueueDeletedRecently", {
          query: "AWS.SimpleQueueService.QueueDeletedRecently",
        });
      }
      return undefined;
    };
    await patient(aws, backend.declareQueue("billing"));
    const attempts = aws.actions().filter((action) => action === "CreateQueue").length;
    assert(attempts > 1 && attempts < 10, `${attempts} attempts`);
  });

  it("waits until a queue that was just created is found", async () => {
    const { world, aws, backend } = administration();
    let missing = 3;
    world.before = ({ action }) => {
      if (action === "GetQueueUrl" && world.queues.has("billing") && missing-- > 0) {
        return sqsError("QueueDoesNotExist");
      }
      return undefined;
    };
    await patient(aws, backend.declareQueue("billing"));
    assert(world.queues.has("billing"));
  });

  it("takes the queue that somebody else created meanwhile, and changes what differs", async () => {
    const { world, aws, backend } = administration();
    world.before = ({ action }) => {
      if (action !== "CreateQueue" || world.queues.has("billing")) return undefined;
      world.queues.set("billing", { VisibilityTimeout: "7", QueueArn: arnOf("sqs", "billing") });
      return undefined;
    };
    await patient(aws, backend.declareQueue("billing", { visibilityTimeoutMs: 60_000 }));
    assertEquals(world.queues.get("billing")!.VisibilityTimeout, "60");
  });

  it("survives throttles and outages of every call", async () => {
    const { world, aws, backend } = administration();
    world.before = (_, count) => {
      if (count % 3 === 1) return sqsError("RequestThrottled", { status: 403 });
      if (count % 3 === 2) return new Response("", { status: 503 });
      return undefined;
    };
    await patient(aws, backend.declareQueue("billing", full));
    assertEquals(sourcesIn(world, "billing").length, 2);
    assertEquals(world.subscriptions.size, 2);
  });

  it("neither creates a queue that is given by its ARN or URL, nor a topic by its ARN", async () => {
    const { world, aws, backend } = administration();
    const subscribeTo = [arnOf("sns", "orders")];
    for (
      const declare of [
        () => backend.declareQueue(arnOf("sqs", "billing")),
        () => backend.declareQueue(urlOf("billing")),
        () => backend.declareQueue("mine", { deadLetterQueue: arnOf("sqs", "billing") }),
        () => backend.declareQueue("mine", { subscribeTo }),
      ]
    ) {
      const error = await assertRejects(() => patient(aws, declare()), MelangeError);
      assertEquals(error.code, "NOT_FOUND");
    }
    assertEquals([world.queues.has("billing"), world.topics.size], [false, 0]);
  });

  const refused: [what: string, queue: string, options: DeclareQueueOptions][] = [
    ["a FIFO queue on a standard topic", "b.fifo", { subscribeTo: ["orders"] }],
    ["no events at all", "billing", { subscribeTo: [{ topic: "orders", events: [] }] }],
    ["an empty list of values", "billing", { subscribeTo: [{ topic: "o", filter: { a: [] } }] }],
    ["six keys", "billing", {
      subscribeTo: [{
        topic: "o",
        filter: Object.fromEntries([..."abcdef"].map((k) => [k, ["x"]])),
      }],
    }],
    ["151 combinations", "billing", {
      subscribeTo: [{ topic: "o", events: Array.from({ length: 151 }, (_, n) => `E${n}`) }],
    }],
    ["a quotation mark in a value", "billing", { subscribeTo: [{ topic: "o", events: ['a"b'] }] }],
    ["a backslash in a value", "billing", { subscribeTo: [{ topic: "o", events: ["a\\b"] }] }],
  ];
  for (const [what, queue, options] of refused) {
    it(`refuses ${what} before anything is sent`, async () => {
      const { aws, backend } = administration();
      const error = await assertRejects(() => backend.declareQueue(queue, options), MelangeError);
      assertEquals([error.code, aws.calls.length], ["CONFIGURATION", 0]);
    });
  }

  it("ends with the reason of its signal while it waits", async () => {
    const { world, aws } = administration();
    const backend = new AwsBackend({ ...aws.options, random: () => 0.9 });
    world.before = () => new Response("", { status: 503 });
    const controller = new AbortController();
    const sent = aws.sent();
    const declaring = backend.declareQueue("billing", { signal: controller.signal });
    await sent;
    await aws.clock.advance(50);
    controller.abort("enough");
    assertEquals(await declaring.catch((reason) => reason), "enough");
    await aws.clock.advance(60_000);
    assertEquals(aws.clock.pending, 0);
  });

  const refusing = ["GetQueueUrl", "CreateQueue", "GetQueueAttributes", "SetQueueAttributes"];
  for (const action of refusing) {
    it(`rejects at once where ${action} is not allowed, and does nothing further`, async () => {
      const { world, aws, backend } = administration();
      if (action.endsWith("Attributes")) await patient(aws, backend.declareQueue("billing"));
      world.before = (call) =>
        call.action === action ? sqsError("AccessDenied", { status: 403 }) : undefined;
      const error = await assertRejects(
        () => backend.declareQueue("billing", { visibilityTimeoutMs: 60_000 }),
        MelangeError,
      );
      assertEquals([error.code, aws.actions().at(-1)], ["ACCESS_DENIED", action]);
      assertEquals(aws.clock.pending, 0);
    });
  }

  it("tries twenty times at the most", async () => {
    const { world, aws } = administration();
    const backend = new AwsBackend({ ...aws.options, random: () => 0 });
    world.before = () => sqsError("RequestThrottled", { status: 403 });
    const declaring = patient(aws, backend.declareQueue("billing"));
    assertEquals((await assertRejects(() => declaring, MelangeError)).code, "THROTTLED");
    assertEquals(aws.calls.length, 20);
  });

  it("starts a try two minutes after the first, and none later", async () => {
    for (const seconds of [120, 121]) {
      const { world, aws, backend } = administration();
      const headers = { "retry-after": `${seconds}` };
      world.before = () => sqsError("RequestThrottled", { status: 403, headers });
      const first = aws.sent();
      const declaring = backend.declareQueue("billing").catch((error) => error);
      await first;
      await aws.clock.advance(0);
      if (seconds === 120) {
        const second = aws.sent();
        await aws.clock.advance(120_000);
        await second;
      }
      assertEquals((await declaring).code, "THROTTLED");
      assertEquals([aws.calls.length, aws.clock.pending], [seconds === 120 ? 2 : 1, 0]);
    }
  });
});

describe("AwsBackend.declareQueue() for a topic that may only be subscribed to", () => {
  const TOPIC = "arn:aws:sns:eu-west-1:210987654321:theirs";
  /** Another account's topic, of whose calls these are denied. */
  function foreign(denied: readonly string[]) {
    const { world, aws } = administration();
    const warnings: Record<string, unknown>[] = [];
    world.topics.set(TOPIC, {});
    world.before = ({ action }) =>
      denied.includes(action) ? snsError("AuthorizationError", 403) : undefined;
    const logger = {
      debug() {},
      info() {},
      warn: (message: string, fields = {}) => void warnings.push({ message, ...fields }),
      error: (message: string) => void warnings.push({ message: `ERROR ${message}` }),
    };
    return { world, aws, warnings, backend: new AwsBackend({ ...aws.options, logger }) };
  }
  const CHECKS = ["GetTopicAttributes", "ListSubscriptionsByTopic", "GetSubscriptionAttributes"];

  it("lets Subscribe decide, and says what was not checked", async () => {
    const { world, aws, backend, warnings } = foreign(CHECKS);
    await patient(aws, backend.declareQueue("billing", { subscribeTo: [TOPIC] }));
    assertEquals(world.subscriptions.size, 1);
    assertEquals(warnings.length, 2);
    assertEquals(warnings.map(({ topic, subscription }) => [topic, typeof subscription]), [
      [TOPIC, "undefined"],
      [undefined, "string"],
    ]);
  });

  for (const denied of CHECKS) {
    it(`also where only ${denied} is denied`, async () => {
      const { world, aws, backend, warnings } = foreign([denied]);
      await patient(
        aws,
        backend.declareQueue("billing", { subscribeTo: [{ topic: TOPIC, raw: false }] }),
      );
      assertEquals(world.subscriptions.size, 1);
      assertEquals(warnings.length, denied === "ListSubscriptionsByTopic" ? 0 : 1);
    });
  }

  it("also by its name, where it may not be created", async () => {
    const { world, aws, backend, warnings } = foreign(["CreateTopic", ...CHECKS]);
    await patient(aws, backend.declareQueue("billing", { subscribeTo: ["orders"] }));
    assertEquals([...world.subscriptions.keys()], [
      `${arnOf("sns", "orders")}:${arnOf("sqs", "billing")}`,
    ]);
    assertEquals(warnings[0]?.topic, "orders");
  });

  it("rejects what Subscribe refuses: that is no check", async () => {
    const { aws, backend } = foreign(["Subscribe", ...CHECKS]);
    const declared = () => patient(aws, backend.declareQueue("billing", { subscribeTo: [TOPIC] }));
    assertEquals((await assertRejects(declared, MelangeError)).code, "ACCESS_DENIED");
  });

  for (const raw of [true, false]) {
    it(`writes all to a subscription that differs and cannot be read, raw: ${raw}`, async () => {
      const { world, aws, backend, warnings } = foreign(["GetSubscriptionAttributes"]);
      const key = `${TOPIC}:${arnOf("sqs", "billing")}`;
      const other = { RawMessageDelivery: String(!raw), FilterPolicy: '{"other":["x"]}' };
      world.subscriptions.set(key, { ...other, FilterPolicyScope: "MessageBody" });
      const filter = raw ? { kind: ["a"] } : undefined;
      await patient(
        aws,
        backend.declareQueue("billing", {
          subscribeTo: [{ topic: TOPIC, raw, ...(filter && { filter }) }],
        }),
      );
      const { FilterPolicyScope, ...rest } = world.subscriptions.get(key)!;
      assertEquals(rest, {
        RawMessageDelivery: String(raw),
        FilterPolicy: JSON.stringify(filter ?? {}),
      });
      if (filter) assertEquals(FilterPolicyScope, "MessageAttributes");
      assertEquals(warnings.length, 1);
    });
  }

  it("rejects where such a subscription cannot be written either", async () => {
    const { world, aws, backend } = foreign([
      "GetSubscriptionAttributes",
      "SetSubscriptionAttributes",
    ]);
    const other = { RawMessageDelivery: "false" };
    world.subscriptions.set(`${TOPIC}:${arnOf("sqs", "billing")}`, other);
    const declared = () => patient(aws, backend.declareQueue("billing", { subscribeTo: [TOPIC] }));
    assertEquals((await assertRejects(declared, MelangeError)).code, "ACCESS_DENIED");
  });

  it("rejects with what Subscribe said, where nobody may look for the subscription", async () => {
    const { world, aws, backend } = foreign(CHECKS);
    world.subscriptions.set(`${TOPIC}:${arnOf("sqs", "billing")}`, { FilterPolicy: "{}" });
    const declared = () => patient(aws, backend.declareQueue("billing", { subscribeTo: [TOPIC] }));
    assertEquals((await assertRejects(declared, MelangeError)).code, "INVALID_MESSAGE");
  });

  it("does not take a topic for declared that may not be created", async () => {
    const { aws, backend } = foreign(["CreateTopic"]);
    const declared = () => patient(aws, backend.declareTopic("orders"));
    assertEquals((await assertRejects(declared, MelangeError)).code, "ACCESS_DENIED");
  });
});

describe("AwsBackend.declareQueue() across regions", () => {
  it("lets SNS of the region send that is opted in to, and repairs an older policy", async () => {
    const { world, aws, backend } = administration();
    const topic = "arn:aws:sns:ap-east-1:123456789012:orders";
    world.topics.set(topic, {});
    await patient(aws, backend.declareQueue("billing", { subscribeTo: [topic] }));
    const policy = world.queues.get("billing")!.Policy!;
    assertEquals(JSON.parse(policy).Statement[0].Principal, {
      Service: "sns.ap-east-1.amazonaws.com",
    });
    world.queues.get("billing")!.Policy = policy.replace("sns.ap-east-1.", "sns.");
    await patient(aws, backend.declareQueue("billing", { subscribeTo: [topic] }));
    assertEquals(world.queues.get("billing")!.Policy, policy);
  });
});

describe("AwsBackend.declareTopic()", () => {
  it("creates a topic by its name, FIFO by its ending", async () => {
    const { world, aws, backend } = administration();
    const description = await backend.declareTopic("orders.fifo");
    assertEquals(description, { name: "orders.fifo", address: arnOf("sns", "orders.fifo") });
    assertEquals(world.topics.get(description.address), { FifoTopic: "true" });
    await backend.declareTopic("orders.fifo");
    assertEquals(aws.actions(), ["CreateTopic", "CreateTopic"]);
  });

  it("sets how it de-duplicates, if that differs", async () => {
    const { aws, backend } = administration();
    await backend.declareTopic("orders.fifo", { contentBasedDeduplication: true });
    await backend.declareTopic("orders.fifo", { contentBasedDeduplication: true });
    const sets = aws.actions().filter((action) => action === "SetTopicAttributes");
    assertEquals(sets.length, 1);
  });

  it("refuses that for a standard topic, and names that are none", async () => {
    const { aws, backend } = administration();
    const error = await assertRejects(
      () => backend.declareTopic("orders", { contentBasedDeduplication: true }),
      MelangeError,
    );
    assertEquals(error.code, "CONFIGURATION");
    const invalid = await assertRejects(() => backend.declareTopic("or ders"), MelangeError);
    assertEquals([invalid.code, aws.calls.length], ["INVALID_MESSAGE", 0]);
  });
});

describe("AwsBackend.deleteQueue() and deleteTopic()", () => {
  it("delete, and are content if there is nothing", async () => {
    const { world, backend } = administration();
    await backend.declareQueue("billing");
    await backend.declareTopic("orders");
    for (let turn = 0; turn < 2; turn++) {
      await backend.deleteQueue("billing");
      await backend.deleteTopic("orders");
    }
    assertEquals([world.queues.size, world.topics.size], [0, 0]);
  });

  it("reject where that is not allowed", async () => {
    const { world, aws, backend } = administration();
    await patient(aws, backend.declareQueue("billing"));
    world.before = ({ action }) =>
      action === "DeleteQueue"
        ? sqsError("AccessDenied", { status: 403 })
        : action === "DeleteTopic"
        ? snsError("AuthorizationError", 403)
        : undefined;
    for (const run of [() => backend.deleteQueue("billing"), () => backend.deleteTopic("orders")]) {
      assertEquals((await assertRejects(run, MelangeError)).code, "ACCESS_DENIED");
    }
    assertEquals(world.queues.size, 1);
  });

  it("resolve only when the service has answered", async () => {
    const { world, aws, backend } = administration();
    await patient(aws, backend.declareQueue("billing"));
    let answer = () => {};
    world.before = ({ action }) =>
      action === "DeleteQueue"
        ? new Promise<Response>((resolve) => answer = () => resolve(new Response(""))) as never
        : undefined;
    const sent = aws.sent();
    let done = false;
    const deleting = backend.deleteQueue("billing").then(() => done = true);
    await sent;
    await aws.clock.advance(1_000);
    assertEquals([done, aws.actions().at(-1)], [false, "DeleteQueue"]);
    answer();
    await deleting;
  });
});

describe("an empty body with status 200", () => {
  const SILENT = /^(Set|Delete)/;

  it("is a success of calls that tell nothing, as in the SDKs", async () => {
    const { world, aws, backend } = administration();
    world.before = (call) => {
      if (!SILENT.test(call.action)) return undefined;
      const { ok, status } = answer(world, call);
      return ok ? new Response("") : new Response("", { status });
    };
    const all = async () => {
      await backend.declareTopic("orders.fifo");
      await backend.declareTopic("orders.fifo", { contentBasedDeduplication: true });
      await backend.declareQueue("billing", { subscribeTo: ["news"], visibilityTimeoutMs: 1_000 });
      await backend.declareQueue("billing", {
        subscribeTo: [{ topic: "news", raw: false }],
        visibilityTimeoutMs: 2_000,
      });
      await backend.deleteQueue("billing");
      await backend.deleteTopic("news");
    };
    await patient(aws, all());
    const silent = aws.actions().filter((action) => SILENT.test(action));
    assertEquals(silent, [
      "SetTopicAttributes",
      "SetQueueAttributes",
      "SetQueueAttributes",
      "SetSubscriptionAttributes",
      "DeleteQueue",
      "DeleteTopic",
    ]);
  });

  it("makes no sense for calls that tell something", async () => {
    const { options } = fakeAws(() => new Response(""));
    const client = createClient(options);
    const TopicArn = arnOf("sns", "t");
    const asking: Record<string, () => Promise<unknown>> = {
      CreateTopic: () => createTopic(client, { Name: "t", Attributes: { entry: [] } }),
      GetTopicAttributes: () => getTopicAttributes(client, { TopicArn }),
      ListSubscriptionsByTopic: () => listSubscriptionsByTopic(client, { TopicArn }),
      GetQueueUrl: () => getQueueUrl(client, { QueueName: "q" }),
      GetQueueAttributes: () => getQueueAttributes(client, { QueueUrl: "q", AttributeNames: [] }),
    };
    for (const [action, ask] of Object.entries(asking)) {
      const error = await assertRejects(ask, MelangeError, undefined, action);
      assertEquals(error.code, "OUTCOME_UNKNOWN");
    }
  });

  it("of SNS needs no envelope, but another answer must be one to the same action", async () => {
    const deleted = (answer: () => Response) =>
      deleteTopic(createClient(fakeAws(answer).options), { TopicArn: arnOf("sns", "t") });
    await deleted(() => new Response(""));
    await deleted(() => new Response(null, { status: 204 }));
    await deleted(() => xml("DeleteTopic"));
    for (const text of ["<html></html>", "ok", "{}"]) {
      await assertRejects(() => deleted(() => new Response(text)), MelangeError);
    }
  });
});

describe("AwsBackend.describeQueue()", () => {
  it("reads the counts", async () => {
    const { world, backend } = administration();
    await backend.declareQueue("billing");
    Object.assign(world.queues.get("billing")!, {
      ApproximateNumberOfMessages: "1",
      ApproximateNumberOfMessagesNotVisible: "2",
      ApproximateNumberOfMessagesDelayed: "3",
    });
    const { available, inFlight, delayed } = await backend.describeQueue("billing");
    assertEquals([available, inFlight, delayed], [1, 2, 3]);
  });

  it("is OUTCOME_UNKNOWN where the answer is no description", async () => {
    const { world, backend } = administration();
    world.before = ({ action }) =>
      action === "GetQueueUrl" ? json({ QueueUrl: urlOf("billing") }) : json({});
    const error = await assertRejects(() => backend.describeQueue("billing"), MelangeError);
    assertEquals(error.code, "OUTCOME_UNKNOWN");
  });
});

describe("AwsBackend declarations and their signals", () => {
  const redeclare = (backend: AwsBackend, signal?: AbortSignal) =>
    backend.declareQueue("billing", {
      visibilityTimeoutMs: signal ? 60_000 : 30_000,
      subscribeTo: [{ topic: "orders", events: [signal ? "New" : "Old"] }],
      ...(signal ? { signal } : {}),
    });
  const calls: Record<string, (backend: AwsBackend, signal: AbortSignal) => Promise<unknown>> = {
    GetQueueAttributes: redeclare,
    SetQueueAttributes: redeclare,
    CreateTopic: redeclare,
    Subscribe: redeclare,
    ListSubscriptionsByTopic: redeclare,
    GetSubscriptionAttributes: redeclare,
    SetSubscriptionAttributes: redeclare,
    DeleteQueue: (backend, signal) => backend.deleteQueue("billing", { signal }),
    DeleteTopic: (backend, signal) => backend.deleteTopic("orders", { signal }),
    "CreateTopic of declareTopic()": (backend, signal) => backend.declareTopic("users", { signal }),
    GetTopicAttributes: (backend, signal) =>
      backend.declareTopic("users.fifo", { contentBasedDeduplication: true, signal }),
    SetTopicAttributes: (backend, signal) =>
      backend.declareTopic("users.fifo", { contentBasedDeduplication: true, signal }),
    "GetQueueAttributes of describeQueue()": (backend, signal) =>
      backend.describeQueue("billing", { signal }),
  };
  for (const [what, run] of Object.entries(calls)) {
    it(`ends the request ${what}, and leaves no timer`, async () => {
      const { world, aws, backend } = administration();
      await patient(aws, redeclare(backend));
      let reach = () => {};
      const reached = new Promise<void>((resolve) => reach = resolve);
      world.before = ({ action }) => {
        if (!what.startsWith(action)) return undefined;
        reach();
        return new Promise(() => {}) as never;
      };
      const end = new AbortController();
      const running = run(backend, end.signal).catch((reason) => reason);
      await Promise.race([reached, running]);
      const { signal } = aws.calls.at(-1)!.init;
      assertEquals(signal?.aborted, false);
      end.abort("enough");
      assertEquals(await running, "enough");
      assertEquals([signal?.aborted, aws.clock.pending], [true, 0]);
    });
  }

  it("end the pause before another try, and leave no timer", async () => {
    const { world, aws, backend } = administration();
    let tried = () => {};
    const failed = new Promise<void>((resolve) => tried = resolve);
    world.before = () => {
      tried();
      return sqsError("RequestThrottled", { status: 403, headers: { "retry-after": "60" } });
    };
    const end = new AbortController();
    const running = backend.declareQueue("billing", { signal: end.signal }).catch((it) => it);
    await failed;
    await aws.clock.advance(1_000);
    assertEquals([aws.calls.length, aws.clock.pending], [1, 1]);
    end.abort("enough");
    assertEquals(await running, "enough");
    await aws.clock.advance(0);
    assertEquals([aws.calls.length, aws.clock.pending], [1, 0]);
  });
});

describe("AwsBackend.declareQueue() that looks for a subscription", () => {
  for (
    const [what, tokens] of [
      ["the same page again and again", () => "again"],
      ["pages that follow each other in a circle", (page: number) => `${page % 3}`],
    ] as const
  ) {
    it(`gives up on ${what}`, async () => {
      const { world, aws, backend } = administration();
      const declare = (events: string[]) =>
        patient(
          aws,
          backend.declareQueue("billing", { subscribeTo: [{ topic: "orders", events }] }),
        );
      await declare(["Old"]);
      let pages = 0;
      world.before = ({ action }) => {
        if (action !== "ListSubscriptionsByTopic") return undefined;
        if (++pages > 100) return snsError("AuthorizationError", 403);
        return xml(action, `<Subscriptions/><NextToken>${tokens(pages)}</NextToken>`);
      };
      const error = await assertRejects(() => declare(["New"]), MelangeError);
      assertEquals(error.code, "OUTCOME_UNKNOWN");
      assert(pages <= 4, `${pages} pages`);
    });
  }
});

describe("AwsBackend.declareQueue() at the limits", () => {
  const list = (length: number) => Array.from({ length }, (_, n) => `E${n}`);
  const taken: [what: string, filter: Record<string, unknown>][] = [
    ["five keys", Object.fromEntries([..."abcde"].map((key) => [key, ["x"]]))],
    ["150 combinations", { a: list(15), b: list(10) }],
    ["conditions that are no list", { a: list(150), b: { c: 1 } }],
  ];
  for (const [what, filter] of taken) {
    it(`takes a filter of ${what}`, async () => {
      const { world, aws, backend } = administration();
      const subscribeTo = [{ topic: "orders", filter }];
      await patient(aws, backend.declareQueue("billing", { subscribeTo }));
      assertEquals(world.subscriptions.size, 1);
    });
  }

  const refused: [what: string, filter: Record<string, unknown>][] = [
    ["151 combinations beside a condition that is no list", { a: list(151), b: { c: 1 } }],
    ["160 combinations of several lists", { a: list(16), b: list(10) }],
  ];
  for (const [what, filter] of refused) {
    it(`refuses a filter of ${what}`, async () => {
      const { aws, backend } = administration();
      const declare = () =>
        backend.declareQueue("billing", { subscribeTo: [{ topic: "orders", filter }] });
      assertEquals((await assertRejects(declare, MelangeError)).code, "CONFIGURATION");
      assertEquals(aws.calls.length, 0);
    });
  }

  it("refuses numbers that AWS does not take, before anything is sent", async () => {
    const { aws, backend } = administration();
    for (const options of [{ delayMs: 900_001 }, { maxReceives: 0 }, { retentionMs: 1 }]) {
      await assertRejects(() => backend.declareQueue("billing", options), RangeError);
    }
    assertEquals(aws.calls.length, 0);
  });
});
