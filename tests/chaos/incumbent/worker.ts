/** The same worker with sqs-consumer on the AWS SDK, set up as its documentation says. */
import { SQSClient } from "npm:@aws-sdk/client-sqs@^3";
import { Consumer } from "npm:sqs-consumer@^15";
import type { Work } from "../event.ts";
import { holdOf } from "../hold.ts";
import { record } from "../records.ts";
import { readArguments } from "../settings.ts";

const { endpoint, log, queue, visibilityMs } = readArguments(Deno.args);
const sqs = new SQSClient({
  endpoint,
  region: "us-east-1",
  useQueueUrlAsEndpoint: false,
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
});
/** It receives nothing more until its batch is done, so one of few messages goes on after a while. */
const HOLD = { log, moments: ["start", "effect"], limitMs: 2_000 } as const;
const consumer = Consumer.create({
  queueUrl: `${endpoint}/000000000000/${queue}`,
  sqs,
  batchSize: 10,
  visibilityTimeout: visibilityMs / 1000,
  heartbeatInterval: 2,
  waitTimeSeconds: 1,
  handleMessage: async (message: { Body?: string }) => {
    const { key, poison } = JSON.parse(message.Body ?? "") as Work;
    if (poison !== "none") throw new Error("poison");
    const hold = holdOf({ ...HOLD, key });
    record(log, { key, step: "start", at: Date.now() });
    await hold("start");
    await new Promise((resolve) => setTimeout(resolve, 5 + Math.random() * 10));
    record(log, { key, step: "effect", at: Date.now() });
    // It remembers nothing; no kill explains a repetition of what it has done.
    record(log, { key, step: "mark", at: Date.now() });
    await hold("effect");
    return message;
  },
});
// Without listeners its errors would end the process.
for (const event of ["error", "processing_error", "timeout_error"] as const) {
  consumer.on(event, () => {});
}
consumer.on("stopped", () => Deno.exit(0));
Deno.addSignalListener("SIGTERM", () => consumer.stop());
consumer.start();
