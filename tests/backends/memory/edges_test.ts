import { MemoryBackend } from "../../../backends/memory/mod.ts";
import { seededRandom, VirtualClock } from "../../../backends/memory/testing.ts";
import { type Bench, testEdges } from "./edges.ts";

testEdges("MemoryBackend", { create, hasDays: true });

function create(): Promise<Bench> {
  const clock = new VirtualClock();
  const backend = new MemoryBackend({ clock, random: seededRandom(1) });
  return Promise.resolve({ backend, clock, now: (call) => call, close: () => backend.close() });
}
