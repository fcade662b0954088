import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { MemoryBackend } from "../../../../backends/memory/mod.ts";
import { VirtualClock } from "../../../../backends/memory/testing.ts";
import { parseEventFromSns } from "../../../../backends/aws/hosts/lambda/mod.ts";
import { MessageConsumer } from "../../../../src/consume/consumer.ts";
import { defineEvent, type Event, typed } from "../../../../src/event/event.ts";
import { dispatch, type DispatchHooks, type Outcome } from "../../../../src/handle/dispatch.ts";
import { Dispatcher, type DispatcherOptions } from "../../../../src/handle/dispatcher.ts";
import type { HandlerContext } from "../../../../src/handle/handler.ts";
import { MessagePublisher } from "../../../../src/publish/publisher.ts";
import { MelangeError } from "../../../../src/support/errors.ts";
import { binaryCloudEvents } from "../../../../src/wire/binary_cloud_events.ts";
import { deadLetterCopy } from "../../../../src/wire/dead_letter.ts";
import type { Attributes, OutgoingMessage, ReceivedMessage } from "../../../../src/wire/message.ts";
import {
  aesGcm,
  gzip,
  inlinePayloads,
  memoryPayloads,
  type PayloadCodec,
  type PayloadObjects,
  type PayloadOptions,
  payloadStore,
} from "../../../../src/wire/payloads/mod.ts";
import { fakeSender } from "../../../fakes/sender.ts";
import { recordingLogger } from "../../../fakes/world.ts";

const CANARY = "canary-7d1f";
const Report = defineEvent("Report", { topic: "reports", schema: typed<unknown>() });
const CLASS = "software.amazon.payloadoffloading.PayloadS3Pointer";
const LEGACY_CLASS = "com.amazon.sqs.javamessaging.MessageS3Pointer";
const KEYS = { k1: new Uint8Array(32).fill(1), k2: new Uint8Array(32).fill(2) };

function received(message: Partial<ReceivedMessage>): ReceivedMessage {
  return { id: "m-1", body: "", attributes: {}, sentAt: new Date(0), attempt: 1, ...message };
}

/** A message as the Java client sends it, for an event without or with a manifest. */
function pointerTo(key: unknown, attributes: Attributes = {}, bucket: unknown = "memory") {
  const body = JSON.stringify([CLASS, { s3BucketName: bucket, s3Key: key }]);
  return received({
    body,
    attributes: { manifest: "Report", ExtendedPayloadSize: 100, ...attributes },
  });
}

/** What a publisher sends for this text. */
async function sent(data: unknown, payloads: PayloadOptions): Promise<OutgoingMessage> {
  const backend = fakeSender();
  await new MessagePublisher({ backend, payloads }).publish(Report(data));
  return backend.calls[0]!.messages[0]!;
}

/** Handles a message; what the handlers saw, and all that was logged as one text. */
async function handled(
  message: ReceivedMessage,
  options: DispatcherOptions,
  hooks: Partial<DispatchHooks> = {},
) {
  const log = recordingLogger();
  const dispatcher = new Dispatcher({ logger: log, ...options });
  const seen: { event: Event; data: unknown; context: HandlerContext }[] = [];
  dispatcher.subscribe(Report, (event, context) => {
    seen.push({ event, data: event.data, context });
  });
  const outcome = await dispatch(dispatcher, message, { queue: "q", ...hooks });
  const logged = JSON.stringify(log.lines);
  assert(!logged.includes(CANARY), "a body in the log");
  return { outcome, seen, logged };
}

function kindOf(outcome: Outcome): string {
  if (outcome.outcome === "deadLetter") return outcome.facts.reason;
  if (outcome.outcome === "acknowledge") return "acknowledge";
  return `retry${outcome.uncounted ? " uncounted" : ""}`;
}

function readingStore(get: PayloadObjects["get"], settings = {}) {
  const put = () => Promise.resolve();
  return payloadStore({ put, get }, { bucket: "memory", ...settings });
}

describe("dispatch() without payloads", () => {
  it("refuses a pointer with words that say what to do, whoever wrote it", async () => {
    const legacy = received({
      body: JSON.stringify([LEGACY_CLASS, { s3BucketName: "b", s3Key: "k" }]),
      attributes: { SQSLargePayloadSize: 5, manifest: "Report" },
    });
    const bare = received({ body: pointerTo("k").body, attributes: { manifest: "Report" } });
    const nameless = received({ body: pointerTo("k").body });
    const spaced = received({ body: `["${CLASS}", {}]`, attributes: { manifest: "Report" } });
    const envelope = received({
      body: JSON.stringify({
        Type: "Notification",
        TopicArn: "arn:aws:sns:eu-west-1:123456789012:reports",
        MessageId: "n-1",
        Message: pointerTo("k").body,
        MessageAttributes: { manifest: { Type: "String", Value: "Report" } },
      }),
    });
    for (const message of [pointerTo("k"), legacy, bare, nameless, spaced, envelope]) {
      const { outcome, seen, logged } = await handled(message, {});
      assertEquals([kindOf(outcome), seen.length], ["UNDECODABLE", 0]);
      assertStringIncludes(logged, "configure payloads");
    }
  });

  it("refuses an encoded body as well", async () => {
    const message = await sent("x".repeat(5_000), { store: inlinePayloads(), codecs: [gzip()] });
    const { outcome, seen, logged } = await handled(received(message), {});
    assertEquals([kindOf(outcome), seen.length], ["UNDECODABLE", 0]);
    assertStringIncludes(logged, "configure payloads");
  });

  it("does as onUndecodable says", async () => {
    const { outcome } = await handled(pointerTo("k"), { onUndecodable: "retry" });
    assertEquals(kindOf(outcome), "retry");
  });

  it("takes bodies for data that only look similar", async () => {
    for (const data of [[CLASS + "X", {}], { a: [CLASS] }, `["${CLASS}"]`, ["x", { s3Key: "k" }]]) {
      const message = received({
        body: JSON.stringify(data),
        attributes: { manifest: "Report", melange: JSON.stringify({ id: 'x"payload":{', on: "" }) },
      });
      const { outcome, seen } = await handled(message, {});
      assertEquals([kindOf(outcome), seen[0]?.data], ["acknowledge", data]);
    }
  });

  it("is what parseEventFromSns() does as well", async () => {
    const Sns = {
      MessageId: "m",
      TopicArn: "arn:aws:sns:eu-west-1:123456789012:reports",
      Message: pointerTo("k").body,
      Timestamp: "2026-01-01T00:00:00.000Z",
      MessageAttributes: { manifest: { Type: "String", Value: "Report" } },
    };
    const record = { EventSource: "aws:sns", Sns };
    const parsing = parseEventFromSns({ Records: [record] }, { types: [Report] });
    const error = await parsing.then(() => undefined, (thrown) => thrown);
    assertStringIncludes((error as Error).message, "configure payloads");
  });
});

describe("dispatch() with payloads", () => {
  it("gives handlers the event and the message as they were published", async () => {
    const store = memoryPayloads();
    const all: PayloadCodec[] = [gzip(), aesGcm({ keys: KEYS, current: "k1" })];
    const data = { text: "é\ud83c\udf36\ufeff".repeat(300), n: [1, null] };
    for (const codecs of [[], all.slice(0, 1), all.slice(1), all]) {
      for (const overBytes of [1, 100_000]) {
        const message = await sent(data, { store, codecs, overBytes });
        const payloads = { store, codecs: [...all].reverse() };
        const { outcome, seen: [seen] } = await handled(received(message), { payloads });
        assertEquals([kindOf(outcome), seen?.data], ["acknowledge", data]);
        assertEquals(seen?.context.message.body, JSON.stringify(data));
        assertEquals(Object.keys(seen?.context.message.attributes ?? {}).sort(), [
          ...["manifest", "melange", "serializer_id"],
        ]);
        assert(!String(seen?.context.message.attributes.melange).includes("payload"));
      }
    }
  });

  it("reads what is no pointer without the store", async () => {
    const store = readingStore(() => Promise.reject(new Error("asked")));
    const message = received({ body: '"x"', attributes: { manifest: "Report" } });
    const { outcome, seen } = await handled(message, { payloads: { store } });
    assertEquals([kindOf(outcome), seen[0]?.data], ["acknowledge", "x"]);
  });

  it("reads pointers of other writers: legacy, without a manifest, with a CloudEvent inside", async () => {
    const store = memoryPayloads();
    store.objects.set("plain", '"x"');
    store.objects.set(
      "event",
      '{"specversion":"1.0","id":"c","source":"/s","type":"Report","data":"x"}',
    );
    store.objects.set("first", '{"event_type_name":"Report","x":1}');
    const legacy = received({
      body: JSON.stringify([LEGACY_CLASS, { s3BucketName: "memory", s3Key: "plain" }]),
      attributes: { SQSLargePayloadSize: 3, manifest: "Report" },
    });
    const bare = (key: string) => received({ body: pointerTo(key).body });
    for (
      const [message, data] of [
        [legacy, "x"],
        [pointerTo("plain"), "x"],
        [bare("event"), "x"],
        [bare("first"), { x: 1 }],
      ] as const
    ) {
      const { outcome, seen } = await handled(message, { payloads: { store } });
      assertEquals([kindOf(outcome), seen[0]?.data], ["acknowledge", data]);
    }
    const options = { payloads: { store }, defaultEvent: Report };
    assertEquals((await handled(bare("plain"), options)).seen[0]?.data, "x");
  });

  it("opens the envelope of SNS before the pointer, and an envelope in a store", async () => {
    const store = memoryPayloads();
    const { body, attributes } = await sent("x", { store, overBytes: 1 });
    const TopicArn = "arn:aws:sns:eu-west-1:123456789012:reports";
    const envelope = (Message: string) => ({
      ...{ Type: "Notification", TopicArn, MessageId: "n-1", Message },
      MessageAttributes: Object.fromEntries(
        Object.entries(attributes).map((
          [name, value],
        ) => [name, {
          Type: typeof value === "number" ? "Number" : "String",
          Value: String(value),
        }]),
      ),
    });
    const around = received({ body: JSON.stringify(envelope(body)) });
    assertEquals((await handled(around, { payloads: { store } })).seen[0]?.data, "x");
    const { ExtendedPayloadSize: _, melange: _packed, ...own } = envelope("").MessageAttributes;
    store.objects.set("inner", JSON.stringify({ ...envelope('"y"'), MessageAttributes: own }));
    const inside = received({ body: pointerTo("inner").body });
    assertEquals((await handled(inside, { payloads: { store } })).seen[0]?.data, "y");
  });

  it("keeps the pointer, and the facts beside it, in a dead-letter copy that reads again", async () => {
    const store = memoryPayloads();
    const codecs = [aesGcm({ keys: KEYS, current: "k1" })];
    const message = received(await sent({ secret: CANARY }, { store, codecs, overBytes: 1 }));
    const facts = { reason: "test", queue: "q", attempts: 1 };
    const copy = deadLetterCopy(message, facts, 262_144);
    assertEquals(copy.body, message.body);
    assert(!JSON.stringify(copy).includes(CANARY));
    const { seen } = await handled(received(copy), { payloads: { store, codecs } });
    assertEquals(seen[0]?.data, { secret: CANARY });
    store.objects.set(
      "event",
      '{"specversion":"1.0","id":"c","source":"/s","type":"Report","data":"x"}',
    );
    const foreign = deadLetterCopy(received({ body: pointerTo("event").body }), facts, 262_144);
    assertEquals((await handled(received(foreign), { payloads: { store } })).seen[0]?.data, "x");
  });

  it("reads a format that writes no attribute of ours, dead-lettered once as well", async () => {
    const store = memoryPayloads();
    const format = binaryCloudEvents({ source: "/s" });
    const codecs = [aesGcm({ keys: KEYS, current: "k1" })];
    for (
      const payloads of [{ store, overBytes: 1 }, { store, overBytes: 1, codecs }, {
        store,
        codecs,
      }]
    ) {
      const backend = fakeSender();
      await new MessagePublisher({ backend, payloads, format }).publish(Report("x", { id: "e-1" }));
      const message = received(backend.calls[0]!.messages[0]!);
      const { seen: [seen] } = await handled(message, { payloads });
      assertEquals([seen?.data, seen?.event.id, seen?.event.cloudEvent?.source], [
        "x",
        "e-1",
        "/s",
      ]);
      assertEquals(seen?.context.message.attributes.melange, undefined);
      const copy = deadLetterCopy(message, { reason: "t", queue: "q", attempts: 1 }, 262_144);
      assertEquals((await handled(received(copy), { payloads })).seen[0]?.data, "x");
      assertEquals(kindOf((await handled(message, {})).outcome), "UNDECODABLE");
    }
  });

  it("asks typeOf about the published body, and not about a pointer", async () => {
    const store = memoryPayloads();
    store.objects.set("plain", '{"kind":"Report","x":1}');
    const bodies: string[] = [];
    const typeOf = ({ body }: ReceivedMessage) => {
      bodies.push(body);
      return JSON.parse(body).kind;
    };
    const message = received({ body: pointerTo("plain").body });
    const { seen } = await handled(message, { payloads: { store }, typeOf });
    assertEquals([seen[0]?.data, bodies.length], [{ kind: "Report", x: 1 }, 1]);
  });

  it("never reads from a bucket that nobody listed, nor out of a bucket", async () => {
    const asked: unknown[] = [];
    const store = readingStore((place) => {
      asked.push(place);
      return Promise.resolve('"x"');
    }, { readBuckets: ["second"] });
    const foreign = [
      pointerTo("k", {}, "foreign"),
      pointerTo("k", {}, "memory/"),
      pointerTo("k", {}, ""),
      pointerTo("k", {}, 7),
      ...[
        "../k",
        "a/../../foreign/k",
        "..",
        ".",
        "a/./k",
        "",
        "x".repeat(1_025),
        "a\nb",
        "\ud800",
        7,
      ]
        .map((key) => pointerTo(key)),
      received({ body: `["${CLASS}",{"s3BucketName":"memory","s3Key":"k"},1]` }),
      received({ body: `["${CLASS}",{"__proto__":{"s3BucketName":"memory"},"s3Key":"k"}]` }),
      received({ body: `["${CLASS}",`, attributes: { ExtendedPayloadSize: 1 } }),
    ];
    for (const message of foreign) {
      assertEquals(
        kindOf((await handled(message, { payloads: { store } })).outcome),
        "UNDECODABLE",
      );
    }
    assertEquals(asked, []);
    const { outcome } = await handled(pointerTo("a b/é+%2e..k", {}, "second"), {
      payloads: { store },
    });
    assertEquals([kindOf(outcome), asked], ["acknowledge", [{
      bucket: "second",
      key: "a b/é+%2e..k",
    }]]);
  });

  it("refuses a body that is not the one that was stored", async () => {
    const store = memoryPayloads({ maxBytes: 2_000 });
    const message = received(await sent("x".repeat(500), { store, overBytes: 1 }));
    const [key] = [...store.objects.keys()];
    const read = async (body: string | undefined, attributes: Attributes = {}) => {
      if (body === undefined) store.objects.delete(key!);
      else store.objects.set(key!, body);
      const changed = { ...message, attributes: { ...message.attributes, ...attributes } };
      const { outcome, logged, seen } = await handled(changed, { payloads: { store } });
      assertEquals(seen.length, kindOf(outcome) === "acknowledge" ? 1 : 0);
      return `${kindOf(outcome)}: ${JSON.parse(logged)[0]?.fields.reason}`;
    };
    const right = store.objects.get(key!)!;
    assertMatch(await read(right.replace("x", "y")), /^UNDECODABLE: .*another checksum/);
    assertMatch(await read(right + " "), /^UNDECODABLE: .*larger than its message says/);
    assertMatch(await read(right.slice(1)), /^UNDECODABLE: .*another checksum/);
    assertMatch(await read(""), /^UNDECODABLE: .*another checksum/);
    assertMatch(await read(right, { ExtendedPayloadSize: 501 }), /^UNDECODABLE: .*larger/);
    for (const said of [-1, 0.5, 1e30, "many"]) {
      const value = typeof said === "number" ? said : { type: "Number", value: said };
      assertMatch(
        await read(right, { ExtendedPayloadSize: value }),
        /^UNDECODABLE: .*makes no sense/,
      );
    }
    assertMatch(await read(right, { ExtendedPayloadSize: 1e9 }), /^UNDECODABLE: .*exceeds/);
    assertMatch(await read(undefined), /^UNDECODABLE: .*is gone/);
    assertEquals(await read(right), "acknowledge: undefined");
  });

  it("asks the store for no more than a message says, and than it may", async () => {
    const asked: number[] = [];
    const store = readingStore((_place, { maxBytes }) => {
      asked.push(maxBytes);
      return Promise.resolve("x".repeat(5_000));
    }, { maxBytes: 1_000 });
    await handled(pointerTo("k", { ExtendedPayloadSize: 10 }), { payloads: { store } });
    const unsaid = received({ body: pointerTo("k").body, attributes: { manifest: "Report" } });
    const { logged } = await handled(unsaid, { payloads: { store } });
    assertEquals(asked, [10, 2_424]);
    assertStringIncludes(logged, "larger than 2424 bytes");
  });

  it("refuses bodies whose codecs cannot undo them", async () => {
    const store = memoryPayloads({ maxBytes: 100_000 });
    const ring = (keys: Record<string, Uint8Array>, current: string) => aesGcm({ keys, current });
    const k1 = await sent({ secret: CANARY }, { store, codecs: [ring(KEYS, "k1")] });
    const bomb = await sent("x".repeat(5_000_000), {
      store: memoryPayloads(),
      codecs: [gzip()],
      overBytes: 100_000,
    });
    const packed = JSON.parse(String(k1.attributes.melange));
    const naming = (payload: unknown, body = k1.body) =>
      received({
        ...k1,
        body,
        attributes: { ...k1.attributes, melange: JSON.stringify({ ...packed, payload }) },
      });
    const wrong: [string, ReceivedMessage, PayloadCodec[], RegExp][] = [
      ["no codec", received(k1), [gzip()], /codec "aes-gcm" is not configured/],
      ["retired key", received(k1), [ring({ k2: KEYS.k2 }, "k2")], /the key "k1" is not among/],
      ["wrong key", received(k1), [ring({ k1: KEYS.k2 }, "k1")], /"aes-gcm" refused its body/],
      ["bomb", received(bomb), [gzip()], /inflates to more than 100000 bytes/],
      ["no gzip", naming({ codecs: ["gzip"] }), [gzip()], /"gzip" refused its body/],
      ["no base64", naming({ codecs: ["gzip"] }, "?"), [gzip()], /is no base64/],
      ["a name", naming({ codecs: ["x\ny"] }), [gzip()], /codec of its message is not/],
      ["many", naming({ codecs: Array(9).fill("gzip") }), [gzip()], /too many codecs/],
      ["no list", naming({ codecs: "gzip" }), [gzip()], /list of codecs makes no sense/],
      ["no names", naming({ codecs: [1] }), [gzip()], /list of codecs makes no sense/],
      ["lost pointer", naming({ sha256: "00" }), [gzip()], /pointer into a store makes no sense/],
    ];
    for (const [what, message, codecs, reason] of wrong) {
      const { outcome, logged } = await handled(message, { payloads: { store, codecs } });
      assertEquals([what, kindOf(outcome)], [what, "UNDECODABLE"]);
      assertMatch(logged, new RegExp(reason.source.replaceAll('"', '\\\\"')));
    }
  });

  it("copes with codecs of somebody", async () => {
    const store = memoryPayloads({ maxBytes: 100 });
    const codec = (decode: PayloadCodec["decode"]): PayloadCodec => ({
      name: "own",
      encode: (bytes) => Promise.resolve(bytes),
      decode,
    });
    const message = received(
      await sent("x", { store, codecs: [codec((bytes) => Promise.resolve(bytes))] }),
    );
    const retryable = new MelangeError("TIMEOUT", "no key now", { retryable: true });
    const table: [PayloadCodec["decode"], string, RegExp][] = [
      [() => Promise.reject(new Error(CANARY)), "UNDECODABLE", /"own\\" refused/],
      [() => Promise.reject(undefined), "UNDECODABLE", /"own\\" refused/],
      [() => Promise.resolve("x" as never), "UNDECODABLE", /"own\\" refused/],
      [() => Promise.resolve(new Uint8Array([0xff])), "UNDECODABLE", /is no text/],
      [() => Promise.resolve(new Uint8Array(101)), "UNDECODABLE", /exceeds 100 bytes/],
      [() => Promise.reject(retryable), "retry uncounted", /no key now/],
    ];
    for (const [decode, kind, reason] of table) {
      const { outcome, logged } = await handled(message, {
        payloads: { store, codecs: [codec(decode)] },
      });
      assertEquals(kindOf(outcome), kind);
      assertMatch(logged, reason);
    }
  });

  it("retries while a store is down, without counting the attempt", async () => {
    const down = new MelangeError("OUTCOME_UNKNOWN", "no connection", { retryable: true });
    const denied = new MelangeError("ACCESS_DENIED", "no");
    const hostile = new Proxy(new MelangeError("X", ""), {
      get: () => {
        throw new Error(CANARY);
      },
    });
    for (
      const [get, kind] of [
        [() => Promise.reject(down), "retry uncounted"],
        [() => Promise.reject(denied), "retry"],
        [() => Promise.reject(new Error(CANARY)), "retry uncounted"],
        [() => Promise.reject(undefined), "retry uncounted"],
        [() => Promise.reject(hostile), "retry uncounted"],
        [() => {
          throw CANARY;
        }, "retry uncounted"],
        [() => Promise.resolve(null as unknown as undefined), "retry uncounted"],
        [() => 7 as unknown as Promise<undefined>, "retry uncounted"],
      ] as [PayloadObjects["get"], string][]
    ) {
      const payloads = { store: readingStore(get) };
      const { outcome, logged } = await handled(pointerTo("k"), { payloads, maxAttempts: 1 });
      assertEquals(kindOf(outcome), kind === "retry" ? "MAX_ATTEMPTS" : kind);
      assertStringIncludes(logged, '"then":"retry"');
    }
  });

  it("gives a silent store up, and at once when the message is given up", async () => {
    const clock = new VirtualClock();
    const signals: AbortSignal[] = [];
    const store = readingStore((_place, { signal }) => {
      signals.push(signal);
      return new Promise(() => {});
    }, { timeoutMs: 700 });
    const options = { payloads: { store } };
    const slow = handled(pointerTo("k"), options, { clock });
    await clock.advance(700);
    const { outcome, logged } = await slow;
    assertEquals([kindOf(outcome), signals[0]!.aborted], ["retry uncounted", true]);
    assertStringIncludes(logged, "within 700 ms");
    const controller = new AbortController();
    const stopped = handled(pointerTo("k"), options, { clock, signal: controller.signal });
    controller.abort(new MelangeError("STOPPED", "stop"));
    const end = await stopped;
    assertEquals([kindOf(end.outcome), end.logged, signals[1]!.aborted], [
      "retry uncounted",
      "[]",
      true,
    ]);
    assertEquals(clock.pending, 0);
  });

  it("handles the neighbours of a message that cannot be read, and keeps it", async () => {
    const backend = new MemoryBackend();
    await backend.declareQueue("q", { deadLetterQueue: "dlq" });
    const store = memoryPayloads();
    const payloads = { store, overBytes: 300 };
    const publisher = new MessagePublisher({ backend, payloads });
    await publisher.publishAll([Report("a"), Report(CANARY.repeat(100)), Report("c")], {
      queue: "q",
    });
    store.objects.clear();
    const seen: unknown[] = [];
    const dispatcher = new Dispatcher({ payloads, logger: recordingLogger() });
    dispatcher.subscribe(Report, ({ data }) => void seen.push(data));
    const consumer = new MessageConsumer({ backend, queue: "q", dispatcher });
    for (let at = 0; at < 3; at++) await consumer.consumeEvent();
    assertEquals(seen, ["a", "c"]);
    const [dead] = await backend.receive("dlq", { max: 10, waitMs: 0, visibilityMs: 1_000 });
    assertMatch(dead!.message.body, /^\["software\.amazon/);
    assert(!JSON.stringify(dead).includes(CANARY));
  });

  it("refuses a store that is none", () => {
    let error: unknown;
    try {
      new Dispatcher({ payloads: {} as unknown as PayloadOptions });
    } catch (thrown) {
      error = thrown;
    }
    assertMatch(String(error), /TypeError: .*payloads needs a store/);
  });
});
