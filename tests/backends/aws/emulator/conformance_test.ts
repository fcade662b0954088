import { it } from "@std/testing/bdd";
import { awsEmulator } from "../../../../backends/aws/emulator/mod.ts";
import { AwsBackend } from "../../../../backends/aws/mod.ts";
import { testBackend } from "../../../../backends/conformance/mod.ts";
import { seededRandom, VirtualClock } from "../../../../backends/memory/testing.ts";

const { guarantees } = new AwsBackend({ region: "eu-west-1" });

/** Three ways for a message into a queue. */
const routes = [
  { name: "AwsBackend on the emulator, queue", route: "queue" },
  { name: "AwsBackend on the emulator, topic, raw", route: "topic" },
  { name: "AwsBackend on the emulator, topic, envelope", route: "topic", rawDelivery: false },
] as const;

for (const route of routes) {
  testBackend({
    ...route,
    guarantees,
    test: it,
    patienceMs: Infinity,
    create: () => {
      const clock = new VirtualClock();
      const random = seededRandom(1);
      const { fetch, credentials, region } = awsEmulator({ clock, random, region: "eu-west-1" });
      const newBackend = () => new AwsBackend({ fetch, credentials, region, clock, random });
      const backend = newBackend();
      return {
        backend,
        pass: (ms) => clock.advance(ms),
        close: () => backend.close(),
        reopen: () => Promise.resolve(newBackend()),
      };
    },
  });
}
