import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { readFrame } from "../../../backends/broadcast_channel/read_frame.ts";
import { seededRandom } from "../../../backends/memory/testing.ts";
import { createWorld } from "./world.ts";

const JUNK: readonly unknown[] = [
  undefined,
  null,
  0,
  "bye",
  [],
  {},
  new Date(),
  { version: 1 },
  { version: 1, from: "x" },
  { version: 1, from: "x", kind: "nonsense" },
  { version: 1, from: "x", kind: "toString" },
  { version: 1, from: "x", kind: "__proto__" },
  { version: 0, from: "x", kind: "bye" },
  { version: 2, from: "x", kind: "bye" },
  { version: 1, from: "", kind: "bye" },
  { version: 1, from: "x".repeat(65), kind: "bye" },
  { version: 1, from: "x", kind: "bye", more: 1 },
  { version: 1, from: "x", kind: "ack", epoch: -1, seq: 0 },
  { version: 1, from: "x", kind: "ack", epoch: 2 ** 60, seq: 0 },
  { version: 1, from: "x", kind: "ack", epoch: 1, seq: "1" },
  { version: 1, from: "x", kind: "ack", epoch: 1, seq: NaN },
];

describe("readFrame()", () => {
  it("drops junk, other versions and forged shapes without a throw", () => {
    for (const junk of JUNK) assertEquals(readFrame(junk, "me"), undefined);
  });

  it("drops what throws when it is looked at", () => {
    const trap = new Proxy({}, {
      get: () => {
        throw new Error("looked at");
      },
    });
    assertEquals(readFrame(trap, "me"), undefined);
  });

  it("drops own frames and those for others", () => {
    assertEquals(readFrame({ version: 1, from: "me", kind: "bye" }, "me"), undefined);
    const cede = { version: 1, from: "x", kind: "cede", to: "you", epoch: 1 };
    assertEquals(readFrame(cede, "me"), undefined);
    assertEquals(readFrame({ ...cede, to: "me" }, "me")?.kind, "cede");
  });

  it("takes every frame that contexts really send, and none that is damaged", async () => {
    const frames = await realFrames();
    const kinds = new Set(frames.map(({ kind }) => kind));
    const expected = [
      "ack",
      "beat",
      "bye",
      "chunk",
      "claim",
      "entries",
      "noted",
      "pull",
      "request",
    ];
    for (const kind of expected) assert(kinds.has(kind), `no frame of kind ${kind} was sent`);
    for (const frame of frames) {
      assert(readFrame(frame, String(frame.to ?? "me")), JSON.stringify(frame));
      for (const field of Object.keys(frame)) {
        if (["to", "ask", "after"].includes(field) || frame.kind === "pull") continue;
        const { [field]: _, ...rest } = frame;
        assertEquals(readFrame(rest, String(frame.to ?? "me")), undefined, `without ${field}`);
        const damaged = { ...frame, [field]: () => {} };
        assertEquals(readFrame(damaged, String(frame.to ?? "me")), undefined, `damaged ${field}`);
      }
    }
  });
});

describe("BroadcastChannelBackend, forged traffic", () => {
  it("neither throws nor answers nor adds to the log, and goes on", async () => {
    const world = createWorld();
    for (let i = 0; i < 3; i++) world.join();
    const [{ backend }] = world.contexts as [typeof world.contexts[0]];
    await world.flow(backend.declareQueue("billing"));
    await world.clock.advance(5_000);
    const frames = await realFrames();
    const random = seededRandom(3);
    const seq = lastSeq(world.network.posted);
    const before = world.network.posted.length;
    let forged = 0;
    for (const junk of [...JUNK, ...frames.map((frame) => damage(frame, random))]) {
      world.network.forge(junk);
      forged++;
    }
    await world.clock.advance(100);
    const answers = world.network.posted.length - before - forged;
    assert(answers <= 1, `${answers} answers`);
    await world.clock.advance(5_000);
    assertEquals(lastSeq(world.network.posted), seq);
    await world.flow(backend.send({ queue: "billing" }, [{ body: "b", attributes: {} }]));
    const take = { max: 1, waitMs: 0, visibilityMs: 1_000 };
    const last = world.contexts[2]!.backend;
    assertEquals((await world.flow(last.receive("billing", take)))[0]?.message.body, "b");
    await world.close();
  });

  it("recovers from a leader that somebody made up", async () => {
    const world = createWorld();
    for (let i = 0; i < 3; i++) world.join();
    const { backend } = world.contexts[0]!;
    await world.flow(backend.declareQueue("billing"));
    await world.flow(backend.send({ queue: "billing" }, [{ body: "b", attributes: {} }]));
    const position = { epoch: 2 ** 40, seq: 10 ** 9 };
    const claim = { epoch: 2 ** 40, log: "another", seq: 10 ** 9, base: position, probe: [] };
    world.network.forge({ version: 1, from: "nobody", kind: "beat", ...claim });
    await world.clock.advance(20_000);
    const take = { max: 1, waitMs: 0, visibilityMs: 1_000 };
    for (const { backend } of world.contexts) assert(backend.role !== "joining");
    assertEquals((await world.flow(backend.receive("billing", take)))[0]?.message.body, "b");
    await world.close();
  });
});

type Some = Record<string, unknown>;

/** How far the log is, as the leader says. */
function lastSeq(posted: readonly unknown[]): unknown {
  return (posted as readonly Some[]).findLast(({ kind }) => kind === "beat")?.seq;
}

/** One of each shape, as contexts send them. */
async function realFrames(): Promise<Some[]> {
  const world = createWorld();
  for (let i = 0; i < 2; i++) world.join();
  const [{ backend }, { backend: other }] = world.contexts as [
    typeof world.contexts[0],
    typeof world.contexts[0],
  ];
  const options = { deadLetterQueue: "dead.fifo", contentBasedDeduplication: true };
  const subscribeTo = [{ topic: "t.fifo", filter: { a: ["b"] } }];
  await world.flow(backend.declareQueue("q.fifo", { ...options, subscribeTo }));
  await world.flow(other.declareQueue("q"));
  const attributes = {
    text: "b",
    number: 1,
    bytes: new Uint8Array([1]),
    more: { type: "Number", value: "1e3" },
  };
  const message = { body: "b", attributes, group: "g", deduplicationId: "d" };
  await world.flow(other.send({ queue: "q.fifo" }, [message]));
  const take = { max: 10, waitMs: 1_000, visibilityMs: 1_000 };
  const [delivery] = await world.flow(other.receive("q.fifo", take));
  const { receipt } = delivery!;
  await world.flow(other.extend("q.fifo", [{ receipt, visibilityMs: NaN }]));
  await world.flow(other.deadLetter("q.fifo", [{ receipt, copy: message }]));
  for (const each of [backend, other]) await world.flow(each.receive("q.fifo", take));
  await world.flow(other.describeQueue("q"));
  for (let i = 0; i < 500; i++) void other.send({ queue: "q" }, [{ body: "b", attributes: {} }]);
  await world.clock.advance(1_000);
  world.join();
  await world.clock.advance(2_000);
  await world.close();
  const byKind = new Map<string, Some[]>();
  for (const frame of world.network.posted as Some[]) {
    const some = byKind.get(String(frame.kind)) ?? [];
    if (some.length < 12) byKind.set(String(frame.kind), [...some, frame]);
  }
  return [...byKind.values()].flat();
}

/** The frame with something else in one place. */
function damage(frame: Some, random: () => number): Some {
  const fields = Object.keys(frame).filter((field) => field !== "ask" && field !== "after");
  const field = fields[Math.floor(random() * fields.length)] as string;
  return { ...frame, [field]: [null, -1, "", {}, [{}]][Math.floor(random() * 5)] };
}
