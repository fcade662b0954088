/** A publisher process of the laboratory: publishes, and writes down what it was told. */
import { MessagePublisher } from "../../mod.ts";
import { AwsBackend } from "../../backends/aws/mod.ts";
import { QUEUE, workOf, WorkOrdered } from "./event.ts";
import { record } from "./records.ts";

const [endpoint, log, count] = Deno.args as [string, string, string];
const backend = new AwsBackend({
  endpoint,
  region: "us-east-1",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
});
const publisher = new MessagePublisher({ backend, maxInFlight: 4, maxPending: 500 });
const sent = Array.from({ length: Number(count) }, async (_, n) => {
  const work = workOf(n);
  const result = await publisher.publish(WorkOrdered(work), { queue: QUEUE })
    .then(() => "stored", (error) => String(error.code));
  record(log, { key: work.key, result, at: Date.now() });
});
await Promise.all(sent);
await publisher.close();
await backend.close();
