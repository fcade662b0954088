/** The backends that a worker runs on. */
import { AwsBackend } from "../../backends/aws/mod.ts";
import { BroadcastChannelBackend } from "../../backends/broadcast_channel/mod.ts";
import { MemoryBackend } from "../../backends/memory/mod.ts";
import { startBroker } from "../broker.ts";
import type { Host } from "./host.ts";
import { type Backends, workerHost } from "./worker.ts";

const BACKENDS: Record<string, () => Promise<Backends>> = {
  AwsBackend: openAws,
  MemoryBackend: openMemory,
  BroadcastChannelBackend: openBroadcastChannel,
};

/** A worker on each backend, on standard and FIFO queues, with and without dead-letter queues. */
export const WORKERS: readonly Host[] = Object.entries(BACKENDS).flatMap(([name, open]) =>
  [false, true].flatMap((fifo) =>
    [true, false].map((deadLetters) => workerHost({ name, open, fifo, deadLetters }))
  )
);

async function openAws(): Promise<Backends> {
  const broker = await startBroker();
  const backend = new AwsBackend(broker.options);
  return {
    publishing: backend,
    consuming: backend,
    close: async () => {
      await backend.close();
      await broker.close();
    },
  };
}

function openMemory(): Promise<Backends> {
  const backend = new MemoryBackend();
  return Promise.resolve({
    publishing: backend,
    consuming: backend,
    close: () => backend.close(),
  });
}

/** Two contexts, as in two tabs: what one publishes the other handles. */
async function openBroadcastChannel(): Promise<Backends> {
  const name = `hosts-${crypto.randomUUID()}`;
  const [publishing, consuming] = [1, 2].map(() =>
    new BroadcastChannelBackend({ name, leaderTimeoutMs: 600 })
  );
  await publishing!.declareTopic("orders");
  await consuming!.declareTopic("orders");
  return {
    publishing: publishing!,
    consuming: consuming!,
    close: async () => {
      await publishing!.close();
      await consuming!.close();
    },
  };
}
