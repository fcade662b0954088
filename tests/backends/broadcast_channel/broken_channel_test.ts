import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BroadcastChannelBackend } from "../../../backends/broadcast_channel/mod.ts";
import type { BroadcastChannelLike } from "../../../backends/broadcast_channel/channel.ts";
import { VirtualClock } from "../../../backends/memory/testing.ts";
import { MelangeError } from "../../../src/support/errors.ts";
import { createFakeLocks, createNetwork } from "./network.ts";

const QUEUE = "billing";
const TAKE = { max: 10, waitMs: 0, visibilityMs: 30_000 };

/** Tells of each post whether it throws. */
type Fault = (
  post: { readonly kind: string; readonly number: number; readonly of: number },
) => boolean;

/** Two contexts on one network; the channels of the second one break. */
function createScene(options: { locks?: boolean } = {}) {
  const clock = new VirtualClock();
  const network = createNetwork({ clock, random: Math.random });
  const locks = options.locks ? createFakeLocks() : undefined;
  let fault: Fault = () => false;
  let opened = 0;
  let closed = 0;

  function join(name: string, breaks: boolean): BroadcastChannelBackend {
    const open = (channelName: string) => {
      const channel = network.open(name)(channelName);
      return breaks ? breakable(channel) : channel;
    };
    return new BroadcastChannelBackend({
      name: "test",
      channel: open,
      locks: locks?.of(name) ?? null,
      clock,
    });
  }

  /** A channel that is deaf from the moment at which it throws, and that throws at its end, too. */
  function breakable(inner: BroadcastChannelLike): BroadcastChannelLike {
    const of = ++opened;
    let number = 0;
    let isDead = false;
    const channel: BroadcastChannelLike = {
      onmessage: null,
      postMessage: (message) => {
        const { kind } = message as { kind: string };
        isDead ||= fault({ kind, number: ++number, of });
        if (isDead) throw new TypeError("expected i32");
        inner.postMessage(message);
      },
      close: () => {
        closed++;
        inner.close();
        if (isDead) throw new TypeError("expected i32");
      },
    };
    inner.onmessage = (event) => isDead ? undefined : channel.onmessage?.(event);
    return channel;
  }

  async function settle<T>(call: Promise<T>, ms: number): Promise<T> {
    let isSettled = false;
    call.then(() => isSettled = true, () => isSettled = true);
    for (let passed = 0; !isSettled && passed < ms; passed += 10) await clock.advance(10);
    assert(isSettled, `is under way after ${ms} ms`);
    return await call;
  }

  return {
    clock,
    network,
    join,
    settle,
    breakAt: (at: Fault) => void (fault = at),
    counts: () => ({ opened, closed }),
  };
}

const messages = (...bodies: string[]) => bodies.map((body) => ({ body, attributes: {} }));

for (const locks of [false, true]) {
  describe(`BroadcastChannelBackend on a channel that breaks, ${locks ? "with" : "without"} Web Locks`, () => {
    for (const n of [1, 2, 3, 4, 5, 8]) {
      it(`alone: the post ${n} throws; a channel is opened anew, and all is accepted and received`, async () => {
        const scene = createScene({ locks });
        scene.breakAt(({ number, of }) => of === 1 && number === n);
        const backend = scene.join("only", true);
        await scene.settle(backend.declareQueue(QUEUE), 2_000);
        for (let i = 0; i < 20; i++) {
          const [sent] = await scene.settle(
            backend.send({ queue: QUEUE }, messages(`${i}`)),
            2_000,
          );
          assert(sent?.ok);
        }
        // In some scenes there are fewer posts than that until somebody has to hear of it.
        await scene.clock.advance(20_000);
        assertEquals(scene.counts(), { opened: 2, closed: 1 });
        assertEquals((await scene.settle(backend.receive(QUEUE, TAKE), 2_000)).length, 10);
        await backend.close();
        assertEquals(scene.counts(), { opened: 2, closed: 2 });
        assertEquals([scene.clock.pending, scene.network.openChannels()], [0, 0]);
      });

      it(`the leader of two: the post ${n} throws; the other one has all that was accepted`, async () => {
        const scene = createScene({ locks });
        const first = scene.join("first", true);
        await scene.settle(first.declareQueue(QUEUE), 2_000);
        const second = scene.join("second", false);
        await scene.settle(second.describeQueue(QUEUE), 5_000);
        assertEquals(first.role, "leader");
        const base = scene.counts().opened;
        let posts = 0;
        scene.breakAt(({ of }) => of === base && ++posts >= n);
        for (let i = 0; i < 20; i++) {
          const [sent] = await scene.settle(first.send({ queue: QUEUE }, messages(`${i}`)), 9_000);
          assert(sent?.ok);
          assertEquals((await scene.settle(second.describeQueue(QUEUE), 9_000)).available, i + 1);
        }
        await first.close();
        const { available } = await scene.settle(second.describeQueue(QUEUE), 9_000);
        assertEquals(available, 20);
        await second.close();
      });

      it(`a follower: the post ${n} throws; it joins again, and what it sent is there once`, async () => {
        const scene = createScene({ locks });
        const first = scene.join("first", false);
        await scene.settle(first.declareQueue(QUEUE), 2_000);
        scene.breakAt(({ number, of }) => of === 1 && number === n);
        const second = scene.join("second", true);
        const calls = Array.from({ length: 20 }, async (_, i) => {
          const [sent] = await second.send({ queue: QUEUE }, messages(`${i}`));
          assert(sent?.ok);
        });
        await scene.settle(Promise.all(calls), 9_000);
        const { available } = await scene.settle(first.describeQueue(QUEUE), 9_000);
        assertEquals(available, 20);
        assertEquals([first.role, second.role], ["leader", "follower"]);
        await first.close();
        await second.close();
      });
    }

    it("a channel that throws at each post accepts nothing, and rejects clearly within eight seconds", async () => {
      for (const kinds of [["claim"], ["beat"], ["entries"], ["claim", "beat", "entries"]]) {
        const scene = createScene({ locks });
        scene.breakAt(({ kind }) => kinds.includes(kind));
        const backend = scene.join("only", true);
        const calls = [backend.declareQueue(QUEUE), backend.send({ topic: "t" }, messages("b"))];
        const errors = await scene.settle(
          Promise.all(calls.map((call) => call.then(() => undefined, (error) => error))),
          8_000,
        );
        for (const error of errors) {
          assertInstanceOf(error, MelangeError);
          assertEquals(error.code, "CLOSED");
          assert(error.message.includes("melange/test"), error.message);
          assertEquals((error.cause as Error).message, "expected i32");
        }
        await scene.clock.advance(60_000);
        assertEquals([scene.clock.pending, scene.network.openChannels()], [0, 0]);
        const { opened, closed } = scene.counts();
        assertEquals([opened, closed], [11, 11]);
        await backend.close();
      }
    });

    it("what the leader put in order as its channel broke is accepted once the other one has it", async () => {
      const scene = createScene({ locks });
      const first = scene.join("first", true);
      await scene.settle(first.declareQueue(QUEUE), 2_000);
      const second = scene.join("second", false);
      await scene.settle(second.describeQueue(QUEUE), 5_000);
      await scene.clock.advance(2_000);
      let isBroken = false;
      scene.breakAt(({ kind }) => kind === "entries" && !isBroken && (isBroken = true));
      // It hears that somebody leads, and gets nothing from it.
      scene.network.loseIf((message, context) => {
        return context === "second" && (message as { kind: string }).kind === "entries";
      });
      let isAccepted = false;
      const sent = first.send({ queue: QUEUE }, messages("b")).finally(() => isAccepted = true);
      await scene.clock.advance(900);
      assertEquals([isBroken, isAccepted, first.role], [true, false, "leader"]);
      scene.network.loseIf(() => false);
      assert((await scene.settle(sent, 5_000))[0]?.ok);
      assertEquals((await scene.settle(second.describeQueue(QUEUE), 5_000)).available, 1);
      await first.close();
      await second.close();
    });

    it("what was received before the channel broke stays received", async () => {
      const scene = createScene({ locks });
      let isBroken = false;
      scene.breakAt(() => isBroken && !(isBroken = false));
      const backend = scene.join("only", true);
      await scene.settle(backend.declareQueue(QUEUE), 2_000);
      await scene.settle(backend.send({ queue: QUEUE }, messages("a", "b")), 2_000);
      const [delivery] = await scene.settle(backend.receive(QUEUE, TAKE), 2_000);
      isBroken = true;
      await scene.clock.advance(5_000);
      assertEquals(scene.counts().opened, 2);
      const { available, inFlight } = await scene.settle(backend.describeQueue(QUEUE), 2_000);
      assertEquals([available, inFlight], [0, 2]);
      const [{ ok }] = await scene.settle(
        backend.acknowledge(QUEUE, [delivery!.receipt]),
        2_000,
      ) as [{ ok: boolean }];
      assert(ok);
      await backend.close();
    });

    it("a channel that breaks once a minute goes on for ever", async () => {
      const scene = createScene({ locks });
      let isBroken = false;
      scene.breakAt(() => isBroken && !(isBroken = false));
      const backend = scene.join("only", true);
      await scene.settle(backend.declareQueue(QUEUE), 2_000);
      for (let i = 0; i < 20; i++) {
        isBroken = true;
        await scene.clock.advance(60_000);
        assert((await scene.settle(backend.send({ queue: QUEUE }, messages("b")), 2_000))[0]?.ok);
      }
      assertEquals(scene.counts().opened, 21);
      await backend.close();
    });

    it("the leader's channel breaks while it is taken for dead: the others' leader stays", async () => {
      const scene = createScene({ locks });
      const first = scene.join("first", true);
      await scene.settle(first.declareQueue(QUEUE), 2_000);
      const second = scene.join("second", false);
      await scene.settle(second.send({ queue: QUEUE }, messages("a")), 5_000);
      // None of its channels works for a while, and then one does.
      scene.breakAt(({ of }) => of < 9);
      const sent = first.send({ queue: QUEUE }, messages("b"));
      await scene.settle(second.send({ queue: QUEUE }, messages("c")), 9_000);
      assert((await scene.settle(sent, 9_000))[0]?.ok);
      assertEquals([first.role, second.role].sort(), ["follower", "leader"]);
      for (const backend of [first, second]) {
        assertEquals((await scene.settle(backend.describeQueue(QUEUE), 9_000)).available, 3);
      }
      await first.close();
      await second.close();
    });

    it("something that cannot be read opens the channel anew, and strangers cannot end it so", async () => {
      const scene = createScene({ locks });
      const channels: BroadcastChannelLike[] = [];
      const backend = new BroadcastChannelBackend({
        name: "test",
        channel: (name) => {
          const channel = scene.network.open("only")(name);
          channels.push(channel);
          return channel;
        },
        locks: null,
        clock: scene.clock,
      });
      await scene.settle(backend.declareQueue(QUEUE), 2_000);
      await scene.clock.advance(10_000);
      for (let i = 0; i < 1_000; i++) {
        channels.at(-1)?.onmessageerror?.({} as MessageEvent);
        await scene.clock.advance(10);
      }
      assert(channels.length > 1 && channels.length <= 6, `${channels.length} channels`);
      assertEquals(scene.network.openChannels(), 1);
      assert((await scene.settle(backend.send({ queue: QUEUE }, messages("b")), 2_000))[0]?.ok);
      await backend.close();
    });
  });
}
