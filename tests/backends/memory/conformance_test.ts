import { it } from "@std/testing/bdd";
import { testBackend } from "../../../backends/conformance/mod.ts";
import { MemoryBackend } from "../../../backends/memory/mod.ts";
import { seededRandom, VirtualClock } from "../../../backends/memory/testing.ts";

const { guarantees } = new MemoryBackend();

/** Three ways for a message into a queue. */
const routes = [
  { name: "MemoryBackend, queue", route: "queue" },
  { name: "MemoryBackend, topic, raw", route: "topic" },
  { name: "MemoryBackend, topic, envelope", route: "topic", rawDelivery: false },
] as const;

for (const route of routes) {
  testBackend({
    ...route,
    guarantees,
    test: it,
    patienceMs: Infinity,
    create: () => {
      const clock = new VirtualClock();
      const backend = new MemoryBackend({ clock, random: seededRandom(1) });
      return { backend, pass: (ms) => clock.advance(ms), close: () => backend.close() };
    },
  });
}
