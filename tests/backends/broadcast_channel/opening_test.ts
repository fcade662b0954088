import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BroadcastChannelBackend } from "../../../backends/broadcast_channel/mod.ts";
import { VirtualClock } from "../../../backends/memory/testing.ts";
import { createFakeLocks, createNetwork } from "./network.ts";

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

    it("leaves no timer when it is closed before that", async () => {
      const { clock, first, second, tries } = createContexts(Infinity, { locks });
      await Promise.all([first.close(), second.close()]);
      assertEquals(clock.pending, 0);
      await clock.advance(60_000);
      assertEquals(tries(), 1);
    });
  });
}
