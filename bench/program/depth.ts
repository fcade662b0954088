/** The cost of a message in memory by how many others are in the queue: it must not grow. */
import { MemoryBackend } from "../../backends/memory/mod.ts";
import type { OutgoingMessage } from "../../src/wire/message.ts";
import { PER_CALL, TEN } from "./load.ts";
import type { Bench, Scenario, Variant } from "./scenario.ts";
import { QUEUE } from "./stub.ts";

const RECEIVE = { max: PER_CALL, waitMs: 0, visibilityMs: 30_000 };
const MESSAGES: readonly OutgoingMessage[] = TEN.map(() => ({
  body: '{"at":1}',
  attributes: { manifest: "Ping" },
}));

/** Messages through queues that hold a thousand others, up to a million. */
export function memoryDepth({ quick }: Bench): Scenario {
  const depths = quick ? [1_000, 100_000] : [1_000, 10_000, 100_000, 1_000_000];
  const calls = quick ? 300 : 1_000;
  return {
    name: "memory, by depth",
    sends: false,
    variants: depths.map((depth) => throughDeep(depth, calls)),
  };
}

function throughDeep(depth: number, calls: number): Variant {
  let backend: MemoryBackend | undefined;
  return {
    name: `melange, ${depth} in the queue`,
    async prepare() {
      backend ??= await filled(depth);
    },
    async run() {
      const deep = backend as MemoryBackend;
      for (let call = 0; call < calls; call++) {
        await deep.send({ queue: QUEUE }, MESSAGES);
        const deliveries = await deep.receive(QUEUE, RECEIVE);
        await deep.acknowledge(QUEUE, deliveries.map(({ receipt }) => receipt));
      }
      return { count: calls * PER_CALL };
    },
  };
}

async function filled(depth: number): Promise<MemoryBackend> {
  const backend = new MemoryBackend();
  await backend.declareQueue(QUEUE);
  for (let count = 0; count < depth; count += PER_CALL) {
    await backend.send({ queue: QUEUE }, MESSAGES);
  }
  return backend;
}
