/** A real broker behind a service that checks tokens and times, and one that is gone. */
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { AwsBackend, type AwsBackendOptions } from "../../backends/aws/mod.ts";
import { MessageConsumer, MessagePublisher } from "../../mod.ts";
import { Dispatcher } from "../../src/handle/dispatcher.ts";
import { until } from "../wait.ts";
import { workOf, WorkOrdered } from "./event.ts";
import { calm } from "./faults.ts";
import { type Laboratory, openLaboratory } from "./laboratory.ts";

const QUEUE = "work";
const quiet = { debug() {}, info() {}, warn() {}, error() {} };

/** A backend behind the proxy, under the name "client". */
async function openClient(lab: Laboratory, options: AwsBackendOptions = {}): Promise<AwsBackend> {
  return new AwsBackend({
    endpoint: await lab.proxy.open("client"),
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    ...options,
  });
}

/** A consumer that takes note of what it handles. */
function consume(backend: AwsBackend) {
  const handled: string[] = [];
  const dispatcher = new Dispatcher({ logger: quiet });
  dispatcher.subscribe(WorkOrdered, ({ id }) => void handled.push(id));
  const consumer = new MessageConsumer({ backend, queue: QUEUE, dispatcher, waitMs: 1_000 });
  return { consumer, handled };
}

function publish(backend: AwsBackend, n: number): Promise<unknown> {
  const work = workOf(n);
  const publisher = new MessagePublisher({ backend });
  return publisher.publish(WorkOrdered(work, { id: work.key }), { queue: QUEUE });
}

describe("a client of a real broker", () => {
  it("goes on with fresh credentials when its token expires, without an error to anybody", async () => {
    await using lab = await openLaboratory();
    let fetched = 0;
    const backend = await openClient(lab, {
      credentials: () => {
        fetched += 1;
        const sessionToken = `token-${fetched}`;
        return Promise.resolve({ accessKeyId: "test", secretAccessKey: "test", sessionToken });
      },
    });
    const { consumer, handled } = consume(backend);
    lab.proxy.gate.token = "token-1";
    consumer.start();
    await publish(backend, 0);
    await until(() => handled.length === 1, { what: "one event", ms: 30_000, saw: () => handled });
    lab.proxy.gate.token = "token-2";
    await Promise.all([1, 2, 3].map((n) => publish(backend, n)));
    await until(() => handled.length === 4, {
      what: "four events",
      ms: 30_000,
      saw: () => handled,
    });
    assertEquals(fetched, 2);
    assertEquals(consumer.status().receiveErrors, 0);
    await consumer.stop();
    await backend.close();
  });

  it("tells that a token is refused for good after one refresh, and does not loop", async () => {
    await using lab = await openLaboratory();
    const backend = await openClient(lab);
    lab.proxy.gate.token = "another";
    const code = await publish(backend, 0).then(() => "stored", (error) => error.code);
    assertEquals(code, "ACCESS_DENIED");
    assertEquals(lab.proxy.requests("client").length, 2);
    await backend.close();
  });

  for (const clockError of ["RequestExpired", "InvalidSignatureException"] as const) {
    for (const hours of [-1, 1]) {
      it(`corrects a clock that is ${hours} h off, once, after ${clockError}`, async () => {
        await using lab = await openLaboratory();
        const backend = await openClient(lab);
        lab.proxy.gate.clockOffsetMs = hours * 3_600_000;
        lab.proxy.gate.clockError = clockError;
        await publish(backend, 0);
        await publish(backend, 1);
        const { consumer, handled } = consume(backend);
        await consumer.consumeEvent();
        await consumer.consumeEvent();
        assertEquals(handled.toSorted(), ["event-0", "event-1"]);
        assertEquals(lab.proxy.requests("client").map(({ action }) => action), [
          // The first is refused, and only that.
          ...["GetQueueUrl", "GetQueueUrl", "SendMessageBatch", "SendMessageBatch"],
          ...["ReceiveMessage", "DeleteMessageBatch", "ReceiveMessage", "DeleteMessageBatch"],
        ]);
        await backend.close();
      });
    }
  }

  it("takes messages again when a poll was left hanging, and tells that it failed", async () => {
    await using lab = await openLaboratory({ profile: { ...calm, hangingPoll: 1 } });
    const backend = await openClient(lab, { requestTimeoutMs: 500 });
    const { consumer, handled } = consume(backend);
    consumer.start();
    await until(() => consumer.status().receiveErrors === 1, {
      what: "a receive that fails",
      ms: 30_000,
      saw: () => consumer.status(),
    });
    lab.proxy.profile = { ...lab.proxy.profile, hangingPoll: 0 };
    await lab.publish(0, 1);
    await until(() => handled.length === 1, { what: "one event", ms: 30_000, saw: () => handled });
    await consumer.stop();
    await backend.close();
  });

  it("aborts a handler's signal within one visibility timeout when it cannot extend", async () => {
    await using lab = await openLaboratory({ settings: { visibilityMs: 2_000 } });
    const backend = await openClient(lab);
    const dispatcher = new Dispatcher({ logger: quiet });
    let begunAt = 0;
    let abortedAt = 0;
    let code: string | undefined;
    dispatcher.subscribe(WorkOrdered, async (_, { signal }) => {
      begunAt = Date.now();
      lab.proxy.down = true;
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      abortedAt = Date.now();
      code = signal.reason.code;
    });
    const options = { backend, queue: QUEUE, dispatcher, visibilityTimeoutMs: 2_000 };
    const consumer = new MessageConsumer({ ...options, waitMs: 1_000, drainMs: 1_000 });
    await lab.publish(0, 1);
    consumer.start();
    await until(() => abortedAt > 0, {
      what: "the signal to abort",
      ms: 30_000,
      saw: () => begunAt,
    });
    await consumer.stop();
    await backend.close();
    assert(abortedAt - begunAt <= 2_100, `${abortedAt - begunAt} ms`);
    assertEquals(code, "LOCK_LOST");
    const { available, inFlight } = await lab.count();
    assertEquals(available + inFlight, 1);
  });
});
