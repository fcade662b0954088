/** Tabs and workers whose machine's clock is set meanwhile. */
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BroadcastChannelBackend } from "../../../backends/broadcast_channel/mod.ts";
import { seededRandom, VirtualClock } from "../../../backends/memory/testing.ts";
import { createNetwork } from "./network.ts";

const HOUR = 3_600_000;

function createTabs() {
  const clock = new VirtualClock();
  const random = seededRandom(1);
  const network = createNetwork({ clock, random, loss: 0, delayMs: 0 });
  const open = (name: string) =>
    new BroadcastChannelBackend({
      name: "test",
      channel: network.open(name),
      locks: null,
      clock,
      random,
    });
  async function flow<T>(call: Promise<T>): Promise<T> {
    let isSettled = false;
    call.then(() => isSettled = true, () => isSettled = true);
    for (let passed = 0; !isSettled && passed < 60_000; passed += 50) await clock.advance(50);
    return await call;
  }
  return { clock, network, open, flow };
}

describe("a BroadcastChannelBackend, when the clock is set", () => {
  for (const step of [-HOUR, HOUR, -24 * HOUR]) {
    it(`by ${step / HOUR} hours: locks and delays last as long as they should`, async () => {
      const { clock, open, flow } = createTabs();
      const tabs = [open("a"), open("b")];
      await clock.advance(10_000);
      await flow(tabs[0]!.declareQueue("q"));
      const message = { body: "x", attributes: {} };
      await flow(tabs[1]!.send({ queue: "q" }, [message, { ...message, delayMs: 40_000 }]));
      const receive = (waitMs = 0) =>
        flow(tabs[1]!.receive("q", { max: 10, waitMs, visibilityMs: 20_000 }));
      assertEquals((await receive()).length, 1);
      const start = clock.monotonic();
      clock.step(step);
      assertEquals((await receive()).length, 0);
      await clock.advance(start + 19_000 - clock.monotonic());
      assertEquals((await receive()).length, 0);
      assertEquals((await receive(5_000)).length, 1);
      await clock.advance(start + 45_000 - clock.monotonic());
      assertEquals((await receive()).length, 2);
      for (const tab of tabs) await tab.close();
    });

    // Set forward, a tab that opens later sees locks end early when it leads: at least once.
    if (step > 0) continue;
    it(`by ${step / HOUR} hours: who leads next goes on in time`, async () => {
      const { clock, network, open, flow } = createTabs();
      const first = open("a");
      await clock.advance(10_000);
      await flow(first.declareQueue("q"));
      await flow(first.send({ queue: "q" }, [{ body: "x", attributes: {} }]));
      clock.step(step);
      // It has read another time than the first one had when that opened.
      const second = open("b");
      await clock.advance(10_000);
      const locked = await flow(second.receive("q", { max: 1, waitMs: 0, visibilityMs: 30_000 }));
      assertEquals(locked.length, 1);
      network.kill("a");
      const again = await flow(
        second.receive("q", { max: 1, waitMs: 20_000, visibilityMs: 30_000 }),
      );
      assertEquals(again.length, 0);
      const after = await flow(
        second.receive("q", { max: 1, waitMs: 20_000, visibilityMs: 30_000 }),
      );
      assertEquals(after.length, 1);
      await second.close();
    });
  }
});
