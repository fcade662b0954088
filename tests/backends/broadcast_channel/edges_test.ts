import { type Bench, testEdges } from "../memory/edges.ts";
import { createWorld } from "./world.ts";

testEdges("BroadcastChannelBackend, alone", { create: () => create(1), hasDays: false });
testEdges("BroadcastChannelBackend, a follower", { create: () => create(2), hasDays: false });

async function create(contexts: number): Promise<Bench> {
  const world = createWorld();
  world.join();
  await world.clock.advance(1_000);
  if (contexts > 1) world.join();
  await world.clock.advance(100);
  const { backend } = world.contexts.at(-1)!;
  return { backend, clock: world.clock, now: world.now, close: world.close };
}
