import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { OutgoingMessage } from "../../../src/wire/message.ts";
import { measureTraffic, ofKind } from "./traffic.ts";
import { createWorld, type World, type WorldOptions } from "./world.ts";

const QUEUE = "billing";
const TAKE = { max: 10, waitMs: 0, visibilityMs: 30_000 };

async function createScene(options: WorldOptions = {}) {
  const world = createWorld(options);
  for (let i = 0; i < 3; i++) world.join();
  await world.flow(world.contexts[0]!.backend.declareQueue(QUEUE, { subscribeTo: ["orders"] }));
  await world.clock.advance(1_500);
  const leader = world.leader();
  const [follower, other] = world.contexts.filter((each) => each !== leader);
  const traffic = measureTraffic(world.network);
  return { world, traffic, leader, follower: follower!, other: other! };
}

const one: readonly OutgoingMessage[] = [{ body: "b", attributes: {} }];

/** After how many milliseconds a call settles, in steps of one where it may take that long. */
async function timeOf({ clock }: World, call: Promise<unknown>, most: number): Promise<number> {
  const before = clock.now();
  let at: number | undefined;
  const settled = call.finally(() => at = clock.now());
  settled.catch(() => {});
  for (let turn = 0; turn < 3; turn++) await clock.advance(0);
  // Timers fire at their times, so a long step is as exact as short ones.
  if (at === undefined) await clock.advance(most);
  assert(at !== undefined, `is under way after ${most} ms`);
  await settled;
  return at - before;
}

type Frame = { readonly kind: string } & Record<string, unknown>;

/** Loses the first delivery that is like this. */
function loseOnce(world: World, isLike: (frame: Frame, context: string) => boolean): void {
  let isDone = false;
  world.network.loseIf((message, context) => {
    if (isDone || !isLike(message as Frame, context)) return false;
    return isDone = true;
  });
}

describe("BroadcastChannelBackend, a frame that is lost", () => {
  const losses: [
    what: string,
    kind: string,
    whose: "leader" | "follower",
    ms: number,
  ][] = [
    ["a request", "request", "leader", 250],
    ["its answer", "entries", "follower", 250],
  ];
  for (const [what, kind, whose, ms] of losses) {
    it(`${what}: a send, a receive and an acknowledgement settle after ${ms} ms, each done once`, async () => {
      const scene = await createScene();
      const { world, follower } = scene;
      const { backend } = follower;
      const lose = () =>
        loseOnce(world, (frame, context) => frame.kind === kind && context === scene[whose].name);
      lose();
      assertEquals(await timeOf(world, backend.send({ queue: QUEUE }, one), 2_000), ms);
      lose();
      const received = backend.receive(QUEUE, TAKE);
      assertEquals(await timeOf(world, received, 2_000), ms);
      const [delivery, ...more] = await received;
      assertEquals([delivery?.message.attempt, more.length], [1, 0]);
      lose();
      const acknowledged = backend.acknowledge(QUEUE, [delivery!.receipt]);
      assertEquals(await timeOf(world, acknowledged, 2_000), ms);
      assertEquals((await acknowledged).map(({ ok }) => ok), [true]);
      const { available, inFlight } = await world.now(backend.describeQueue(QUEUE));
      assertEquals([available, inFlight], [0, 0]);
      await world.close();
    });
  }

  it("a receive that waits is announced again after 250 ms, whether it or its note was lost", async () => {
    for (const [kind, whose] of [["request", "leader"], ["noted", "follower"]] as const) {
      const scene = await createScene();
      const { world, traffic, leader, follower } = scene;
      loseOnce(world, (frame, context) => frame.kind === kind && context === scene[whose].name);
      const before = world.clock.now();
      const waiting = follower.backend.receive(QUEUE, { ...TAKE, waitMs: 20_000 });
      await world.clock.advance(5_000);
      const times = ofKind(traffic.take(), "request").map(({ at }) => at - before);
      assertEquals(times, [0, 250]);
      await world.now(leader.backend.send({ queue: QUEUE }, one));
      assertEquals((await world.now(waiting)).map(({ message }) => message.attempt), [1]);
      await world.close();
    }
  });

  it("the first of two requests: the leader says at once which one it waits for", async () => {
    const { world, leader, follower } = await createScene();
    loseOnce(world, (frame, context) => frame.kind === "request" && context === leader.name);
    const sends = Array.from({ length: 16 }, (_, i) => {
      return follower.backend.send({ queue: QUEUE }, [{ body: `${i}`, attributes: {} }]);
    });
    assertEquals(await timeOf(world, Promise.all(sends), 2_000), 0);
    const some = await world.now(leader.backend.receive(QUEUE, TAKE));
    assertEquals(some.map(({ message }) => message.body), [..."0123456789"]);
    await world.close();
  });

  it("pulls that are not answered are repeated after 0.25 s, then twice as long each, up to 2 s", async () => {
    const { world, traffic, follower, other } = await createScene();
    let isMissing = false;
    // The first entry, and every answer to a pull.
    world.network.loseIf((message, context) => {
      const { kind, to } = message as Frame;
      if (context !== other.name || kind !== "entries") return false;
      if (to !== undefined) return true;
      const isFirst = !isMissing;
      isMissing = true;
      return isFirst;
    });
    await world.now(follower.backend.send({ queue: QUEUE }, one));
    const before = world.clock.now();
    // What comes meanwhile leads to no other pull.
    const sends = (async () => {
      for (let i = 0; i < 40; i++) {
        await follower.backend.send({ queue: QUEUE }, one);
        await new Promise<void>((resolve) => world.clock.after(100, resolve));
      }
    })();
    await world.clock.advance(6_000);
    await sends;
    const pulls = ofKind(traffic.take(), "pull").map(({ at }) => at - before);
    assertEquals(pulls, [0, 250, 750, 1_750, 3_750, 5_750]);
    world.network.loseIf(() => false);
    await world.clock.advance(2_000);
    assertEquals((await world.now(other.backend.describeQueue(QUEUE))).available, 41);
    await world.close();
  });
});

describe("BroadcastChannelBackend, who does not answer", () => {
  it("is asked for 250 ms, then all are; alone the leader goes on after 1 s more, and at once later", async () => {
    const { world, leader, follower, other } = await createScene();
    const send = () => leader.backend.send({ queue: QUEUE }, one);
    // The one heard of last is asked first.
    await world.clock.advance(10);
    await world.now(follower.backend.describeQueue(QUEUE));
    follower.freeze();
    assertEquals(await timeOf(world, send(), 3_000), 250);
    await world.clock.advance(2_000);
    assertEquals(await timeOf(world, send(), 3_000), 0, "another one is asked from now on");
    other.freeze();
    assertEquals(await timeOf(world, send(), 3_000), 1_250);
    assertEquals(await timeOf(world, send(), 3_000), 0);
    for (const each of [follower, other]) each.thaw();
    await world.clock.advance(2_000);
    assertEquals((await world.now(other.backend.describeQueue(QUEUE))).available, 4);
    await world.close();
  });

  it("who has not got the log yet is not waited for", async () => {
    const { world, leader } = await createScene();
    const late = world.join();
    world.network.loseIf((message, context) =>
      context === late.name && ["entries", "chunk"].includes((message as Frame).kind)
    );
    await world.clock.advance(1_000);
    const early = late.backend.send({ queue: QUEUE }, one);
    await world.clock.advance(10);
    const sent = leader.backend.send({ queue: QUEUE }, one);
    assertEquals(await timeOf(world, sent, 3_000), 0);
    world.network.loseIf(() => false);
    await world.flow(early);
    await world.close();
  });

  it("loses its locks ten seconds after it was heard of last, and not before", async () => {
    const { world, leader, follower } = await createScene();
    await world.now(leader.backend.send({ queue: QUEUE }, one));
    const long = { ...TAKE, visibilityMs: 3_600_000 };
    assertEquals((await world.now(follower.backend.receive(QUEUE, long))).length, 1);
    const before = world.clock.now();
    follower.kill();
    const waiting = leader.backend.receive(QUEUE, { ...TAKE, waitMs: 20_000 });
    await world.clock.advance(20_000);
    const [again] = await waiting;
    assertEquals(again?.message.attempt, 2);
    const at = again!.message.lockedUntil!.getTime() - TAKE.visibilityMs - before;
    // At a beat, which comes each 1.2 s.
    assert(at > 10_000 && at <= 11_200, `after ${at} ms`);
    await world.close();
  });

  it("a leader that ends is replaced after 3.6 s of silence and 0.2 s for objections", async () => {
    const { world, traffic, leader, follower } = await createScene();
    const beats = ofKind(traffic.take(), "beat");
    assertEquals(beats, []);
    await world.clock.advance(1_200);
    const heardAt = ofKind(traffic.take(), "beat")[0]!.at;
    leader.kill();
    await world.clock.advance(3_000);
    assertEquals(follower.backend.role, "follower");
    await world.clock.advance(2_000);
    const posts = traffic.take();
    const claims = ofKind(posts, "claim").map(({ at }) => at - heardAt);
    assertEquals(claims[0], 3_600);
    const beat = ofKind(posts, "beat").find(({ from }) => from !== leader.backend.id);
    assertEquals(beat!.at - heardAt, 3_800);
    await world.close();
  });

  it("each leader has a higher epoch than all before, also where nothing happened between", async () => {
    const { world, traffic } = await createScene();
    await world.clock.advance(1_200);
    for (let left = world.contexts.length; left > 1; left--) {
      world.leader().kill();
      await world.clock.advance(6_000);
    }
    const epochs = ofKind(traffic.take(), "beat").map(({ frame }) => Number(frame.epoch));
    assertEquals(epochs, [...epochs].sort((a, b) => a - b));
    assertEquals(new Set(epochs).size, 3);
    await world.close();
  });

  it("a context alone leads after 0.2 s", async () => {
    const world = createWorld();
    const { backend } = world.join();
    await world.clock.advance(199);
    assertEquals(backend.role, "joining");
    await world.clock.advance(1);
    assertEquals(backend.role, "leader");
    await world.close();
  });

  it("times that are chosen hold: a third of the leader's between beats, and the members'", async () => {
    const world = createWorld({ leaderTimeoutMs: 900, memberTimeoutMs: 2_000 });
    for (let i = 0; i < 2; i++) world.join();
    await world.flow(world.contexts[0]!.backend.declareQueue(QUEUE));
    await world.clock.advance(1_000);
    const leader = world.leader();
    const [follower] = world.contexts.filter((each) => each !== leader);
    const traffic = measureTraffic(world.network);
    await world.clock.advance(9_000);
    assertEquals(ofKind(traffic.take(), "beat").length, 30);
    await world.now(leader.backend.send({ queue: QUEUE }, one));
    const long = { ...TAKE, visibilityMs: 3_600_000 };
    assertEquals((await world.now(follower!.backend.receive(QUEUE, long))).length, 1);
    follower!.kill();
    const waiting = leader.backend.receive(QUEUE, { ...TAKE, waitMs: 20_000 });
    const before = world.clock.now();
    await world.clock.advance(20_000);
    const [again] = await waiting;
    const ms = again!.message.lockedUntil!.getTime() - TAKE.visibilityMs - before;
    assert(ms > 2_000 && ms <= 2_300, `after ${ms} ms`);
    await world.close();
  });
});

describe("BroadcastChannelBackend, parts of a snapshot", () => {
  it("that arrive twice, or name no place, count once", async () => {
    const { world, leader } = await createScene();
    const sends = Array.from(
      { length: 500 },
      () => leader.backend.send({ queue: QUEUE }, [{ body: "x".repeat(1_000), attributes: {} }]),
    );
    await world.flow(Promise.all(sends));
    const seen = new Set<unknown>();
    world.network.loseIf((message) => {
      const chunk = message as Frame;
      if (chunk.kind !== "chunk" || seen.has(chunk.index)) return false;
      seen.add(chunk.index);
      world.network.forge({ ...chunk, index: 99, isLast: false });
      world.network.forge(chunk);
      return false;
    });
    const late = world.join();
    await world.clock.advance(0);
    await world.clock.advance(0);
    assert(seen.size > 4);
    assertEquals((await world.now(late.backend.describeQueue(QUEUE))).available, 500);
    const taken = await world.now(late.backend.receive(QUEUE, TAKE));
    assertEquals(taken.length, 10);
    await world.close();
  });

  it("hold everything: locks, delays, settings, subscriptions, de-duplication, what was settled", async () => {
    const { world, leader, follower } = await createScene();
    const { backend } = leader;
    await world.now(backend.declareQueue("f.fifo", {
      contentBasedDeduplication: true,
      deadLetterQueue: "d.fifo",
      maxReceives: 3,
      visibilityTimeoutMs: 7_000,
      subscribeTo: [{ topic: "t.fifo", filter: { k: ["v"] } }, { topic: "raw.fifo", raw: false }],
    }));
    await world.now(backend.declareTopic("t.fifo", { contentBasedDeduplication: true }));
    const sorted = (body: string): OutgoingMessage => ({
      body,
      attributes: { k: "v" },
      group: "g",
    });
    await world.now(backend.send({ topic: "t.fifo" }, [sorted("1"), sorted("2"), sorted("3")]));
    const [locked] = await world.now(
      follower.backend.receive("f.fifo", { ...TAKE, max: 1, visibilityMs: 3_600_000 }),
    );
    await world.now(
      backend.send({ queue: QUEUE }, [{ body: "late", attributes: {}, delayMs: 60_000 }]),
    );
    await world.now(backend.send({ queue: QUEUE }, [{ body: "gone", attributes: {} }]));
    const [settled] = await world.now(backend.receive(QUEUE, TAKE));
    await world.now(backend.acknowledge(QUEUE, [settled!.receipt]));
    // More entries than one answer holds, so that the next one gets a snapshot.
    const described = Array.from({ length: 500 }, () => backend.describeQueue(QUEUE));
    await world.now(Promise.all(described));
    const late = world.join();
    for (let turn = 0; turn < 4; turn++) await world.clock.advance(0);
    for (const each of [leader, follower]) await each.backend.close();
    for (const each of [...world.contexts]) if (each !== late) each.kill();
    await world.clock.advance(20_000);
    assertEquals(late.backend.role, "leader");
    assertEquals(await world.now(late.backend.describeQueue("f.fifo")), {
      name: "f.fifo",
      address: "f.fifo",
      // Who held one has gone.
      available: 3,
      inFlight: 0,
      delayed: 0,
      visibilityTimeoutMs: 7_000,
      deadLetterQueue: "d.fifo",
      maxReceives: 3,
    });
    const again = await world.now(late.backend.receive("f.fifo", TAKE));
    assertEquals(again.map(({ message }) => [message.body, message.attempt]), [
      ["1", 2],
      ["2", 1],
      ["3", 1],
    ]);
    assertEquals(again[0]?.message.id, locked?.message.id);
    const results = await world.now(late.backend.send({ topic: "t.fifo" }, [sorted("1")]));
    assertEquals(results.map((result) => result.ok && result.sequenceNumber), [
      "00000000000000000001",
    ]);
    const filtered = { ...sorted("4"), attributes: {} };
    await world.now(late.backend.send({ topic: "t.fifo" }, [filtered]));
    const enveloped = { ...sorted("5"), deduplicationId: "5" };
    await world.now(late.backend.send({ topic: "raw.fifo" }, [enveloped]));
    await world.now(
      late.backend.acknowledge("f.fifo", again.map(({ receipt }) => receipt)),
    );
    const [last, ...more] = await world.now(late.backend.receive("f.fifo", TAKE));
    assertEquals(more, []);
    assertEquals(JSON.parse(last!.message.body).Message, "5");
    const { available, delayed } = await world.now(late.backend.describeQueue(QUEUE));
    assertEquals([available, delayed], [0, 1]);
    const known = await world.now(late.backend.acknowledge(QUEUE, [settled!.receipt]));
    assertEquals(known.map(({ ok }) => ok), [true]);
    await world.close();
  });
});

describe("BroadcastChannelBackend.close()", () => {
  it("says so once, and closes its channel", async () => {
    const { world, traffic, follower } = await createScene();
    assertEquals(world.network.openChannels(), 3);
    await follower.backend.close();
    await follower.backend.close();
    assertEquals(world.network.openChannels(), 2);
    assertEquals(ofKind(traffic.take(), "bye").map(({ from }) => from), [follower.backend.id]);
    await world.clock.advance(60_000);
    assertEquals(traffic.take().filter(({ from }) => from === follower.backend.id), []);
    await world.close();
    assertEquals(world.network.openChannels(), 0);
    assertEquals(world.clock.pending, 0);
  });

  it("gives its locks to others at once", async () => {
    const { world, leader, follower } = await createScene();
    await world.now(leader.backend.send({ queue: QUEUE }, one));
    await world.now(follower.backend.receive(QUEUE, TAKE));
    const waiting = leader.backend.receive(QUEUE, { ...TAKE, waitMs: 20_000 });
    await follower.backend.close();
    assertEquals((await world.now(waiting)).map(({ message }) => message.attempt), [2]);
    await world.close();
  });
});
