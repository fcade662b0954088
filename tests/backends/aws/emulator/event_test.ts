import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { awsEmulator } from "../../../../backends/aws/emulator/mod.ts";
import { AwsBackend } from "../../../../backends/aws/mod.ts";
import { seededRandom, VirtualClock } from "../../../../backends/memory/testing.ts";
import { defineEvent, typed } from "../../../../src/event/event.ts";
import { EventBus } from "../../../../src/event_bus.ts";
import { until } from "../../../wait.ts";

const Praised = defineEvent("Praised", { topic: "praise", schema: typed<{ text: string }>() });
const TEXTS = ["🙂", "a👩‍🚀z", "漢字 é", "𝒳"];

describe("an event with characters of four bytes", () => {
  for (const integrity of ["body", "all"] as const) {
    it(`goes through the emulator as it is, with the integrity ${integrity}`, async () => {
      const clock = new VirtualClock();
      const { fetch, credentials, region } = awsEmulator({ clock, random: seededRandom(1) });
      const backend = new AwsBackend({ fetch, credentials, region, clock, integrity });
      const bus = new EventBus({ backend, queue: "letters", clock, ackLingerMs: 0 });
      const seen: string[] = [];
      bus.subscribe(Praised, ({ data }) => void seen.push(data.text));
      let declared = false;
      const declaring = bus.declare().then(() => declared = true);
      const pass = async (condition: () => boolean) => {
        await clock.advance(100);
        return condition();
      };
      await until(() => pass(() => declared), { what: "the queue" });
      await declaring;
      bus.start();
      const publishing = Promise.all([
        ...TEXTS.map((text) => bus.publish(Praised({ text }))),
        ...TEXTS.map((text) => bus.publish(Praised({ text }), { queue: "letters" })),
      ]);
      await until(() => pass(() => seen.length === 2 * TEXTS.length), { what: "the events" });
      await publishing;
      assertEquals(seen.toSorted(), [...TEXTS, ...TEXTS].toSorted());
      const stopping = bus.stop();
      let stopped = false;
      void stopping.then(() => stopped = true);
      await until(() => pass(() => stopped), { what: "the end" });
      await backend.close();
    });
  }
});
