import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Delivery } from "../../../src/backend.ts";
import type { OutgoingMessage } from "../../../src/wire/message.ts";
import { countKinds, lengthsOf, measureTraffic, ofKind, type Post, sizeOf } from "./traffic.ts";
import { type Context, createWorld } from "./world.ts";

const QUEUE = "billing";
const TAKE = { max: 10, waitMs: 0, visibilityMs: 30_000 };
/** What a frame with several operations may take, in characters. */
const FRAME_SIZE = 256_000;
/** What a part of a snapshot with several messages may take, and what is around it. */
const PART_SIZE = 128_500;

/** Three contexts on a channel that is measured, at rest; what is said takes no time. */
async function createScene(options: { delayMs?: number } = {}) {
  const world = createWorld(options);
  for (let i = 0; i < 3; i++) world.join();
  await world.flow(world.contexts[0]!.backend.declareQueue(QUEUE, { deadLetterQueue: "dead" }));
  await world.clock.advance(1_500);
  const leader = world.leader();
  const [follower, other] = world.contexts.filter((each) => each !== leader);
  const traffic = measureTraffic(world.network);
  return { world, traffic, leader, follower: follower!, other: other! };
}

function message(body: string, more: Partial<OutgoingMessage> = {}): OutgoingMessage {
  return { body, attributes: {}, ...more };
}

function sendEach({ backend }: Context, messages: readonly OutgoingMessage[]): Promise<unknown> {
  return Promise.all(messages.map((each) => backend.send({ queue: QUEUE }, [each])));
}

function many(count: number, body: string = "b"): OutgoingMessage[] {
  return Array.from({ length: count }, () => message(body));
}

const receipts = (deliveries: readonly Delivery[]) => deliveries.map(({ receipt }) => receipt);

function largest(posts: readonly Post[]): number {
  return Math.max(...posts.map(({ size }) => size));
}

/** The entries that a frame carries, as operations: the last field of each row. */
function operationsIn(posts: readonly Post[]): unknown[] {
  return ofKind(posts, "entries").flatMap(({ frame }) => frame.entries as unknown[]);
}

describe("measureTraffic()", () => {
  it("counts the characters of everything, names of fields included", () => {
    assertEquals(sizeOf({ ab: ["xyz", 10, true, new Uint8Array(7)], c: { d: "" } }), 20);
  });
});

describe("BroadcastChannelBackend, frames on the channel", () => {
  it("a send, a receive and an acknowledgement cost two frames each, for who leads and who follows", async () => {
    const { world, traffic, leader, follower } = await createScene();
    const costs = [
      [leader, { ack: 1, entries: 1 }],
      [follower, { entries: 1, request: 1 }],
    ] as const;
    for (const [{ backend }, expected] of costs) {
      await world.now(backend.send({ queue: QUEUE }, many(10)));
      assertEquals(countKinds(traffic.take()), expected, "send");
      const some = await world.now(backend.receive(QUEUE, TAKE));
      assertEquals(some.length, 10);
      assertEquals(countKinds(traffic.take()), expected, "receive");
      await world.now(backend.release(QUEUE, [{ receipt: some[0]!.receipt, delayMs: 0 }]));
      assertEquals(countKinds(traffic.take()), expected, "release");
      const extension = { receipt: some[1]!.receipt, visibilityMs: 60_000 };
      await world.now(backend.extend(QUEUE, [extension]));
      assertEquals(countKinds(traffic.take()), expected, "extend");
      await world.now(backend.acknowledge(QUEUE, receipts(some.slice(1))));
      assertEquals(countKinds(traffic.take()), expected, "acknowledge");
      await world.now(backend.describeQueue(QUEUE));
      assertEquals(countKinds(traffic.take()), expected, "describe");
    }
    await world.close();
  });

  it("a receive that waits is announced once, and served with one frame", async () => {
    const { world, traffic, leader, follower } = await createScene();
    const waiting = follower.backend.receive(QUEUE, { ...TAKE, waitMs: 20_000 });
    await world.clock.advance(0);
    assertEquals(countKinds(traffic.take()), { noted: 1, request: 1 });
    await world.clock.advance(10_000);
    assertEquals(ofKind(traffic.take(), "request"), []);
    await world.now(leader.backend.send({ queue: QUEUE }, [message("b")]));
    assertEquals((await world.now(waiting)).length, 1);
    assertEquals(countKinds(traffic.take()), { ack: 1, entries: 1 });
    await world.close();
  });

  it("one turn's calls share frames: ten sends of a follower are two, those of the leader one", async () => {
    const { world, traffic, leader, follower } = await createScene();
    await world.now(sendEach(follower, many(10)));
    assertEquals(lengthsOf(ofKind(traffic.take(), "request"), "operations"), [8, 2]);
    await world.now(sendEach(leader, many(7)));
    assertEquals(lengthsOf(ofKind(traffic.take(), "entries"), "entries"), [7]);
    await world.close();
  });

  it("eight calls leave at once, and fewer at the end of the turn", async () => {
    const { world, traffic, leader, follower } = await createScene();
    for (const [context, kind] of [[follower, "request"], [leader, "entries"]] as const) {
      traffic.take();
      const sent = sendEach(context, many(15));
      assertEquals(ofKind(traffic.take(), kind).length, 1);
      await Promise.resolve();
      assertEquals(ofKind(traffic.take(), kind).length, 1);
      await world.now(sent);
    }
    await world.close();
  });

  it("calls of any number settle at once, also where one is left over", async () => {
    const { world, leader, follower } = await createScene();
    for (const context of [leader, follower]) {
      for (const count of [1, 7, 8, 9, 16, 17, 100, 101, 257]) {
        await world.now(sendEach(context, many(count)));
      }
    }
    await world.close();
  });

  it("what could not leave goes in frames of 100 later, and in eights while few are on their way", async () => {
    const { world, traffic, leader, follower, other } = await createScene();
    const senders = [follower, ...[1, 2].map(() => world.join())];
    await world.clock.advance(1_000);
    other.freeze();
    traffic.take();
    const sent = Promise.all(senders.map((each) => sendEach(each, many(256))));
    await world.clock.advance(0);
    const lengths = lengthsOf(ofKind(traffic.take(), "entries"), "entries");
    // The declaration is one of the 16: nobody but one follower has acknowledged it.
    const expected = [...Array(15).fill(8), 100, 100, 100, 100, 100, 100, 48];
    assertEquals(lengths.filter((length) => length > 0), expected);
    other.thaw();
    await world.now(sent);
    assertEquals((await world.now(leader.backend.describeQueue(QUEUE))).available, 768);
    await world.close();
  });

  it("a follower has at most 256 operations under way, in frames of eight", async () => {
    const { world, traffic, leader, follower } = await createScene();
    leader.freeze();
    const sent = sendEach(follower, many(1_000));
    await world.clock.advance(0);
    const requests = ofKind(traffic.take(), "request");
    assertEquals(lengthsOf(requests, "operations"), Array(32).fill(8));
    leader.thaw();
    await world.now(sent);
    const { available } = await world.now(leader.backend.describeQueue(QUEUE));
    assertEquals(available, 1_000);
    await world.close();
  });

  it("a leader has at most 48 frames on their way that somebody has not acknowledged", async () => {
    const { world, traffic, leader, follower, other } = await createScene();
    other.freeze();
    // Each takes a frame of its own.
    const heavy = many(200, "x".repeat(200_000));
    const sent = sendEach(follower, heavy);
    await world.clock.advance(0);
    const full = ofKind(traffic.take(), "entries").filter(({ size }) => size > 200_000);
    // The declaration is one of the 48, too.
    assertEquals(full.length, 47);
    other.thaw();
    await world.flow(sent);
    const { available } = await world.now(leader.backend.describeQueue(QUEUE));
    assertEquals(available, 200);
    await world.close();
  });

  it("1,000 sends cost a follower 125 requests, and few entries and acknowledgements", async () => {
    const { world, traffic, leader, follower } = await createScene();
    for (const [context, requests] of [[leader, 0], [follower, 125]] as const) {
      await world.now(sendEach(context, many(1_000)));
      const posts = traffic.take();
      const { request = 0, entries = 0, ack = 0, ...rest } = countKinds(posts);
      assertEquals(request, requests);
      assertEquals(rest, {});
      assert(entries <= 70 && ack <= 15, `${entries} entries, ${ack} acks`);
      assertEquals(operationsIn(posts).length, 1_000);
    }
    await world.close();
  });

  it("says nothing but a beat each 1.2 s while nothing happens", async () => {
    const { world, traffic } = await createScene();
    await world.clock.advance(60_000);
    assertEquals(countKinds(traffic.take()), { beat: 50 });
    await world.close();
  });

  it("asks who holds a lock for signs of life only, one frame each beat", async () => {
    const { world, traffic, leader, follower } = await createScene();
    await world.now(leader.backend.send({ queue: QUEUE }, many(2)));
    const one = { ...TAKE, max: 1, visibilityMs: 3_600_000 };
    for (const { backend } of [leader, follower]) await world.now(backend.receive(QUEUE, one));
    await world.clock.advance(5_000);
    traffic.take();
    await world.clock.advance(60_000);
    const posts = traffic.take();
    const { beat, ack = 0, ...rest } = countKinds(posts);
    assertEquals([beat, rest], [50, {}]);
    assert(ack >= 25 && ack <= 50, `${ack} signs of life`);
    for (const { from } of ofKind(posts, "ack")) assertEquals(from, follower.backend.id);
    for (const { frame } of ofKind(posts, "beat")) {
      for (const member of frame.probe as string[]) assertEquals(member, follower.backend.id);
    }
    await world.close();
  });

  it("receives one after another cost nothing while none brings anything, and one word at the end", async () => {
    const { world, traffic, follower } = await createScene();
    const polls = (async () => {
      for (let i = 0; i < 10; i++) {
        await follower.backend.receive(QUEUE, { ...TAKE, waitMs: 1_000 });
      }
    })();
    await world.clock.advance(0);
    assertEquals(countKinds(traffic.take()), { noted: 1, request: 1 });
    await world.clock.advance(10_049);
    await polls;
    assertEquals(Object.keys(countKinds(traffic.take())), ["beat"]);
    await world.clock.advance(1);
    const [last, ...more] = ofKind(traffic.take(), "request");
    assertEquals(more, []);
    assertEquals(last?.frame.cancels, [1]);
    await world.close();
  });

  it("another number or time of a receive is announced anew", async () => {
    const { world, traffic, follower } = await createScene();
    const options = { ...TAKE, waitMs: 1_000 };
    const wanted = [
      options,
      options,
      { ...options, max: 9 },
      { ...options, visibilityMs: 29_999 },
    ];
    const polls = wanted.map((each) => follower.backend.receive(QUEUE, each));
    await world.clock.advance(1_000);
    await Promise.all(polls);
    const again = wanted.map((each) => follower.backend.receive(QUEUE, each));
    await world.clock.advance(1_000);
    await Promise.all(again);
    assertEquals(lengthsOf(ofKind(traffic.take(), "request"), "wants"), [4]);
    await world.close();
  });

  it("repeats what is not answered after 0.25 s, then after twice as long each, up to 2 s", async () => {
    const { world, traffic, leader, follower, other } = await createScene();
    const started = world.clock.now();
    world.network.loseIf((_, context) => context === leader.name);
    const sent = follower.backend.send({ queue: QUEUE }, [message("b")]);
    await world.clock.advance(12_000);
    const times = ofKind(traffic.take(), "request").map(({ at }) => at - started);
    assertEquals(times, [0, 250, 750, 1_750, 3_750, 5_750, 7_750, 9_750, 11_750]);
    world.network.loseIf(() => false);
    await world.clock.advance(2_000);
    const taken = await world.now(other.backend.receive(QUEUE, TAKE));
    assertEquals(taken.length, 1, "it was sent once");
    await world.now(sent);
    traffic.take();
    await world.now(follower.backend.send({ queue: QUEUE }, [message("b")]));
    const again = world.clock.now();
    world.network.loseIf((_, context) => context === leader.name);
    const last = follower.backend.send({ queue: QUEUE }, [message("b")]);
    await world.clock.advance(1_000);
    const later = ofKind(traffic.take(), "request").map(({ at }) => at - again);
    assertEquals(later, [0, 0, 250, 750], "it begins anew after an answer");
    world.network.loseIf(() => false);
    await world.flow(last);
    await world.close();
  });
});

/** Messages whose weight is in one place each. */
const heavy: readonly (readonly [what: string, message: OutgoingMessage])[] = [
  ["bodies", message("x".repeat(60_000))],
  ["text attributes", message("b", { attributes: { a: "x".repeat(60_000), b: 1 } })],
  ["bytes", message("b", { attributes: { a: new Uint8Array(60_000) } })],
  [
    "typed attributes",
    message("b", { attributes: { a: { type: "String.x", value: "x".repeat(60_000) } } }),
  ],
  [
    "many attributes",
    message("x".repeat(20_000), { attributes: { a: "x".repeat(20_000), b: "x".repeat(20_000) } }),
  ],
];

describe("BroadcastChannelBackend, the size of frames", () => {
  for (const [what, each] of heavy) {
    it(`keeps frames with ${what} below the limit, and fills them`, async () => {
      const { world, traffic, leader, follower } = await createScene();
      for (const context of [leader, follower]) {
        await world.now(sendEach(context, Array(16).fill(each)));
        const posts = traffic.take();
        assert(largest(posts) <= FRAME_SIZE, `${largest(posts)} characters`);
        for (const kind of context === leader ? ["entries"] : ["entries", "request"]) {
          // Four of them fit.
          assert(largest(ofKind(posts, kind)) > 240_000, `${kind} of ${largest(posts)} characters`);
        }
      }
      await world.close();
    });
  }

  it("keeps frames with dead letters below the limit, and fills them", async () => {
    const { world, traffic, leader, follower } = await createScene();
    await world.now(sendEach(leader, many(20)));
    for (const { backend } of [leader, follower]) {
      const some = await world.now(backend.receive(QUEUE, TAKE));
      traffic.take();
      const copy = message("x".repeat(60_000));
      const letters = some.map(({ receipt }) => backend.deadLetter(QUEUE, [{ receipt, copy }]));
      await world.now(Promise.all(letters));
      const posts = traffic.take();
      assert(largest(posts) <= FRAME_SIZE, `${largest(posts)} characters`);
      assert(largest(posts) > 240_000, `${largest(posts)} characters`);
    }
    await world.close();
  });

  it("cuts one call that is larger, and fills up with the next one", async () => {
    const { world, traffic, leader, follower } = await createScene();
    const large = [many(3, "x".repeat(100_000)), many(1), many(3, "x".repeat(100_000))];
    for (const { backend } of [leader, follower]) {
      await world.now(Promise.all(large.map((each) => backend.send({ queue: QUEUE }, each))));
      const posts = traffic.take();
      assertEquals(lengthsOf(ofKind(posts, "entries"), "entries"), [1, 2, 1, 1]);
      assert(largest(posts) <= 256_000, `${largest(posts)} characters`);
    }
    await world.close();
  });

  it("writes rows for what there is most of: a small send takes 250 characters, two receives no more", async () => {
    const { world, traffic, follower } = await createScene();
    await world.now(follower.backend.send({ queue: QUEUE }, [message("b")]));
    const [delivery] = await world.now(follower.backend.receive(QUEUE, TAKE));
    await world.now(follower.backend.acknowledge(QUEUE, [delivery!.receipt]));
    assert(largest(traffic.take()) <= 250);
    await world.close();
  });
});

/** What a new context hears and says until it is at rest. */
async function joinLate(scene: Awaited<ReturnType<typeof createScene>>, count: number) {
  const { world, traffic } = scene;
  traffic.take();
  const late = Array.from({ length: count }, () => world.join());
  await world.clock.advance(0);
  await world.clock.advance(0);
  return { late, posts: traffic.take() };
}

describe("BroadcastChannelBackend, the traffic of those who come late", () => {
  it("who joins a short log gets its entries: one pull, one frame for each 100", async () => {
    const scene = await createScene();
    const { world, leader } = scene;
    await world.now(sendEach(leader, many(250)));
    const { late, posts } = await joinLate(scene, 1);
    const { claim, vote, ...rest } = countKinds(posts);
    assertEquals([claim, vote, rest], [1, 2, { ack: 2, beat: 1, entries: 3, pull: 1 }]);
    assertEquals(lengthsOf(ofKind(posts, "entries"), "entries").slice(0, 2), [100, 100]);
    const asked = ofKind(posts, "entries").map(({ frame }) => frame.ask);
    assertEquals(asked, [undefined, undefined, late[0]!.backend.id]);
    assertEquals((await world.now(late[0]!.backend.describeQueue(QUEUE))).available, 250);
    await world.close();
  });

  it("who joins a long log gets a snapshot, each part once, four for each pull", async () => {
    const scene = await createScene();
    const { world, leader } = scene;
    await world.now(sendEach(leader, many(500)));
    await world.now(sendEach(leader, many(20, "x".repeat(60_000))));
    const { late, posts } = await joinLate(scene, 1);
    const chunks = ofKind(posts, "chunk");
    const [{ frame: { count } }] = chunks as [Post];
    // A head, three contexts, two queues, and the messages: 500 small, 20 large, two in a part.
    assertEquals(chunks.map(({ frame }) => frame.index), chunks.map((_, index) => index));
    assertEquals(chunks.length, count);
    assert(largest(chunks) <= PART_SIZE, `${largest(chunks)} characters`);
    assert(largest(chunks) > 100_000, `${largest(chunks)} characters`);
    assertEquals(chunks.filter(({ size }) => size > 110_000).length, 9);
    assertEquals(ofKind(posts, "pull").length, Math.ceil(chunks.length / 4));
    assertEquals(ofKind(posts, "entries"), []);
    assertEquals(ofKind(posts, "ack").length, 1);
    assertEquals((await world.now(late[0]!.backend.describeQueue(QUEUE))).available, 520);
    await world.close();
  });

  it("those who join together share one snapshot, and so does who joins soon after", async () => {
    const scene = await createScene();
    const { world, leader } = scene;
    await world.now(sendEach(leader, many(500, "x".repeat(1_000))));
    const first = await joinLate(scene, 3);
    const chunks = ofKind(first.posts, "chunk");
    assertEquals(chunks.map(({ frame }) => frame.index), chunks.map((_, index) => index));
    await world.clock.advance(9_000);
    await world.now(sendEach(leader, many(390)));
    const second = await joinLate(scene, 1);
    const again = ofKind(second.posts, "chunk");
    assertEquals(again.map(({ frame }) => frame.snapshot), chunks.map((c) => c.frame.snapshot));
    assertEquals(operationsIn(second.posts).length, 390);
    for (const { backend } of [...first.late, ...second.late]) {
      assertEquals((await world.now(backend.describeQueue(QUEUE))).available, 890);
    }
    await world.close();
  });

  it("takes another snapshot once the first is 400 entries old, or was not used for ten seconds", async () => {
    const scene = await createScene();
    const { world, leader } = scene;
    await world.now(sendEach(leader, many(500)));
    const ids = new Set<unknown>();
    const join = async () => {
      const { posts } = await joinLate(scene, 1);
      for (const { frame } of ofKind(posts, "chunk")) ids.add(frame.snapshot);
    };
    await join();
    await world.now(sendEach(leader, many(400)));
    await world.clock.advance(200);
    await join();
    assertEquals(ids.size, 2);
    await world.clock.advance(11_500);
    await join();
    assertEquals(ids.size, 3);
    await world.close();
  });

  it("who missed entries asks for them once, and gets no snapshot", async () => {
    const { world, traffic, leader, follower, other } = await createScene();
    world.network.loseIf((_, context) => context === other.name);
    await world.now(sendEach(leader, many(150)));
    world.network.loseIf(() => false);
    traffic.take();
    await world.now(follower.backend.send({ queue: QUEUE }, [message("b")]));
    await world.clock.advance(0);
    const posts = traffic.take();
    assertEquals(ofKind(posts, "pull").map(({ from }) => from), [other.backend.id]);
    const answers = ofKind(posts, "entries").filter(({ to }) => to === other.backend.id);
    assertEquals(lengthsOf(answers, "entries"), [100, 51]);
    assertEquals(ofKind(posts, "chunk"), []);
    assertEquals((await world.now(other.backend.describeQueue(QUEUE))).available, 151);
    await world.close();
  });

  it("who missed more than one answer holds asks again at once for the rest", async () => {
    const { world, traffic, leader, follower, other } = await createScene();
    world.network.loseIf((_, context) => context === other.name);
    await world.now(sendEach(leader, many(900)));
    world.network.loseIf(() => false);
    traffic.take();
    await world.now(follower.backend.send({ queue: QUEUE }, [message("b")]));
    for (let turn = 0; turn < 3; turn++) await world.clock.advance(0);
    const posts = traffic.take();
    const answers = ofKind(posts, "entries").filter(({ to }) => to === other.backend.id);
    assertEquals(lengthsOf(answers, "entries"), [100, 100, 100, 100, 100, 100, 100, 100, 100, 1]);
    assertEquals(ofKind(posts, "pull").length, 3);
    await world.close();
  });

  it("who missed more than the leader keeps gets a snapshot", async () => {
    const { world, traffic, leader, follower, other } = await createScene();
    world.network.loseIf((_, context) => context === other.name);
    await world.now(sendEach(leader, many(1_030)));
    world.network.loseIf(() => false);
    traffic.take();
    await world.now(follower.backend.send({ queue: QUEUE }, [message("b")]));
    for (let turn = 0; turn < 3; turn++) await world.clock.advance(0);
    const posts = traffic.take();
    assert(ofKind(posts, "chunk").length > 0);
    assertEquals((await world.now(other.backend.describeQueue(QUEUE))).available, 1_031);
    await world.close();
  });

  it("asks again for the part of a snapshot that was lost, from there on", async () => {
    const scene = await createScene();
    const { world, traffic, leader } = scene;
    await world.now(sendEach(leader, many(500, "x".repeat(1_000))));
    traffic.take();
    let isLost = false;
    world.network.loseIf((frame) => {
      const { kind, index } = frame as { kind: string; index: number };
      const loses = kind === "chunk" && index === 5 && !isLost;
      if (loses) isLost = true;
      return loses;
    });
    const late = world.join();
    await world.clock.advance(0);
    await world.clock.advance(300);
    const posts = traffic.take();
    const indexes = ofKind(posts, "chunk").map(({ frame }) => Number(frame.index));
    const count = Number(ofKind(posts, "chunk")[0]?.frame.count);
    assertEquals(new Set(indexes).size, count);
    assert(indexes.length <= count + 4, `${indexes}`);
    assertEquals((await world.now(late.backend.describeQueue(QUEUE))).available, 500);
    await world.close();
  });
});
