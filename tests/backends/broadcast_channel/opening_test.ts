import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BroadcastChannelBackend } from "../../../backends/broadcast_channel/mod.ts";
import { VirtualClock } from "../../../backends/memory/testing.ts";
import { MelangeError } from "../../../src/support/errors.ts";
import { createFakeLocks, createNetwork } from "./network.ts";

const TAKE = { max: 10, waitMs: 0, visibilityMs: 30_000 };

/** Contexts of which the second one's channel cannot be opened at first. */
function createContexts(failures: number, options: { locks?: boolean } = {}) {
  const clock = new VirtualClock();
  const network = createNetwork({ clock, random: Math.random });
  const locks = options.locks ? createFakeLocks() : undefined;
  let tries = 0;
  const open = (name: string, refuse: () => boolean) =>
    new BroadcastChannelBackend({
      name: "test",
      channel: (channel) => {
        if (refuse()) throw new Error("Cannot open a channel");
        return network.open(name)(channel);
      },
      locks: locks?.of(name) ?? null,
      clock,
    });
  return {
    clock,
    first: open("first", () => false),
    second: open("second", () => ++tries <= failures),
    tries: () => tries,
  };
}

for (const locks of [false, true]) {
  const how = locks ? "with" : "without";
  describe(`BroadcastChannelBackend whose channel cannot be opened, ${how} Web Locks`, () => {
    it("opens it later, and is one with the others", async () => {
      const { clock, first, second, tries } = createContexts(3, { locks });
      assertEquals(second.role, "joining");
      await clock.advance(5_000);
      assertEquals(tries(), 4);
      assertEquals([first.role, second.role].sort(), ["follower", "leader"]);
      await Promise.all([first.close(), second.close()]);
    });

    it("answers calls that were made before, as one with the others", async () => {
      const { clock, first, second, tries } = createContexts(3, { locks });
      const declared = second.declareQueue("billing");
      const sent = second.send({ queue: "billing" }, [{ body: "early", attributes: {} }]);
      await clock.advance(20_000);
      assertEquals(tries(), 4);
      await declared;
      assert((await sent)[0]?.ok);
      const received = first.receive("billing", TAKE);
      await clock.advance(1_000);
      assertEquals((await received).map(({ message }) => message.body), ["early"]);
      await Promise.all([first.close(), second.close()]);
    });

    it("leaves no timer when it is closed before that", async () => {
      const { clock, first, second, tries } = createContexts(Infinity, { locks });
      await Promise.all([first.close(), second.close()]);
      assertEquals(clock.pending, 0);
      await clock.advance(60_000);
      assertEquals(tries(), 1);
    });

    it("rejects calls clearly when it never can be", async () => {
      const { clock, first, second, tries } = createContexts(Infinity, { locks });
      let isSettled = false;
      const call = second.declareQueue("billing").then(() => undefined, (error) => error)
        .finally(() => isSettled = true);
      await clock.advance(499);
      assertEquals([tries(), isSettled], [100, false]);
      await clock.advance(1);
      assertEquals([tries(), isSettled], [101, true]);
      await clock.advance(60_000);
      assertEquals(tries(), 101);
      const error = await call;
      assertInstanceOf(error, MelangeError);
      assertEquals((error.cause as Error).message, "Cannot open a channel");
      await assertRejects(() => second.describeQueue("billing"), MelangeError);
      await Promise.all([first.close(), second.close()]);
      assertEquals(clock.pending, 0);
    });
  });
}
