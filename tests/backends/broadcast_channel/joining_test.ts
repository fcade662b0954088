import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BroadcastChannelBackend } from "../../../backends/broadcast_channel/mod.ts";
import { VirtualClock } from "../../../backends/memory/testing.ts";
import type { Clock } from "../../../src/support/clock.ts";
import { createNetwork } from "./network.ts";
import { countKinds, measureTraffic } from "./traffic.ts";
import { createWorld, type World } from "./world.ts";

const SEEDS = Array.from({ length: 20 }, (_, seed) => seed + 1);

function leadersIn({ contexts }: World): number {
  return contexts.filter(({ backend }) => backend.role === "leader").length;
}

/** Lets some contexts join at these times, each with calls under way from its first moment. */
async function joinAndCall(world: World, times: readonly number[]): Promise<void> {
  const queues = times.map((_, place) => `q-${place}`);
  const calls = times.map(async (at, place) => {
    await new Promise<void>((resolve) => world.clock.after(at, resolve));
    const { backend } = world.join();
    await backend.declareQueue(`q-${place}`);
    assertEquals(leadersIn(world), 1, "when a call returns");
    await backend.send({ queue: `q-${place}` }, [{ body: "b", attributes: {} }]);
  });
  await world.flow(Promise.all(calls));
  const described = world.contexts.flatMap(({ backend }) =>
    queues.map((queue) => backend.describeQueue(queue))
  );
  for (const { name, available } of await world.flow(Promise.all(described))) {
    assertEquals(available, 1, name);
  }
}

describe("BroadcastChannelBackend, contexts that join at once, without Web Locks", () => {
  const scenes: [what: string, delayMs: number, timesOf: (random: () => number) => number[]][] = [
    ["two in one turn", 0, () => [0, 0]],
    ["eight in one turn", 0, () => Array(8).fill(0)],
    ["two in one turn, a slow channel", 90, () => [0, 0]],
    ["two at any times", 40, (random) => [0, random() * 300]],
    ["five at any times", 90, (random) => Array.from({ length: 5 }, () => random() * 400)],
    ["two, one as the other begins to lead", 10, (random) => [0, 190 + random() * 20]],
  ];
  for (const [what, delayMs, timesOf] of scenes) {
    it(`${what}: one leads before any call returns`, async () => {
      // Those of many take long.
      for (const seed of timesOf(() => 0).length > 2 ? SEEDS.slice(0, 6) : SEEDS) {
        const world = createWorld({ seed, delayMs });
        await joinAndCall(world, timesOf(world.random));
        await world.close();
      }
    });
  }

  it("one alone leads after 0.2 s, and says its claim twice", async () => {
    const world = createWorld();
    const traffic = measureTraffic(world.network);
    const { backend } = world.join();
    await world.clock.advance(199);
    assertEquals(backend.role, "joining");
    await world.clock.advance(1);
    assertEquals(backend.role, "leader");
    assertEquals(countKinds(traffic.take()), { beat: 1, claim: 2 });
    await world.close();
  });

  it("twenty in one turn say few words", async () => {
    const world = createWorld();
    const traffic = measureTraffic(world.network);
    for (let i = 0; i < 20; i++) world.join();
    await world.flow(world.contexts[0]!.backend.declareQueue("billing"));
    await world.clock.advance(1_000);
    const { claim = 0, vote = 0 } = countKinds(traffic.take());
    assert(claim <= 70 && vote <= 500, `${claim} claims, ${vote} votes`);
    await world.close();
  });

  it("the first claims are lost: the second ones decide", async () => {
    for (const seed of SEEDS.slice(0, 10)) {
      const world = createWorld({ seed });
      const before = world.clock.now();
      world.network.loseIf(() => world.clock.now() < before + 90);
      await joinAndCall(world, [0, 0]);
      await world.close();
    }
  });

  it("the second claims are lost: the objection to the worse first one decides", async () => {
    for (const seed of SEEDS) {
      const world = createWorld({ seed, delayMs: 5 });
      const before = world.clock.now();
      world.network.loseIf(() => Math.abs(world.clock.now() - before - 100) < 10);
      await joinAndCall(world, [0, 0]);
      await world.close();
    }
  });

  it("one whose thread was blocked until its claim was over listens again before it leads", async () => {
    for (const seed of SEEDS.slice(0, 10)) {
      const world = createWorld({ seed });
      const first = world.join();
      const second = world.join();
      const declared = [first, second].map(async ({ backend }, i) => {
        await backend.declareQueue(`q-${i}`);
        assertEquals(leadersIn(world), 1, "when a call returns");
      });
      await world.clock.advance(0);
      // It hears what was said only after its timers, as Node does.
      second.freeze();
      await world.clock.advance(400);
      second.wake();
      await world.clock.advance(0);
      second.thaw();
      await world.flow(Promise.all(declared));
      assertEquals(leadersIn(world), 1);
      for (const { backend } of [first, second]) {
        await world.flow(backend.describeQueue("q-0"));
        await world.flow(backend.describeQueue("q-1"));
      }
      await world.close();
    }
  });

  it("one whose timers are always late leads all the same", async () => {
    const clock = new VirtualClock();
    const network = createNetwork({ clock, random: Math.random });
    const late: Clock = {
      now: () => clock.now(),
      after: (ms, callback) => clock.after(ms + 1_000, callback),
    };
    const options = { name: "test", channel: network.open("only"), locks: null, clock: late };
    const backend = new BroadcastChannelBackend(options);
    await clock.advance(10_000);
    assertEquals(backend.role, "leader");
    await backend.close();
  });
});
