import { it } from "@std/testing/bdd";
import { type BackendUnderTest, testBackend } from "../../../backends/conformance/mod.ts";
import { createWorld, type WorldOptions } from "./world.ts";

/** Where the calls of the suite are made, how they reach a queue, and what the channel is like. */
const variants: (WorldOptions & {
  name: string;
  /** Which of how many contexts the suite uses; the first one leads. */
  contexts: number;
  route?: "queue" | "topic";
  rawDelivery?: boolean;
})[] = [
  { name: "alone", contexts: 1 },
  { name: "alone, topic, envelope", contexts: 1, route: "topic", rawDelivery: false },
  { name: "leader of three, topic", contexts: 3, route: "topic", locks: true },
  { name: "follower of three", contexts: -3 },
];

for (const { name, contexts, route = "queue", rawDelivery = true, ...options } of variants) {
  testBackend({
    name: `BroadcastChannelBackend, ${name}`,
    guarantees: {
      redelivers: true,
      ordered: true,
      groups: true,
      delays: true,
      fansOut: true,
      filters: true,
      deduplicates: true,
      durable: false,
      countsAttempts: true,
      deadLetters: true,
      cancelsReceive: true,
      fences: true,
    },
    route,
    rawDelivery,
    test: it,
    patienceMs: Infinity,
    create: () => create(contexts, options),
  });
}

async function create(contexts: number, options: WorldOptions): Promise<BackendUnderTest> {
  const world = createWorld(options);
  world.join();
  await world.clock.advance(1_000);
  for (let i = 1; i < Math.abs(contexts); i++) world.join();
  await world.clock.advance(1_000);
  const used = world.contexts.at(contexts < 0 ? -1 : 0)!;
  return {
    backend: used.backend,
    pass: (ms) => world.clock.advance(ms),
    close: () => world.close(),
  };
}
