import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Delivery } from "../../../src/backend.ts";
import { MelangeError } from "../../../src/support/errors.ts";
import { untilEmpty } from "../../wait.ts";
import { type Context, createWorld, type World } from "./world.ts";

const QUEUE = "billing";
const TAKE = { max: 10, waitMs: 0, visibilityMs: 30_000 };

/** A world of some contexts that know one queue. */
async function worldOf(
  count: number,
  options: Parameters<typeof createWorld>[0] = {},
): Promise<World> {
  const world = createWorld(options);
  for (let i = 0; i < count; i++) world.join();
  await world.flow(world.contexts[0]!.backend.declareQueue(QUEUE, { subscribeTo: ["orders"] }));
  await world.clock.advance(2_000);
  return world;
}

function followerOf(world: World): Context {
  const found = world.contexts.find(({ backend }) => backend.role === "follower");
  if (!found) throw new Error("Nobody follows");
  return found;
}

async function sendAll(
  world: World,
  { backend }: Context,
  bodies: readonly string[],
): Promise<void> {
  const calls = [];
  for (let at = 0; at < bodies.length; at += 10) {
    const messages = bodies.slice(at, at + 10).map((body) => ({ body, attributes: {} }));
    calls.push(backend.send({ queue: QUEUE }, messages));
  }
  for (const result of (await world.flow(Promise.all(calls))).flat()) assert(result.ok);
}

function drain(world: World, { backend }: Context): Promise<Delivery[]> {
  return untilEmpty(async () => {
    const some = await world.flow(backend.receive(QUEUE, TAKE));
    await world.flow(backend.acknowledge(QUEUE, some.map(({ receipt }) => receipt)));
    return some;
  }, { what: `the messages in ${QUEUE}` });
}

function bodiesOf(deliveries: readonly Delivery[]): string[] {
  return deliveries.map(({ message }) => message.body);
}

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `m-${String(i).padStart(5, "0")}`);
}

for (const locks of [false, true]) {
  describe(`BroadcastChannelBackend, several contexts, ${locks ? "with" : "without"} Web Locks`, () => {
    it("has one leader, however many join at once", async () => {
      const world = await worldOf(20, { locks });
      assertEquals(world.contexts.filter(({ backend }) => backend.role === "leader").length, 1);
      assertEquals(world.contexts.filter(({ backend }) => backend.role === "follower").length, 19);
      await world.close();
    });

    it("shows the topology and the backlog to those who join later", async () => {
      const world = await worldOf(2, { locks });
      // More than a log of some entries: the late one gets a snapshot.
      const bodies = numbered(600);
      const calls = bodies.map((body) =>
        world.leader().backend.send({ queue: QUEUE }, [{ body, attributes: {} }])
      );
      await world.flow(Promise.all(calls));
      const late = world.join();
      assertEquals(bodiesOf(await drain(world, late)), bodies);
      await world.close();
    });

    it("keeps what it accepted when the leader ends without a word", async () => {
      const world = await worldOf(3, { locks });
      await sendAll(world, world.leader(), numbered(50));
      await sendAll(world, followerOf(world), numbered(100).slice(50));
      world.leader().kill();
      assertEquals(bodiesOf(await drain(world, followerOf(world))).sort(), numbered(100));
      await world.close();
    });

    it("keeps what the last context knows when all others end one by one", async () => {
      const world = await worldOf(4, { locks });
      await sendAll(world, world.leader(), numbered(30));
      for (let left = 4; left > 1; left--) {
        world.leader().kill();
        await world.clock.advance(6_000);
      }
      assertEquals(bodiesOf(await drain(world, world.contexts[0]!)), numbered(30));
      await world.close();
    });

    it("takes over at once from a leader that closes", async () => {
      const world = await worldOf(3, { locks });
      await sendAll(world, followerOf(world), numbered(10));
      const before = world.clock.now();
      const leader = world.leader();
      world.contexts.splice(world.contexts.indexOf(leader), 1);
      await leader.backend.close();
      assertEquals(bodiesOf(await drain(world, world.contexts[0]!)), numbered(10));
      assert(world.clock.now() - before < 1_500, `took ${world.clock.now() - before} ms`);
      await world.close();
    });

    it("gives to others what a context held that ended", async () => {
      const world = await worldOf(3, { locks });
      const consumer = followerOf(world);
      await sendAll(world, world.leader(), numbered(10));
      assertEquals((await world.flow(consumer.backend.receive(QUEUE, TAKE))).length, 10);
      consumer.kill();
      const before = world.clock.now();
      const waiting = world.leader().backend.receive(QUEUE, { ...TAKE, waitMs: 20_000 });
      const again = await world.flow(waiting);
      assertEquals(bodiesOf(again), numbered(10));
      assertEquals(again[0]?.message.attempt, 2);
      const took = world.clock.now() - before;
      assert(took < (locks ? 2_500 : 14_000), `took ${took} ms`);
      await world.close();
    });

    it("gives to others what the leader held that ended", async () => {
      const world = await worldOf(3, { locks });
      const leader = world.leader();
      await sendAll(world, leader, numbered(10));
      assertEquals((await world.flow(leader.backend.receive(QUEUE, TAKE))).length, 10);
      leader.kill();
      const before = world.clock.now();
      const { backend } = world.contexts[0]!;
      const again = await world.flow(backend.receive(QUEUE, { ...TAKE, waitMs: 20_000 }));
      assertEquals(bodiesOf(again), numbered(10));
      const took = world.clock.now() - before;
      assert(took < (locks ? 500 : 4_500), `took ${took} ms`);
      await world.close();
    });

    it("deposes a leader that froze, which then neither acknowledges nor loses anything", async () => {
      const world = await worldOf(3, { locks });
      const old = world.leader();
      await sendAll(world, old, numbered(20));
      const held = await world.flow(old.backend.receive(QUEUE, TAKE));
      old.freeze();
      await world.clock.advance(30_000);
      const others = world.contexts.filter((context) => context !== old);
      assertEquals(others.filter(({ backend }) => backend.role === "leader").length, 1);
      const again = await drain(world, others[0]!);
      assertEquals(bodiesOf(again).sort(), numbered(20));
      await sendAll(world, others[0]!, ["new"]);
      old.thaw();
      const receipts = held.map(({ receipt }) => receipt);
      const results = await world.flow(old.backend.acknowledge(QUEUE, receipts));
      for (const result of results) assertEquals(result.ok ? "" : result.error.code, "LOCK_LOST");
      assertEquals(old.backend.role, "follower");
      assertEquals(bodiesOf(await drain(world, old)), ["new"]);
      await world.close();
    });

    it("does not believe a leader that froze before it has heard of the others", async () => {
      const world = await worldOf(3, { locks });
      const old = world.leader();
      old.freeze();
      await world.clock.advance(30_000);
      old.wake();
      const described = old.backend.describeQueue(QUEUE);
      await world.clock.advance(10);
      assertEquals(old.backend.role, "joining");
      old.thaw();
      assertEquals((await world.flow(described)).available, 0);
      assertEquals(old.backend.role, "follower");
      await world.close();
    });

    it("keeps what a leader accepted while nobody else answered, also if it is deposed", async () => {
      const world = await worldOf(3, { locks });
      const old = world.leader();
      const others = world.contexts.filter((context) => context !== old);
      for (const other of others) other.freeze();
      await sendAll(world, old, ["alone"]);
      old.freeze();
      for (const other of others) {
        other.lose();
        other.thaw();
      }
      await world.clock.advance(10_000);
      await sendAll(world, others[0]!, ["meanwhile"]);
      old.thaw();
      await world.clock.advance(5_000);
      assertEquals(old.backend.role, "follower");
      assertEquals(bodiesOf(await drain(world, others[0]!)).sort(), ["alone", "meanwhile"]);
      await world.close();
    });

    it("sends once what a frozen leader could not send", async () => {
      const world = await worldOf(3, { locks });
      const old = world.leader();
      old.freeze();
      const sent = old.backend.send({ queue: QUEUE }, [{ body: "late", attributes: {} }]);
      await world.clock.advance(30_000);
      old.thaw();
      assert((await world.flow(sent))[0]?.ok);
      assertEquals(bodiesOf(await drain(world, followerOf(world))), ["late"]);
      await world.close();
    });

    it("loses, doubles and reorders nothing where a third of all deliveries is lost", async () => {
      const world = await worldOf(4, { locks, loss: 0.3, seed: 7 });
      const fifo = "sorted.fifo";
      const [a, b] = [world.contexts[0]!, world.contexts[1]!];
      await world.flow(a.backend.declareQueue(fifo));
      const calls = numbered(60).flatMap((body, i) =>
        [a, b].map(({ backend }, which) =>
          backend.send({ queue: fifo }, [{
            body,
            attributes: {},
            group: `g-${which}`,
            deduplicationId: `d-${which}-${i}`,
          }])
        )
      );
      await world.flow(Promise.all(calls));
      const orders: Record<string, string[]> = {};
      const reader = world.contexts[2]!;
      // Until nothing comes any more: one more than was sent would come, too.
      await untilEmpty(async () => {
        const some = await world.flow(reader.backend.receive(fifo, { ...TAKE, waitMs: 15_000 }));
        for (const { message } of some) (orders[message.group ?? ""] ??= []).push(message.body);
        const receipts = some.map(({ receipt }) => receipt);
        await world.flow(reader.backend.acknowledge(fifo, receipts));
        return some;
      }, { what: "messages" });
      assertEquals(orders, { "g-0": numbered(60), "g-1": numbered(60) });
      const { available, inFlight, delayed } = await world.flow(reader.backend.describeQueue(fifo));
      assertEquals([available, inFlight, delayed], [0, 0, 0]);
      await world.close();
    });

    it("sends and hands out once what nothing de-duplicates, where a third of all deliveries is lost", async () => {
      const world = await worldOf(4, { locks, loss: 0.3, seed: 11 });
      const [a, b] = [world.contexts[0]!, world.contexts[1]!];
      const bodies = numbered(120);
      const calls = bodies.map((body, i) =>
        (i % 2 === 0 ? a : b).backend.send({ queue: QUEUE }, [{ body, attributes: {} }])
      );
      await world.flow(Promise.all(calls));
      const all: Delivery[] = [];
      for (const { backend } of [...world.contexts, ...world.contexts]) {
        const some = await world.flow(backend.receive(QUEUE, TAKE));
        all.push(...some);
        const receipts = some.map(({ receipt }) => receipt);
        for (const { ok } of await world.flow(backend.acknowledge(QUEUE, receipts))) assert(ok);
      }
      all.push(...await drain(world, world.contexts[2]!));
      assertEquals(bodiesOf(all).sort(), bodies);
      const { available, inFlight } = await world.flow(a.backend.describeQueue(QUEUE));
      assertEquals([available, inFlight], [0, 0]);
      await world.close();
    });

    it("says at most one word a second while nothing happens", async () => {
      const world = await worldOf(8, { locks });
      const polls = world.contexts.map(async ({ backend }) => {
        for (let i = 0; i < 3; i++) await backend.receive(QUEUE, { ...TAKE, waitMs: 20_000 });
      });
      await world.clock.advance(5_000);
      const before = world.network.posted.length;
      await world.clock.advance(50_000);
      const words = world.network.posted.length - before;
      assert(words <= 50, `${words} messages in 50 s`);
      await world.flow(Promise.all(polls));
      await world.close();
    });
  });
}

/** How long it takes, in virtual time, until a message that waits is received again. */
async function recoveryMs(options: Parameters<typeof createWorld>[0]): Promise<number> {
  const world = await worldOf(4, options);
  await sendAll(world, world.leader(), ["waits"]);
  const before = world.clock.now();
  world.leader().kill();
  const [again] = await world.flow(world.contexts[0]!.backend.receive(QUEUE, TAKE));
  assertEquals(again?.message.body, "waits");
  await world.close();
  return world.clock.now() - before;
}

describe("BroadcastChannelBackend, recovery from the end of the leader", () => {
  const bounds: [string, Parameters<typeof createWorld>[0], number][] = [
    ["4 s without Web Locks", {}, 4_000],
    ["0.3 s with Web Locks", { locks: true }, 300],
    ["6 s where timers fire once a second", { throttleMs: 1_000 }, 6_000],
    ["0.3 s where timers fire once a second, with Web Locks", {
      throttleMs: 1_000,
      locks: true,
    }, 300],
    ["0.3 s where timers fire once a minute, with Web Locks", {
      throttleMs: 60_000,
      locks: true,
    }, 300],
  ];
  for (const [bound, options, ms] of bounds) {
    it(`takes at most ${bound}`, async () => {
      const took = await recoveryMs(options);
      assert(took <= ms, `took ${took} ms`);
    });
  }
});

describe("BroadcastChannelBackend, several contexts", () => {
  it("brings two groups together that could not hear each other, and loses nothing", async () => {
    const world = await worldOf(2);
    const [first, second] = world.contexts as [Context, Context];
    await sendAll(world, first, numbered(10));
    // The second one hears nothing for so long that it founds a group of its own.
    first.freeze();
    await world.clock.advance(20_000);
    await sendAll(world, second, ["apart"]);
    first.thaw();
    await world.clock.advance(10_000);
    world.leader();
    assertEquals(bodiesOf(await drain(world, first)).sort(), ["apart", ...numbered(10)].sort());
    await world.close();
  });

  it("close() rejects what is under way", async () => {
    const world = await worldOf(2);
    const { backend } = followerOf(world);
    const waiting = backend.receive(QUEUE, { ...TAKE, waitMs: 20_000 });
    const sending = backend.send({ queue: QUEUE }, [{ body: "b", attributes: {} }]);
    await backend.close();
    for (const call of [waiting, sending]) {
      const error = await assertRejects(() => call, MelangeError);
      assertEquals(error.code, "CLOSED");
    }
    await world.close();
    assertEquals(world.clock.pending, 0);
  });
});

describe("BroadcastChannelBackend, a leader whose lock is free", () => {
  it("is replaced at once, though it objects", async () => {
    const world = await worldOf(4, { locks: true });
    const before = world.leader();
    await sendAll(world, before, ["b"]);
    before.unlock();
    await world.clock.advance(100);
    assertEquals(before.backend.role, "follower");
    assert(world.leader() !== before);
    assertEquals(bodiesOf(await drain(world, world.leader())), ["b"]);
    await world.close();
  });
});
