/** Publishing to a queue and to a topic: 16 callers with ten messages each. */
import { PublishBatchCommand } from "@aws-sdk/client-sns";
import { SendMessageBatchCommand } from "@aws-sdk/client-sqs";
import { Producer } from "sqs-producer";
import { AwsBackend, awsSender } from "../../backends/aws/mod.ts";
import { nodeFetch } from "../../backends/aws/transport/node.ts";
import { MessagePublisher } from "../../mod.ts";
import type { Sender } from "../../src/backend.ts";
import { events, PER_CALL, plainMessage, TEN, underWay } from "./load.ts";
import { type Post, postTen, rawFetch, signedFetch, tenAsQuery, tenEntries } from "./by_hand.ts";
import { nodeHttp, sdkSns, sdkSqs } from "./peers.ts";
import type { Bench, Scenario, Variant } from "./scenario.ts";
import { CREDENTIALS, QUEUE, REGION, type Stub, TOPIC_ARN } from "./stub.ts";

/** Publishing to a queue. */
export function publishToQueue({ stub, quick, runtime }: Bench): Scenario {
  const calls = quick ? 160 : 320;
  const steady = (name: string, call: () => Promise<unknown>): Variant => ({
    name,
    prepare: () => stub.reset({}),
    run: () => underWay(calls, call),
  });
  const byHand = (name: string, post: Post) => steady(name, () => postTen(post, stub));
  return {
    name: "publish to a queue",
    sends: true,
    variants: [
      steady("melange AwsBackend", publishTen(backendOf(stub), { queue: QUEUE })),
      ...(runtime.startsWith("node")
        ? [
          steady(
            "melange AwsBackend, transport/node",
            publishTen(transported(stub), { queue: QUEUE }),
          ),
        ]
        : []),
      steady("melange awsSender", publishTen(senderOf(stub), { queue: QUEUE })),
      steady("sqs-producer", produceTen(stub)),
      steady("AWS SDK", sdkTen(stub)),
      byHand("aws4fetch by hand", signedFetch(stub)),
      byHand("limit: fetch, unsigned", rawFetch(stub)),
      byHand("limit: node:http, unsigned", nodeHttp(stub)),
    ],
  };
}

/** A burst of events, published one by one in the same turn. */
export function publishBurst({ stub, quick }: Bench): Scenario {
  const count = quick ? 1_000 : 3_000;
  const publisher = new MessagePublisher({ backend: backendOf(stub) });
  const producer = producerOf(stub);
  return {
    name: "publish a burst to a queue",
    sends: true,
    variants: [{
      name: "melange AwsBackend",
      prepare: () => stub.reset({}),
      async run() {
        await Promise.all(events(count).map((event) => publisher.publish(event, { queue: QUEUE })));
        return { count };
      },
    }, {
      name: "sqs-producer",
      prepare: () => stub.reset({}),
      async run() {
        await producer.send(Array.from({ length: count }, (_, number) => plainMessage(number)));
        return { count };
      },
    }],
  };
}

/** Publishing to a topic. */
export function publishToTopic({ stub, quick }: Bench): Scenario {
  const calls = quick ? 160 : 320;
  const sns = sdkSns(stub);
  const steady = (name: string, call: () => Promise<unknown>): Variant => ({
    name,
    prepare: () => stub.reset({}),
    run: () => underWay(calls, call),
  });
  return {
    name: "publish to a topic",
    sends: true,
    variants: [
      steady("melange AwsBackend", publishTen(backendOf(stub), { topic: TOPIC_ARN })),
      steady("AWS SDK", () => {
        const PublishBatchRequestEntries = tenEntries().map((
          { Id, MessageBody, MessageAttributes },
        ) => ({
          Id,
          Message: MessageBody,
          MessageAttributes,
        }));
        return sns.send(
          new PublishBatchCommand({ TopicArn: TOPIC_ARN, PublishBatchRequestEntries }),
        );
      }),
      steady("limit: fetch, unsigned", async () => {
        const headers = { "content-type": "application/x-www-form-urlencoded; charset=utf-8" };
        const body = tenAsQuery();
        const answer = await fetch(stub.url, { method: "POST", headers, body });
        await answer.text();
      }),
    ],
  };
}

/** The backend with its defaults. */
export function backendOf({ url }: Stub): AwsBackend {
  return new AwsBackend({ region: REGION, endpoint: url, credentials: CREDENTIALS });
}

/** The backend with the transport that the library has for Node.js. */
function transported({ url }: Stub): AwsBackend {
  const fetch = nodeFetch();
  return new AwsBackend({ region: REGION, endpoint: url, credentials: CREDENTIALS, fetch });
}

function senderOf({ url }: Stub): Sender {
  return awsSender({ region: REGION, endpoint: url, credentials: CREDENTIALS });
}

function publishTen(
  backend: Sender,
  destination: { queue: string } | { topic: string },
): () => Promise<void> {
  const publisher = new MessagePublisher({ backend });
  return async () => {
    const results = await publisher.publishAll(events(PER_CALL), destination);
    if (results.some(({ ok }) => !ok)) throw new Error("Not all were published");
  };
}

function producerOf(stub: Stub): Producer {
  return Producer.create({ queueUrl: stub.queueUrl, region: REGION, sqs: sdkSqs(stub) });
}

function produceTen(stub: Stub): () => Promise<unknown> {
  const producer = producerOf(stub);
  return () =>
    producer.send(TEN.map((number) => {
      const { id, body } = plainMessage(number);
      const messageAttributes = {
        type: { DataType: "String", StringValue: "OrderPlaced" },
        id: { DataType: "String", StringValue: id },
      };
      return { id, body, messageAttributes };
    }));
}

function sdkTen(stub: Stub): () => Promise<unknown> {
  const sqs = sdkSqs(stub);
  return () =>
    sqs.send(new SendMessageBatchCommand({ QueueUrl: stub.queueUrl, Entries: tenEntries() }));
}
