/** Payloads on every host: each handles by the dispatcher, and none knows of a store. */
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { snsHandler, sqsHandler } from "../../../../backends/aws/hosts/lambda/mod.ts";
import { snsEndpoint } from "../../../../backends/aws/hosts/sns_endpoint/mod.ts";
import { Dispatcher } from "../../../../src/handle/dispatcher.ts";
import { MessagePublisher } from "../../../../src/publish/publisher.ts";
import { MelangeError } from "../../../../src/support/errors.ts";
import { type Attributes, typedAttribute } from "../../../../src/wire/message.ts";
import {
  gzip,
  memoryPayloads,
  type PayloadObjects,
  payloadStore,
} from "../../../../src/wire/payloads/mod.ts";
import { snsRecord, sqsRecord } from "../../../backends/aws/hosts/lambda/samples.ts";
import { fakeSns, post, TOPIC } from "../../../backends/aws/hosts/sns_endpoint/fake_sns.ts";
import { fakeSender } from "../../../fakes/sender.ts";
import { createWorld, Job, recordingLogger } from "../../../fakes/world.ts";

const store = memoryPayloads();
const payloads = { store, codecs: [gzip({ overBytes: 0 })], overBytes: 1 };

async function pointer(n: number): Promise<{ body: string; attributes: Attributes }> {
  const backend = fakeSender();
  await new MessagePublisher({ backend, payloads }).publish(Job({ n }), { queue: "q" });
  return backend.calls[0]!.messages[0]!;
}

/** Attributes as a platform spells them. */
function spelled(attributes: Attributes, type: string, value: string) {
  const entries = Object.entries(attributes).map(([name, attribute]) => {
    const typed = typedAttribute(attribute);
    return [name, { [type]: typed.type, [value]: typed.value }];
  });
  return Object.fromEntries(entries);
}

function setUp(own: object = { payloads }) {
  const log = recordingLogger();
  const dispatcher = new Dispatcher({ logger: log, ...own });
  const seen: number[] = [];
  dispatcher.subscribe(Job, ({ data }) => void seen.push(data.n));
  return { dispatcher, seen, log };
}

describe("payloads on hosts", () => {
  it("are read behind SQS in Lambda, and one that is gone fails alone", async () => {
    const { dispatcher, seen } = setUp();
    const messages = [await pointer(1), await pointer(2), await pointer(3)];
    store.objects.delete(JSON.parse(messages[1]!.body)[1].s3Key);
    const Records = messages.map(({ body, attributes }, at) =>
      sqsRecord(`m-${at}`, {
        body,
        messageAttributes: spelled(attributes, "dataType", "stringValue"),
      })
    );
    const { batchItemFailures } = await sqsHandler(dispatcher)({ Records }, {} as never);
    // Records without a group have no order.
    assertEquals(seen.sort(), [1, 3]);
    assertEquals(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier), ["m-1"]);
  });

  it("are read behind SNS in Lambda", async () => {
    const { dispatcher, seen } = setUp();
    const { body, attributes } = await pointer(4);
    const MessageAttributes = spelled(attributes, "Type", "Value");
    const Records = [snsRecord("n-1", { Message: body, MessageAttributes })];
    await snsHandler(dispatcher)({ Records }, {} as never);
    assertEquals(seen, [4]);
  });

  it("are read by the endpoint of SNS, which asks for another try while the store is down", async () => {
    const down: PayloadObjects["get"] = () =>
      Promise.reject(new MelangeError("OUTCOME_UNKNOWN", "no connection", { retryable: true }));
    const broken = payloadStore({ put: () => Promise.resolve(), get: down }, { bucket: "memory" });
    for (
      const [own, status, handled] of [
        [{ payloads }, 200, [5]],
        [{ payloads: { ...payloads, store: broken } }, 503, []],
        [{}, 422, []],
      ] as const
    ) {
      const sns = await fakeSns();
      const { dispatcher, seen } = setUp(own);
      const { clock, fetch } = sns;
      const endpoint = snsEndpoint({ dispatcher, topics: [TOPIC], clock, fetch });
      const { body, attributes } = await pointer(5);
      const MessageAttributes = spelled(attributes, "Type", "Value");
      const response = await endpoint(
        post(await sns.notification({ Message: body, MessageAttributes })),
      );
      assertEquals([response.status, seen], [status, [...handled]]);
    }
  });

  it("keep the order of a FIFO group over a store that is down for longer than all tries", async () => {
    let isDown = true;
    let asked = 0;
    const shaky = payloadStore({
      put: () => Promise.resolve(),
      get: async ({ bucket: _, key }) => {
        asked += 1;
        await Promise.resolve();
        if (isDown) throw new TypeError("no connection");
        return store.objects.get(key);
      },
    }, { bucket: "memory" });
    const world = await createWorld({
      queue: "jobs.fifo",
      dispatcher: { payloads: { ...payloads, store: shaky }, maxAttempts: 2 },
      declare: { deadLetterQueue: "dlq.fifo", maxReceives: 100 },
    });
    const publisher = new MessagePublisher({
      backend: world.backend,
      payloads,
      clock: world.clock,
    });
    for (const n of [1, 2, 3]) {
      await publisher.publish(Job({ n }), { queue: "jobs.fifo", group: "g" });
    }
    const seen: number[] = [];
    world.dispatcher.subscribe(Job, ({ data }) => void seen.push(data.n));
    const consumer = world.consumer();
    consumer.start();
    for (let turn = 0; turn < 200 && asked < 6; turn++) await world.clock.advance(5_000);
    assert(asked >= 6);
    assertEquals(seen, []);
    isDown = false;
    for (let turn = 0; turn < 200 && seen.length < 3; turn++) await world.clock.advance(5_000);
    assertEquals([seen, await world.count("dlq.fifo")], [[1, 2, 3], 0]);
    await consumer.stop();
  });
});
