import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { BroadcastChannelLike } from "../../../backends/broadcast_channel/channel.ts";
import { BroadcastChannelBackend } from "../../../backends/broadcast_channel/mod.ts";

/** Calls `use` while all timers are ones that never fire; counts those made and those let go. */
function withCountedTimers(use: () => void): { made: number; unreferenced: number } {
  const counts = { made: 0, unreferenced: 0 };
  const { setTimeout, clearTimeout } = globalThis;
  const set = () => {
    counts.made += 1;
    return { unref: () => void (counts.unreferenced += 1) };
  };
  Object.assign(globalThis, { setTimeout: set, clearTimeout: () => {} });
  try {
    use();
  } finally {
    Object.assign(globalThis, { setTimeout, clearTimeout });
  }
  return counts;
}

/** Opens a backend and closes it; tells its timers, and how many of its channels were let go. */
function open(options: { keepsAlive?: boolean }) {
  let channels = 0;
  const channel = (): BroadcastChannelLike => ({
    onmessage: null,
    postMessage() {},
    close() {},
    unref: () => void (channels += 1),
  });
  const timers = withCountedTimers(() => {
    void new BroadcastChannelBackend({ name: "test", locks: null, channel, ...options }).close();
  });
  return { ...timers, channels };
}

describe("BroadcastChannelBackend, keepsAlive", () => {
  it("by default neither a timer nor the channel lets the process end", () => {
    for (const options of [{}, { keepsAlive: true }]) {
      const { made, unreferenced, channels } = open(options);
      assert(made > 0);
      assertEquals([unreferenced, channels], [0, 0]);
    }
  });

  it("off, all timers and the channel let the process end", () => {
    const { made, unreferenced, channels } = open({ keepsAlive: false });
    assert(made > 0);
    assertEquals([unreferenced, channels], [made, 1]);
  });
});
