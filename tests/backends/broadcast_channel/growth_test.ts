import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { hear, type Peers } from "../../../backends/broadcast_channel/peers.ts";
import { lengthsOf, measureTraffic, ofKind } from "./traffic.ts";
import { createWorld, type World } from "./world.ts";

const QUEUE = "billing";

async function createScene() {
  const world = createWorld();
  for (let i = 0; i < 2; i++) world.join();
  await world.flow(world.contexts[0]!.backend.declareQueue(QUEUE));
  await world.clock.advance(5_000);
  const leader = world.leader();
  const traffic = measureTraffic(world.network);
  const request = {
    version: 1,
    kind: "request",
    to: leader.backend.id,
    ack: 0,
    done: [1, 1],
    first: 1,
    operations: [],
    wants: [],
    cancels: [],
  };
  return { world, leader, traffic, request };
}

/** The parts of a snapshot that a new context gets. */
async function snapshotOf(world: World): Promise<Record<string, unknown>[]> {
  // More entries than one answer holds.
  const { backend } = world.leader();
  const sends = Array.from(
    { length: 500 },
    () => backend.send({ queue: QUEUE }, [{ body: "b", attributes: {} }]),
  );
  await world.flow(Promise.all(sends));
  const traffic = measureTraffic(world.network);
  world.join();
  const chunks = [];
  do {
    await world.clock.advance(0);
    const some = ofKind(traffic.take(), "chunk");
    if (some.length === 0) break;
    chunks.push(...some);
  } while (chunks.length < Number(chunks[0]?.frame.count));
  assertEquals(chunks.length, chunks[0]?.frame.count);
  return chunks.map(({ frame }) => frame.part as Record<string, unknown>);
}

describe("BroadcastChannelBackend, what others can make it keep", () => {
  it("lets a thousand receives wait at a queue, and no more", async () => {
    const { world, traffic, request } = await createScene();
    for (let round = 0; round < 3; round++) {
      const wants = Array.from({ length: 600 }, (_, i) => [round * 600 + i + 1, QUEUE, 1, 0, true]);
      world.network.forge({ ...request, from: "forged", wants });
    }
    await world.clock.advance(0);
    const noted = lengthsOf(ofKind(traffic.take(), "noted"), "wants");
    assertEquals(noted.reduce((sum, length) => sum + length, 0), 1_000);
    await world.close();
  });

  it("remembers 512 outcomes of a context that never says which it knows", async () => {
    const { world, request } = await createScene();
    const operations = Array(600).fill({ kind: "describeQueue", name: QUEUE });
    const wants = Array.from({ length: 600 }, (_, i) => [i + 1, QUEUE, 1, 0, false]);
    world.network.forge({ ...request, from: "forged", operations, wants });
    await world.clock.advance(0);
    const parts = await snapshotOf(world);
    const member = parts.find(({ id }) => id === "forged") as {
      next: number;
      outcomes: [number, unknown][];
      receives: [number, unknown][];
    };
    assertEquals([member.next, member.outcomes.length, member.receives.length], [601, 512, 512]);
    // The latest ones: those before are the ones that it may know.
    assertEquals([member.outcomes[0]?.[0], member.receives[0]?.[0]], [89, 89]);
    await world.close();
  });

  it("forgets the outcomes that a context says it knows, receives apart from all others", async () => {
    const { world, request } = await createScene();
    const operations = Array(20).fill({ kind: "describeQueue", name: QUEUE });
    const wants = Array.from({ length: 20 }, (_, i) => [i + 1, QUEUE, 1, 0, false]);
    world.network.forge({ ...request, from: "forged", operations, wants });
    const later = { operations: operations.slice(0, 1), wants: [[21, QUEUE, 1, 0, false]] };
    world.network.forge({ ...request, from: "forged", ...later, first: 21, done: [11, 16] });
    await world.clock.advance(0);
    const parts = await snapshotOf(world);
    const member = parts.find(({ id }) => id === "forged") as Record<string, [number][]>;
    const numbers = [member.outcomes, member.receives].map((list) => list?.map(([n]) => n));
    assertEquals(numbers, [
      [11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21],
      [16, 17, 18, 19, 20, 21],
    ]);
    await world.close();
  });

  it("remembers a thousand contexts, and forgets first who did nothing for longest", async () => {
    const { world, leader, request } = await createScene();
    const operations = [{ kind: "describeQueue", name: QUEUE }];
    for (let i = 0; i < 1_001; i++) {
      world.network.forge({ ...request, from: `forged-${i}`, operations });
      // One that is heard of again and again stays.
      if (i === 500) {
        world.network.forge({ ...request, from: "forged-0", operations, first: 2 });
      }
    }
    await world.clock.advance(0);
    const members = (await snapshotOf(world)).filter(({ part }) => part === "member");
    const ids = new Set(members.map(({ id }) => id));
    assertEquals(ids.size, 1_000);
    assert(ids.has(leader.backend.id) && ids.has("forged-0") && ids.has("forged-1000"));
    assert(!ids.has("forged-1") && !ids.has("forged-2"));
    await world.close();
  });

  it("takes no operation for a new one that it had before, whoever says it again", async () => {
    const { world } = await createScene();
    const follower = world.contexts.find(({ backend }) => backend.role === "follower")!;
    const take = { max: 1, waitMs: 0, visibilityMs: 30_000 };
    await world.now(follower.backend.send({ queue: QUEUE }, [{ body: "a", attributes: {} }]));
    await world.now(follower.backend.send({ queue: QUEUE }, [{ body: "b", attributes: {} }]));
    assertEquals((await world.now(follower.backend.receive(QUEUE, take))).length, 1);
    const traffic = measureTraffic(world.network);
    for (const message of [...world.network.posted]) {
      if ((message as { kind: string }).kind === "request") world.network.forge(message);
    }
    await world.clock.advance(0);
    assertEquals(
      ofKind(traffic.take(), "entries").filter(({ frame }) =>
        (frame.entries as unknown[]).length > 0
      ),
      [],
    );
    const { available, inFlight } = await world.now(follower.backend.describeQueue(QUEUE));
    assertEquals([available, inFlight], [1, 1]);
    await world.close();
  });

  it("lets a receive wait once, also when it is announced twice", async () => {
    const { world } = await createScene();
    const follower = world.contexts.find(({ backend }) => backend.role === "follower")!;
    const take = { max: 1, waitMs: 10_000, visibilityMs: 30_000 };
    const waiting = follower.backend.receive(QUEUE, take);
    await world.clock.advance(0);
    const announced = world.network.posted.findLast((message) =>
      (message as { kind: string }).kind === "request"
    );
    world.network.forge(announced);
    await world.clock.advance(0);
    const two = ["a", "b"].map((body) => ({ body, attributes: {} }));
    await world.now(world.leader().backend.send({ queue: QUEUE }, two));
    assertEquals((await world.now(waiting)).length, 1);
    const [other] = await world.now(follower.backend.receive(QUEUE, { ...take, waitMs: 0 }));
    assertEquals([other?.message.body, other?.message.attempt], ["b", 1]);
    await world.close();
  });

  it("believes no acknowledgement of what it has not sent", async () => {
    const { world, leader } = await createScene();
    for (const each of world.contexts) if (each !== leader) each.freeze();
    const beat = world.network.posted.findLast((message) =>
      (message as { kind: string }).kind === "beat"
    ) as { epoch: number; seq: number };
    let isSettled = false;
    const sent = leader.backend.send({ queue: QUEUE }, [{ body: "b", attributes: {} }])
      .finally(() => isSettled = true);
    const ack = { version: 1, from: "forged", kind: "ack", epoch: beat.epoch };
    world.network.forge({ ...ack, seq: beat.seq + 2 });
    world.network.forge({ ...ack, seq: beat.seq + 1, epoch: beat.epoch + 1 });
    await world.clock.advance(0);
    assertEquals(isSettled, false);
    world.network.forge({ ...ack, seq: beat.seq + 1 });
    await world.clock.advance(0);
    assertEquals(isSettled, true);
    await sent;
    await world.close();
  });
});

describe("hear()", () => {
  it("takes note of when a context was heard last, and that it is silent no more", () => {
    const peers: Peers = new Map();
    const peer = hear(peers, "a", 1);
    assertEquals(peer, { heardAt: 1, acked: undefined, silent: false });
    peer.acked = 5;
    peer.silent = true;
    assertEquals(hear(peers, "a", 2), { heardAt: 2, acked: 5, silent: false });
    assert(hear(peers, "a", 3) === peer);
  });

  it("knows a thousand, and forgets the quietest one, not the first", () => {
    const peers: Peers = new Map();
    for (let i = 0; i < 1_000; i++) hear(peers, `p${i}`, i);
    hear(peers, "p0", 5_000);
    assertEquals(peers.size, 1_000);
    hear(peers, "new", 5_001);
    assertEquals(peers.size, 1_000);
    assertEquals(["p0", "p1", "p2", "new"].map((id) => peers.has(id)), [true, false, true, true]);
  });
});
