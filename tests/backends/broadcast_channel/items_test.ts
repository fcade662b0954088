import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Delivery } from "../../../src/backend.ts";
import { MelangeError } from "../../../src/support/errors.ts";
import type { OutgoingMessage } from "../../../src/wire/message.ts";
import { type Context, createWorld } from "./world.ts";

const QUEUE = "billing";
const TAKE = { max: 10, waitMs: 0, visibilityMs: 30_000 };

/** What no compiler would let through, and a caller in JavaScript may give all the same. */
const wrong = (value: unknown) => value as never;

const throwing = Object.defineProperty({ attributes: {} }, "body", {
  enumerable: true,
  get: () => {
    throw new Error("secret");
  },
});

const badMessages: [what: string, message: OutgoingMessage][] = [
  ["an attribute that is NaN", { body: "b", attributes: { a: NaN } }],
  ["an attribute that is null", { body: "b", attributes: { a: wrong(null) } }],
  ["an attribute that is undefined", { body: "b", attributes: { a: wrong(undefined) } }],
  ["an attribute that is an object", { body: "b", attributes: { a: wrong({ b: 1 }) } }],
  ["an attribute that is a symbol", { body: "b", attributes: { a: wrong(Symbol("s")) } }],
  ["an attribute that is a function", { body: "b", attributes: { a: wrong(() => {}) } }],
  ["an attribute that is a bigint", { body: "b", attributes: { a: wrong(1n) } }],
  ["a typed attribute without a value", {
    body: "b",
    attributes: { a: wrong({ type: "String" }) },
  }],
  ["bytes that are text", { body: "b", attributes: { a: wrong({ type: "Binary", value: "b" }) } }],
  ["attributes that are null", { body: "b", attributes: wrong(null) }],
  ["attributes that are text", { body: "b", attributes: wrong("abc") }],
  ["no attributes", { body: "b" } as OutgoingMessage],
  ["a body that is a number", { body: wrong(1), attributes: {} }],
  ["a body that is a symbol", { body: wrong(Symbol("s")), attributes: {} }],
  ["a delay that is text", { body: "b", attributes: {}, delayMs: wrong("5") }],
  ["a delay that is NaN", { body: "b", attributes: {}, delayMs: NaN }],
  ["a body that throws", wrong(throwing)],
  ["null", wrong(null)],
  ["undefined", wrong(undefined)],
  ["text", wrong("text")],
];

async function createScene(which: "leader" | "follower", count: number) {
  const world = createWorld();
  for (let i = 0; i < 2; i++) world.join();
  await world.flow(world.contexts[0]!.backend.declareQueue(QUEUE, { deadLetterQueue: "dead" }));
  await world.clock.advance(5_000);
  const leader = world.leader();
  const [follower] = world.contexts.filter((each) => each !== leader) as [Context];
  const { backend } = which === "leader" ? leader : follower;
  const messages = Array.from({ length: count }, (_, i) => ({ body: `${i}`, attributes: {} }));
  if (count > 0) await world.now(backend.send({ queue: QUEUE }, messages));
  const held = count > 0 ? await world.now(backend.receive(QUEUE, TAKE)) : [];
  return { world, backend, held: held as [Delivery, Delivery, Delivery] };
}

type Result = { readonly ok: boolean; readonly error?: MelangeError };

function codes(results: readonly Result[]): (string | undefined)[] {
  return results.map(({ ok, error }) => ok ? undefined : error!.code);
}

for (const which of ["leader", "follower"] as const) {
  describe(`BroadcastChannelBackend, the ${which}, one bad item among good ones`, () => {
    for (const [what, bad] of badMessages) {
      it(`${what}: send() and deadLetter() refuse that item only`, async () => {
        const { world, backend, held: [first, second, third] } = await createScene(which, 3);
        const good = { body: "good", attributes: {} };
        const sent = await world.now(backend.send({ queue: QUEUE }, [good, bad, good]));
        assertEquals(codes(sent), [undefined, "INVALID_MESSAGE", undefined]);
        const moved = await world.now(backend.deadLetter(QUEUE, [
          { receipt: first.receipt, copy: good },
          { receipt: second.receipt, copy: bad },
          { receipt: third.receipt, copy: good },
        ]));
        assertEquals(codes(moved), [undefined, "INVALID_MESSAGE", undefined]);
        for (const { error } of [...sent, ...moved] as Result[]) {
          assert(!`${error?.message} ${error?.stack} ${error?.cause}`.includes("secret"));
        }
        const { available, inFlight } = await world.now(backend.describeQueue(QUEUE));
        assertEquals([available, inFlight], [2, 1]);
        assertEquals((await world.now(backend.describeQueue("dead"))).available, 2);
        await world.close();
      });
    }

    it("all items bad: each is refused, and a missing queue is named", async () => {
      const { world, backend, held: [first] } = await createScene(which, 3);
      const bad = { body: "b", attributes: { a: NaN } };
      assertEquals(codes(await world.now(backend.send({ queue: QUEUE }, [bad, bad]))), [
        "INVALID_MESSAGE",
        "INVALID_MESSAGE",
      ]);
      const copies = [{ receipt: first.receipt, copy: bad }];
      assertEquals(codes(await world.now(backend.deadLetter(QUEUE, copies))), ["INVALID_MESSAGE"]);
      const calls = [
        () => backend.send({ queue: "nowhere" }, [bad]),
        () => backend.deadLetter("nowhere", copies),
      ];
      for (const call of calls) {
        const error = await assertRejects(() => world.now(call()), MelangeError);
        assertEquals(error.code, "NOT_FOUND");
      }
      await world.close();
    });

    const junk = [null, undefined, 1, NaN, {}, Symbol("s"), "x".repeat(1_000)].map(wrong);

    it("receipts that are no receipts: acknowledge(), release() and extend() name each", async () => {
      for (const receipt of junk) {
        const { world, backend, held: [first, second] } = await createScene(which, 2);
        const acknowledged = backend.acknowledge(QUEUE, [first.receipt, receipt]);
        assertEquals(codes(await world.now(acknowledged)), [undefined, "LOCK_LOST"]);
        const lock = { receipt: second.receipt };
        const extended = backend.extend(QUEUE, [
          { ...lock, visibilityMs: 60_000 },
          { receipt, visibilityMs: 60_000 },
          receipt,
        ]);
        const lost = ["LOCK_LOST", "LOCK_LOST"];
        assertEquals(codes(await world.now(extended)), [undefined, ...lost]);
        const released = backend.release(QUEUE, [
          { ...lock, delayMs: 0 },
          { receipt, delayMs: 0 },
          receipt,
        ]);
        assertEquals(codes(await world.now(released)), [undefined, ...lost]);
        await world.close();
      }
    });

    it("times that are no numbers: release() and extend() refuse each", async () => {
      for (const time of [null, undefined, "5", NaN, {}, Symbol("s"), 5n].map(wrong)) {
        const { world, backend, held: [first, second] } = await createScene(which, 2);
        const extended = backend.extend(QUEUE, [
          { receipt: first.receipt, visibilityMs: time },
          { receipt: second.receipt, visibilityMs: 60_000 },
        ]);
        assertEquals(codes(await world.now(extended)), ["INVALID_MESSAGE", undefined]);
        const released = backend.release(QUEUE, [
          { receipt: first.receipt, delayMs: time },
          { receipt: second.receipt, delayMs: 0 },
        ]);
        assertEquals(codes(await world.now(released)), ["INVALID_MESSAGE", undefined]);
        await world.close();
      }
    });
  });
}
