/**
 * Deno gives a dead channel to who opens one in the turn in which the last one of the process
 * closed: it throws at each post from the next macrotask on, until another one is opened.
 */
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BroadcastChannelBackend } from "../../../backends/broadcast_channel/mod.ts";
import type { LocksLike } from "../../../backends/broadcast_channel/channel.ts";
import { until, within } from "../../wait.ts";

const QUEUE = "billing";
const SOON = { what: "a call", ms: 20_000 };
const TAKE = { max: 10, waitMs: 1_000, visibilityMs: 30_000 };

function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Publishes twenty, and receives them in the other one. */
async function exchange(from: BroadcastChannelBackend, to: BroadcastChannelBackend): Promise<void> {
  await from.declareQueue(QUEUE, { subscribeTo: ["orders"] });
  const sends = Array.from(
    { length: 20 },
    (_, i) => from.send({ topic: "orders" }, [{ body: `${i}`, attributes: {} }]),
  );
  for (const [result] of await Promise.all(sends)) assert(result?.ok);
  const bodies: string[] = [];
  await until(async () => {
    const some = await to.receive(QUEUE, TAKE);
    bodies.push(...some.map(({ message }) => message.body));
    await to.acknowledge(QUEUE, some.map(({ receipt }) => receipt));
    return bodies.length >= 20;
  }, { what: "twenty messages", ms: 20_000, saw: () => bodies });
  assertEquals(bodies.sort(), Array.from({ length: 20 }, (_, i) => `${i}`).sort());
}

const ways: [what: string, options: { locks?: LocksLike | null }][] = [
  ["with Web Locks", {}],
  ["without Web Locks", { locks: null }],
];

for (const [how, options] of ways) {
  describe(`BroadcastChannelBackend on a channel that Deno breaks, ${how}`, () => {
    const open = (name: string) => new BroadcastChannelBackend({ name, ...options });

    it("opened in the turn in which the last backend closed, it works with others", async () => {
      const name = `deno-${crypto.randomUUID()}`;
      const before = open(name);
      await before.declareQueue(QUEUE);
      await before.close();
      const first = open(name);
      await turn();
      const second = open(name);
      await within(exchange(first, second), SOON);
      await within(exchange(second, first), SOON);
      assertEquals([first.role, second.role].sort(), ["follower", "leader"]);
      await first.close();
      await second.close();
    });

    it("opened in the turn in which a foreign channel closed, it works alone, and again", async () => {
      const name = `deno-${crypto.randomUUID()}`;
      new BroadcastChannel("foreign").close();
      for (let round = 0; round < 3; round++) {
        const backend = open(name);
        await within(exchange(backend, backend), SOON);
        await backend.close();
      }
    });

    it("what it publishes is handled by another one in a worker", async () => {
      const name = `deno-${crypto.randomUUID()}`;
      const worker = startWorker(name, options);
      await worker.next();
      for (let round = 0; round < 5; round++) {
        const before = open(name);
        await within(before.describeQueue(QUEUE), SOON);
        await before.close();
        const backend = open(name);
        const bodies = Array.from({ length: 20 }, (_, i) => `${round}-${i}`);
        const sends = bodies.map((body) =>
          backend.send({ topic: "orders" }, [{ body, attributes: {} }])
        );
        const results = await within(Promise.all(sends), SOON);
        for (const [result] of results) assert(result?.ok);
        const handled = [];
        for (let count = 0; count < 20; count++) handled.push(await worker.next());
        assertEquals(handled.sort(), bodies.sort());
        await backend.close();
      }
      worker.end();
    });
  });
}

/** A worker that leads, and tells each body that it receives. */
function startWorker(name: string, options: object) {
  const backend = new URL("../../../backends/broadcast_channel/mod.ts", import.meta.url);
  const source = `
    import { BroadcastChannelBackend } from ${JSON.stringify(backend)};
    const backend = new BroadcastChannelBackend(${JSON.stringify({ name, ...options })});
    await backend.declareQueue("${QUEUE}", { subscribeTo: ["orders"] });
    self.postMessage("ready");
    for (;;) {
      const some = await backend.receive("${QUEUE}", ${
    JSON.stringify({ ...TAKE, waitMs: 20_000 })
  });
      await backend.acknowledge("${QUEUE}", some.map(({ receipt }) => receipt));
      for (const { message } of some) self.postMessage(message.body);
    }
  `;
  const url = `data:application/typescript,${encodeURIComponent(source)}`;
  const worker = new Worker(url, { type: "module" });
  const said: unknown[] = [];
  worker.onmessage = ({ data }) => void said.push(data);
  return {
    next: async () => {
      await until(() => said.length > 0, { what: "a word of the worker", ms: 20_000 });
      return said.shift();
    },
    end: () => worker.terminate(),
  };
}
