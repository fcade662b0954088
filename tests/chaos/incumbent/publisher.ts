/** The same publisher with sqs-producer on the AWS SDK. */
import { SQSClient } from "npm:@aws-sdk/client-sqs@^3";
import { Producer } from "npm:sqs-producer@^8";
import { workOf } from "../event.ts";
import { record } from "../records.ts";
import { readArguments } from "../settings.ts";

const { endpoint, log, queue, count } = readArguments(Deno.args);
const sqs = new SQSClient({
  endpoint,
  region: "us-east-1",
  useQueueUrlAsEndpoint: false,
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
});
const producer = Producer.create({ queueUrl: `${endpoint}/000000000000/${queue}`, sqs });
const works = Array.from({ length: count }, (_, n) => workOf(n));
const batches = Array.from(
  { length: works.length / 100 },
  (_, n) => works.slice(n * 100, n * 100 + 100),
);

/** It sends a hundred in ten requests, and says of all of them at once whether one failed. */
async function send(batch: typeof works): Promise<void> {
  const messages = batch.map((work) => ({ id: work.key, body: JSON.stringify(work) }));
  const failed = await producer.send(messages).then(() => undefined, (error: Error) => error);
  const named = new Set((failed as { failedMessages?: string[] } | undefined)?.failedMessages);
  for (const { key } of batch) {
    const result = !failed || (named.size > 0 && !named.has(key)) ? "stored" : "REFUSED";
    record(log, { key, result, at: Date.now() });
  }
}

const lanes = Array.from({ length: 4 }, async () => {
  for (let batch = batches.shift(); batch; batch = batches.shift()) await send(batch);
});
await Promise.all(lanes);
Deno.exit(0);
