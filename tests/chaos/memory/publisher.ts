/** Publishes many events, a few hundred at a time, and writes down how much memory that takes. */
import { MessagePublisher } from "../../../mod.ts";
import { AwsBackend } from "../../../backends/aws/mod.ts";
import { WorkOrdered } from "../event.ts";
import { readArguments } from "../settings.ts";
import { PAYLOAD, sampler } from "./sample.ts";

const { endpoint, log, queue, count } = readArguments(Deno.args);
const credentials = { accessKeyId: "test", secretAccessKey: "test" };
const backend = new AwsBackend({ endpoint, region: "us-east-1", credentials });
const publisher = new MessagePublisher({ backend });
const sample = sampler(log, count);
let next = 0;

async function publishOnAndOn(): Promise<void> {
  while (next < count) {
    const key = `event-${next++}`;
    const event = WorkOrdered({ key, group: "", poison: "none", padding: PAYLOAD });
    await publisher.publish(event, { queue });
    sample();
  }
}

await Promise.all(Array.from({ length: 200 }, publishOnAndOn));
await publisher.close();
await backend.close();
