import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { OutgoingMessage } from "../../../src/wire/message.ts";
import { measureTraffic, type Post, sizeOf } from "./traffic.ts";
import { type Context, createWorld, type World } from "./world.ts";

const QUEUE = "billing";
const TAKE = { max: 10, waitMs: 0, visibilityMs: 30_000 };
/** No frame has more characters, unless it carries one message alone. */
const LIMIT = 256_000;

async function createScene() {
  const world = createWorld();
  for (let i = 0; i < 2; i++) world.join();
  await world.flow(world.contexts[0]!.backend.declareQueue(QUEUE, { deadLetterQueue: "dead" }));
  await world.clock.advance(5_000);
  const leader = world.leader();
  const [follower] = world.contexts.filter((each) => each !== leader) as [Context];
  return { world, leader, follower, traffic: measureTraffic(world.network) };
}

function message(body: string, more: Partial<OutgoingMessage> = {}): OutgoingMessage {
  return { body, attributes: {}, ...more };
}

function copies<T>(count: number, item: T): T[] {
  return Array(count).fill(item);
}

function expectSmall(posts: readonly Post[]): void {
  const { kind, size } = posts.reduce((a, b) => a.size > b.size ? a : b);
  assert(size <= LIMIT, `a frame "${kind}" of ${size} characters`);
}

/** What a new context hears and says until it is at rest. */
async function joinLate(world: World): Promise<Context> {
  const late = world.join();
  for (let turn = 0; turn < 50; turn++) await world.clock.advance(10);
  return late;
}

/** More entries than one answer holds: who joins gets a snapshot. */
async function fillLog(world: World, { backend }: Context): Promise<void> {
  for (let i = 0; i < 420; i++) void backend.describeQueue(QUEUE);
  await world.now(backend.describeQueue(QUEUE));
}

describe("BroadcastChannelBackend, no frame above 256,000 characters", () => {
  it("who joins after 24 sends of 100,000 gets them in frames of two", async () => {
    for (const sender of ["leader", "follower"] as const) {
      const scene = await createScene();
      const { world, traffic } = scene;
      const { backend } = scene[sender];
      const sends = copies(24, [message("x".repeat(100_000))]);
      await world.now(Promise.all(sends.map((each) => backend.send({ queue: QUEUE }, each))));
      const late = await joinLate(world);
      assertEquals((await world.now(late.backend.describeQueue(QUEUE))).available, 24);
      expectSmall(traffic.take());
      await world.close();
    }
  });

  it("who missed 24 sends of 100,000 gets them in frames of two", async () => {
    const { world, traffic, leader, follower } = await createScene();
    const third = await joinLate(world);
    world.network.loseIf((_, context) => context === third.name);
    const sends = copies(24, [message("x".repeat(100_000))]);
    await world.flow(Promise.all(sends.map((each) => leader.backend.send({ queue: QUEUE }, each))));
    world.network.loseIf(() => false);
    await world.now(follower.backend.send({ queue: QUEUE }, [message("b")]));
    await world.clock.advance(1_000);
    assertEquals((await world.now(third.backend.describeQueue(QUEUE))).available, 25);
    expectSmall(traffic.take());
    await world.close();
  });

  it("one call with ten messages of 100,000 goes in several, in order; so do ten dead letters", async () => {
    const { world, traffic, leader, follower } = await createScene();
    for (const { backend } of [leader, follower]) {
      const bodies = [..."0123456789"].map((each) => each.repeat(100_000));
      const sent = await world.now(backend.send({ queue: QUEUE }, bodies.map((b) => message(b))));
      assertEquals(sent.map(({ ok }) => ok), copies(10, true));
      const some = await world.now(backend.receive(QUEUE, TAKE));
      assertEquals(some.map(({ message }) => message.body[0]).join(""), "0123456789");
      const letters = some.map(({ receipt, message }) => ({ receipt, copy: message }));
      const moved = await world.now(backend.deadLetter(QUEUE, letters));
      assertEquals(moved.map(({ ok }) => ok), copies(10, true));
      const dead = await world.now(backend.receive("dead", TAKE));
      assertEquals(dead.map(({ message }) => message.body), bodies);
    }
    expectSmall(traffic.take());
    await world.close();
  });

  it("one message alone may be larger, and has a frame of its own", async () => {
    const { world, traffic, follower } = await createScene();
    const sends = [message("a"), message("x".repeat(400_000)), message("b")];
    const calls = sends.map((each) => follower.backend.send({ queue: QUEUE }, [each]));
    await world.now(Promise.all(calls));
    await joinLate(world);
    for (const { kind, size, frame } of traffic.take()) {
      if (size <= LIMIT) continue;
      const { operations, entries } = frame as { operations?: unknown[]; entries?: unknown[] };
      assertEquals((operations ?? entries)?.length, 1, kind);
    }
    await world.close();
  });

  it("names of attributes, groups and ids count as bodies do", async () => {
    const name = (i: number) => `${i}-${"n".repeat(250)}`;
    const attributes = Object.fromEntries(
      Array.from(
        { length: 10 },
        (_, i) => [name(i), { type: `String.${"t".repeat(240)}`, value: "v" }],
      ),
    );
    const { world, traffic, leader } = await createScene();
    await world.now(leader.backend.declareQueue("sorted.fifo"));
    // The answers to who missed them are what fills whole frames.
    const third = await joinLate(world);
    world.network.loseIf((_, context) => context === third.name);
    const sends = Array.from({ length: 250 }, (_, i) => {
      const ids = { group: "g".repeat(128), deduplicationId: String(i).padStart(128, "d") };
      return leader.backend.send({ queue: "sorted.fifo" }, [message("b", { attributes, ...ids })]);
    });
    await world.now(Promise.all(sends));
    world.network.loseIf(() => false);
    await world.clock.advance(5_000);
    assertEquals((await world.now(third.backend.describeQueue("sorted.fifo"))).available, 250);
    expectSmall(traffic.take());
    await world.close();
  });

  it("a snapshot of what is de-duplicated, settled and subscribed is cut, and is whole again", async () => {
    const { world, traffic, leader, follower } = await createScene();
    const [fifo, topic] = ["sorted.fifo", "orders.fifo"];
    const policy = { kind: Array.from({ length: 100 }, (_, i) => `${i}-${"k".repeat(80)}`) };
    await world.now(leader.backend.declareQueue(fifo, { subscribeTo: [topic] }));
    for (let i = 0; i < 20; i++) {
      const subscribeTo = [{ topic, filter: policy }];
      await world.now(leader.backend.declareQueue(`other-${i}.fifo`, { subscribeTo }));
    }
    const idOf = (i: number) => String(i).padStart(128, "d");
    for (let i = 0; i < 2_000; i += 10) {
      const ten = Array.from(
        { length: 10 },
        (_, j) => message("b", { group: `g-${j}`, deduplicationId: idOf(i + j) }),
      );
      void leader.backend.send({ topic }, ten);
      const some = await world.now(leader.backend.receive(fifo, TAKE));
      await world.now(leader.backend.acknowledge(fifo, some.map(({ receipt }) => receipt)));
    }
    traffic.take();
    const late = await joinLate(world);
    const posts = traffic.take();
    assert(posts.some(({ kind }) => kind === "chunk"));
    expectSmall(posts);
    // It leads from now on, with what it got.
    await leader.backend.close();
    await follower.backend.close();
    world.contexts.splice(0, 2);
    await world.clock.advance(10_000);
    for (const i of [0, 1_999]) {
      await world.flow(late.backend.send({ topic }, [
        message("b", { group: "g", deduplicationId: idOf(i) }),
      ]));
    }
    assertEquals((await world.flow(late.backend.describeQueue(fifo))).available, 0);
    const matching = message("b", {
      group: "g",
      deduplicationId: "new",
      attributes: { kind: policy.kind[0]! },
    });
    await world.flow(late.backend.send({ topic }, [matching]));
    assertEquals((await world.flow(late.backend.describeQueue("other-19.fifo"))).available, 1);
    await world.close();
  });

  it("a snapshot of what became of many calls is cut, and is whole again", async () => {
    const { world, traffic, leader } = await createScene();
    const operations = Array.from({ length: 500 }, (_, i) => [
      "send",
      "queue",
      QUEUE,
      false,
      `${i}`.padStart(36, "0"),
      copies(10, ["b", {}]),
    ]);
    const forged = { version: 1, from: "forged", kind: "request", to: leader.backend.id };
    world.network.forge({
      ...forged,
      ack: 0,
      done: [1, 1],
      first: 1,
      operations,
      wants: [],
      cancels: [],
    });
    await world.clock.advance(1_000);
    await fillLog(world, leader);
    traffic.take();
    const late = await joinLate(world);
    const posts = traffic.take();
    const parts = posts.filter(({ kind }) => kind === "chunk").map(({ frame }) => frame.part) as {
      id?: string;
      outcomes: unknown[];
    }[];
    const members = parts.filter(({ id }) => id === "forged");
    assert(members.length > 1);
    assertEquals(members.reduce((sum, { outcomes }) => sum + outcomes.length, 0), 500);
    expectSmall(posts);
    assertEquals((await world.now(late.backend.describeQueue(QUEUE))).available, 5_000);
    await world.close();
  });

  it("many receives in one turn, and the end of all of them, go in several", async () => {
    const { world, traffic, leader, follower } = await createScene();
    const arn = (queue: string) => `arn:aws:sqs:${"r".repeat(180)}:0:${queue}`;
    for (let i = 0; i < 3; i++) await world.now(leader.backend.declareQueue(`q-${i}`));
    const stop = new AbortController();
    const { signal } = stop;
    const waits = Array.from(
      { length: 2_400 },
      (_, i) =>
        follower.backend.receive(arn(`q-${i % 3}`), { ...TAKE, max: 1, waitMs: 20_000, signal })
          .catch(() => []),
    );
    await world.clock.advance(0);
    for (let i = 0; i < 3; i++) {
      await world.now(leader.backend.send({ queue: `q-${i}` }, [message("b")]));
    }
    const got = waits.slice(0, 3);
    assertEquals((await world.now(Promise.all(got))).map(({ length }) => length), [1, 1, 1]);
    stop.abort(new Error("enough"));
    await world.clock.advance(100);
    // Nobody waits any more: what is sent stays.
    for (let i = 0; i < 3; i++) {
      await world.now(leader.backend.send({ queue: `q-${i}` }, [message("b")]));
      const { available } = await world.now(leader.backend.describeQueue(`q-${i}`));
      assertEquals(available, 1);
    }
    expectSmall(traffic.take());
    await world.close();
  });

  it("is measured: a frame with 300,000 characters of names has them", () => {
    assertEquals(sizeOf({ ["n".repeat(300_000)]: "" }), 300_000);
  });
});
