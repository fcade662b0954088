/** A publisher process of the laboratory: publishes, and writes down what it was told. */
import { MessagePublisher } from "../../mod.ts";
import { AwsBackend } from "../../backends/aws/mod.ts";
import { MACHINE, steppingClock } from "./clock_steps.ts";
import { workOf, WorkOrdered } from "./event.ts";
import { record } from "./records.ts";
import { readArguments } from "./settings.ts";

const { endpoint, log, queue, count } = readArguments(Deno.args);
const clock = steppingClock(MACHINE);
const backend = new AwsBackend({
  endpoint,
  region: "us-east-1",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
  clock,
});
const publisher = new MessagePublisher({ backend, clock, maxInFlight: 4, maxPending: 500 });
const sent = Array.from({ length: count }, async (_, n) => {
  const work = workOf(n);
  const result = await publisher.publish(WorkOrdered(work, { id: work.key }), { queue })
    .then(() => "stored", (error) => String(error.code));
  record(log, { key: work.key, result, at: Date.now() });
});
await Promise.all(sent);
await publisher.close();
await backend.close();
