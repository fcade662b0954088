/** Handles many events, writes down how much memory that takes, and ends after the last one. */
import { Dispatcher, MessageConsumer } from "../../../mod.ts";
import { AwsBackend } from "../../../backends/aws/mod.ts";
import { WorkOrdered } from "../event.ts";
import { readArguments } from "../settings.ts";
import { sampler } from "./sample.ts";

const { endpoint, log, queue, count } = readArguments(Deno.args);
const credentials = { accessKeyId: "test", secretAccessKey: "test" };
const backend = new AwsBackend({ endpoint, region: "us-east-1", credentials });
const dispatcher = new Dispatcher();
const consumer = new MessageConsumer({ backend, queue, dispatcher, concurrency: 64 });
const sample = sampler(log, count);
const stop = new AbortController();
let handled = 0;
dispatcher.subscribe(WorkOrdered, () => {
  sample();
  if (++handled === count) stop.abort();
});
await consumer.run({ signal: stop.signal, drainMs: 5_000 });
await backend.close();
