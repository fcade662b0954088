import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { VirtualClock } from "../../../../backends/memory/testing.ts";
import { defineEvent, typed } from "../../../../src/event/event.ts";
import { MessagePublisher } from "../../../../src/publish/publisher.ts";
import { MelangeError } from "../../../../src/support/errors.ts";
import { messageSize } from "../../../../src/wire/message.ts";
import {
  gzip,
  inlinePayloads,
  memoryPayloads,
  type PayloadCodec,
  type PayloadObjects,
  type PayloadOptions,
  payloadStore,
} from "../../../../src/wire/payloads/mod.ts";
import { deferred, watch } from "../../../fakes/world.ts";
import { sleep, until } from "../../../wait.ts";
import { answer, fakeSender, type FakeSenderOptions, lasting } from "../../../fakes/sender.ts";

const CANARY = "canary-7d1f";
const Report = defineEvent("Report", {
  topic: "reports",
  schema: typed<string>(),
  group: (text) => text[0]!,
});

function setUp(payloads: PayloadOptions, sending: FakeSenderOptions = {}) {
  const backend = fakeSender(sending);
  const clock = new VirtualClock();
  const publisher = new MessagePublisher({ backend, payloads, clock, random: () => 0 });
  return {
    backend,
    clock,
    publisher,
    messages: () => backend.calls.flatMap((call) => call.messages),
  };
}

/** A store whose writes are made by a test. */
function storeOf(put: PayloadObjects["put"], settings = {}) {
  const get = () => Promise.resolve(undefined);
  return payloadStore({ put, get }, { bucket: "mine", ...settings });
}

function packedOf(message: { attributes: Readonly<Record<string, unknown>> } | undefined) {
  return JSON.parse(String(message?.attributes.melange));
}

async function errorOf(promise: Promise<unknown>): Promise<MelangeError> {
  const error = await assertRejects(() => promise, MelangeError);
  assert(!`${error.message} ${String(error.cause)}`.includes(CANARY), "quotes a body");
  return error;
}

describe("publish() with payloads", () => {
  it("sends a pointer of the Extended Client in place of a body that is too large", async () => {
    const store = memoryPayloads({ bucket: "my-bucket", prefix: "melange/" });
    const { publisher, messages } = setUp({ store, overBytes: 1_000 });
    const text = "é".repeat(600);
    await publisher.publish(Report(text), { attributes: { tenant: "a" } });
    const [message] = messages();
    const [[key, body]] = [...store.objects] as [[string, string]];
    assertMatch(key, /^melange\/[0-9a-f-]{36}$/);
    assertEquals(body, JSON.stringify(text));
    assertEquals(
      message?.body,
      `["software.amazon.payloadoffloading.PayloadS3Pointer",{"s3BucketName":"my-bucket","s3Key":"${key}"}]`,
    );
    assertEquals(message?.attributes.ExtendedPayloadSize, 1_202);
    assertEquals(message?.attributes.tenant, "a");
    const digest = new Uint8Array(
      await crypto.subtle.digest("SHA-256", new TextEncoder().encode(body)),
    );
    const hash = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    assertEquals(packedOf(message).payload, { sha256: hash });
  });

  it("leaves a message as it is up to the limit, attributes included", async () => {
    const store = memoryPayloads();
    const plain = setUp({ store });
    const event = Report("x".repeat(100));
    await plain.publisher.publish(event);
    const [message] = plain.messages();
    const size = messageSize(message!);
    const fits = setUp({ store, overBytes: size });
    await fits.publisher.publish(event);
    assertEquals(fits.messages(), [message!]);
    assertEquals(store.objects.size, 0);
    const not = setUp({ store, overBytes: size - 1 });
    await not.publisher.publish(event);
    assertEquals([store.objects.size, "ExtendedPayloadSize" in not.messages()[0]!.attributes], [
      1,
      true,
    ]);
  });

  it("goes by the limit of the destination where nothing else is said, or more is", async () => {
    for (const over of [{}, { overBytes: 10_000_000 }]) {
      const store = memoryPayloads();
      const { publisher, messages } = setUp({ store, ...over }, {
        limits: { messageBytes: 2_000 },
      });
      await publisher.publish(Report("x".repeat(5_000)));
      assertEquals([store.objects.size, messageSize(messages()[0]!) < 2_000], [1, true]);
    }
  });

  it("encodes by the codecs in order, and stores what is still too large", async () => {
    const seen: string[] = [];
    const codec = (name: string): PayloadCodec => ({
      name,
      encode(bytes) {
        seen.push(`${name}: ${new TextDecoder().decode(bytes)}`);
        return Promise.resolve(new Uint8Array([...bytes, name.charCodeAt(0)]));
      },
      decode: (bytes) => Promise.resolve(bytes),
    });
    const skips = { ...codec("skips"), encode: () => Promise.resolve(undefined) };
    const store = memoryPayloads();
    const codecs = [codec("a"), skips, codec("b")];
    const inline = setUp({ store, codecs });
    await inline.publisher.publish(Report("x"));
    assertEquals(seen, ['a: "x"', 'b: "x"a']);
    assertEquals(inline.messages()[0]!.body, btoa('"x"ab'));
    assertEquals(packedOf(inline.messages()[0]).payload, { codecs: ["a", "b"] });
    assertEquals(store.objects.size, 0);
    const stored = setUp({ store, codecs, overBytes: 10 });
    await stored.publisher.publish(Report("x"));
    assertEquals([...store.objects.values()], [btoa('"x"ab')]);
    assertEquals(packedOf(stored.messages()[0]).payload.codecs, ["a", "b"]);
    assertEquals(stored.messages()[0]!.attributes.ExtendedPayloadSize, 8);
  });

  it("stores the body before the pointer is sent", async () => {
    const stored = deferred();
    const { publisher, backend } = setUp({ store: storeOf(() => stored.promise), overBytes: 1 });
    const publishing = publisher.publish(Report("x"));
    await sleep(5);
    assertEquals(backend.calls.length, 0);
    stored.resolve();
    await publishing;
    assertEquals(backend.calls.length, 1);
  });

  it("keeps the places of the calls while bodies are stored, in groups and in batches", async () => {
    const puts: (() => void)[] = [];
    const store = storeOf(() => new Promise<void>((resolve) => puts.push(resolve)));
    for (const queue of ["all.fifo", "all"]) {
      const { publisher, messages } = setUp({ store, overBytes: 400 });
      const texts = ["a1" + "x".repeat(500), "a2", "a3" + "x".repeat(500), "a4"];
      const all = publisher.publishAll(texts.map((text) => Report(text)), { queue });
      await until(() => puts.length === 2, { what: "two writes" });
      // The third is stored before the first.
      puts.splice(0).reverse().forEach((resolve) => resolve());
      assert((await all).every(({ ok }) => ok));
      const isPointer = ({ body }: { body: string }) => body.startsWith('["software');
      assertEquals(messages().map((message) => isPointer(message) || message.body), [
        ...[true, '"a2"', true, '"a4"'],
      ]);
    }
  });

  it("fails the event alone whose body cannot be stored, without its text", async () => {
    const store = storeOf(
      (_place, body) =>
        body.includes(CANARY)
          ? Promise.reject(new Error(`cannot store ${body}`))
          : Promise.resolve(),
      { retry: { maxAttempts: 1 } },
    );
    const { publisher, messages } = setUp({ store, overBytes: 1 });
    const results = await publisher.publishAll([Report("x1"), Report(CANARY), Report("x3")]);
    assertEquals(results.map(({ ok }) => ok), [true, false, true]);
    assertEquals(messages().length, 2);
    const failed = results[1]!;
    assert(!failed.ok && failed.error.code === "REFUSED" && failed.error.retryable);
    assert(!`${failed.error.stack} ${failed.error.cause}`.includes(CANARY));
  });

  it("tries a store again that may get better, under the same key, and no other", async () => {
    const keys: string[] = [];
    const failing = (error: unknown) =>
      storeOf(({ key }) => {
        keys.push(key);
        return keys.length < 3 ? Promise.reject(error) : Promise.resolve();
      }, { retry: { baseMs: 0 } });
    const passing = new MelangeError("THROTTLED", "wait", { retryable: true });
    const { publisher, messages, clock } = setUp({ store: failing(passing), overBytes: 1 });
    const publishing = watch(publisher.publish(Report("x")));
    for (let turn = 0; turn < 50 && publishing.state === "pending"; turn++) {
      await sleep(1);
      await clock.advance(1);
    }
    assertEquals([keys.length, new Set(keys).size, messages().length], [3, 1, 1]);
    keys.length = 0;
    const denied = failing(new MelangeError("ACCESS_DENIED", "no"));
    const error = await errorOf(
      setUp({ store: denied, overBytes: 1 }).publisher.publish(Report("x")),
    );
    assertEquals([error.code, keys.length], ["ACCESS_DENIED", 1]);
    assertMatch(error.message, /not published: the body could not be stored/);
  });

  it("never says that an event may have been sent because its body may have been stored", async () => {
    const unknown = new MelangeError("OUTCOME_UNKNOWN", "lost", { retryable: true });
    const store = storeOf(() => Promise.reject(unknown), { retry: { maxAttempts: 1 } });
    const error = await errorOf(setUp({ store, overBytes: 1 }).publisher.publish(Report("x")));
    assertEquals([error.code, error.retryable], ["REFUSED", true]);
  });

  it("copes with whatever a store throws or returns", async () => {
    const hostile = Object.defineProperty(new MelangeError("X", ""), "message", {
      get: () => {
        throw new Error("getter");
      },
    });
    for (const thrown of [undefined, null, "text", 42, hostile, { code: "X" }]) {
      const rejects = storeOf(() => Promise.reject(thrown), { retry: { maxAttempts: 1 } });
      const throws = storeOf(() => {
        throw thrown;
      }, { retry: { maxAttempts: 1 } });
      for (const store of [rejects, throws]) {
        const error = await errorOf(setUp({ store, overBytes: 1 }).publisher.publish(Report("x")));
        assertEquals(error.code, "REFUSED");
      }
    }
    const store = storeOf((() => undefined) as unknown as PayloadObjects["put"]);
    await setUp({ store, overBytes: 1 }).publisher.publish(Report("x"));
  });

  it("gives a silent store up, and ends its call", async () => {
    const signals: AbortSignal[] = [];
    const store = storeOf((_place, _body, { signal }) => {
      signals.push(signal);
      return new Promise(() => {});
    }, { timeoutMs: 500, retry: { maxAttempts: 1 } });
    const { publisher, clock } = setUp({ store, overBytes: 1 });
    const publishing = publisher.publish(Report("x"));
    await until(() => signals.length > 0, { what: "a write" });
    const failing = errorOf(publishing);
    await clock.advance(500);
    assertEquals([(await failing).code, signals[0]!.aborted], ["TIMEOUT", true]);
  });

  it("rejects with the reason of the caller's signal while the body is stored", async () => {
    const started = deferred<AbortSignal>();
    const store = storeOf((_place, _body, { signal }) => {
      started.resolve(signal);
      return new Promise(() => {});
    });
    const { publisher, messages } = setUp({ store, overBytes: 1 });
    const controller = new AbortController();
    const publishing = watch(publisher.publish(Report("x"), { signal: controller.signal }));
    const signal = await started.promise;
    controller.abort("enough");
    await sleep(1);
    assertEquals([publishing.error, signal.aborted, messages().length], ["enough", true, 0]);
    await publisher.flush();
  });

  it("stores nothing for an event that its schema or the rules of messages refuse", async () => {
    const store = memoryPayloads();
    const { publisher } = setUp({ store, overBytes: 1 });
    const refuses = {
      "~standard": {
        version: 1 as const,
        vendor: "test",
        validate: () => Promise.resolve({ issues: [{ message: "no" }] }),
      },
    };
    const Refused = defineEvent("Refused", { topic: "t", schema: refuses });
    assertEquals((await errorOf(publisher.publish(Refused("x")))).code, "INVALID_EVENT");
    const attributes = { "bad name": "x" };
    assertEquals(
      (await errorOf(publisher.publish(Report("x"), { attributes }))).code,
      "INVALID_MESSAGE",
    );
    for (const name of ["ExtendedPayloadSize", "SQSLargePayloadSize"]) {
      const taken = publisher.publish(Report("x"), { attributes: { [name]: 1 } });
      assertMatch((await errorOf(taken)).message, new RegExp(`"${name}" is taken by pointers`));
    }
    assertEquals(store.objects.size, 0);
  });

  it("refuses a body that no reader with the same settings would take", async () => {
    const store = memoryPayloads({ maxBytes: 1_000 });
    const { publisher } = setUp({ store, codecs: [gzip({ overBytes: 0 })] });
    await publisher.publish(Report("x".repeat(998)));
    const error = await errorOf(publisher.publish(Report("x".repeat(999))));
    assertEquals(error.code, "INVALID_MESSAGE");
    assertMatch(error.message, /at most 1000 bytes: current value is 1001/);
  });

  it("leaves users six attributes in every format", async () => {
    const names = ["a", "b", "c", "d", "e", "f"];
    for (const [format, count] of [["plain", 10], ["melange", 10], ["cloudevents", 10]] as const) {
      for (const used of [6, 5]) {
        const backend = fakeSender();
        const payloads = { store: memoryPayloads(), overBytes: 1 };
        const publisher = new MessagePublisher({ backend, payloads, format });
        const attributes = Object.fromEntries(names.slice(0, used).map((name) => [name, "x"]));
        await publisher.publish(Report("x"), { queue: "q", attributes });
        const sent = Object.keys(backend.calls[0]!.messages[0]!.attributes);
        assertEquals(sent.length, format === "cloudevents" ? count : used + 4);
        assertEquals(sent.includes("content-type"), format === "cloudevents" && used === 5);
      }
    }
  });

  it("leaves an object behind if the send fails: a lifecycle rule removes it", async () => {
    const store = memoryPayloads();
    const { publisher } = setUp({ store, overBytes: 1 }, { steps: [answer(lasting())] });
    assertEquals((await errorOf(publisher.publish(Report("x")))).code, "REFUSED");
    assertEquals(store.objects.size, 1);
  });

  it("writes as many bodies at once as it may", async () => {
    let [open, most] = [0, 0];
    const store = storeOf(async () => {
      most = Math.max(most, ++open);
      await sleep(1);
      open--;
    }, { maxInFlight: 3 });
    const { publisher } = setUp({ store, overBytes: 1 });
    await publisher.publishAll(Array.from({ length: 20 }, () => Report("x")));
    assertEquals(most, 3);
  });

  it("refuses a message whose attributes alone are too large, and what a codec made no bytes of", async () => {
    const { publisher, messages } = setUp({ store: memoryPayloads() }, {
      limits: { messageBytes: 900 },
    });
    const attributes = { long: "x".repeat(500) };
    const error = await errorOf(publisher.publish(Report("x".repeat(900)), { attributes }));
    assertEquals([error.code, messages().length], ["INVALID_MESSAGE", 0]);
    for (const encoded of ["text", null, Promise.reject(new Error(CANARY))]) {
      const encode = () => Promise.resolve(encoded as unknown as undefined);
      const codec = { name: "own", encode, decode: () => Promise.reject(undefined) };
      const own = setUp({ store: memoryPayloads(), codecs: [codec] });
      const failed = await errorOf(own.publisher.publish(Report("x")));
      assertEquals(failed.code, "REFUSED");
      assertMatch(failed.message, /the codec "own" failed/);
    }
  });

  it("compresses without a store, and refuses what is too large even so", async () => {
    const payloads = { store: inlinePayloads(), codecs: [gzip()] };
    const { publisher, messages } = setUp(payloads, { limits: { messageBytes: 4_000 } });
    await publisher.publish(Report("x".repeat(100_000)));
    assert(messages()[0]!.body.length < 500);
    const noise = [...crypto.getRandomValues(new Uint8Array(9_000))].join();
    const error = await errorOf(publisher.publish(Report(noise)));
    assertEquals(error.code, "INVALID_MESSAGE");
    assertMatch(error.message, /no store of payloads/);
  });

  it("refuses options that make no sense", () => {
    const objects = { put: () => Promise.resolve(), get: () => Promise.resolve(undefined) };
    for (const bucket of ["", "a", "a/b", "..", "a..b", "-ab", "x".repeat(300), 7]) {
      assertThrows(() => payloadStore(objects, { bucket: bucket as string }), TypeError, "bucket");
    }
    for (const prefix of ["/", "../x", "a/../b", "a b", ".x", "a/./b"]) {
      assertThrows(() => payloadStore(objects, { bucket: "mine", prefix }), TypeError, "prefix");
    }
    const wrong = [{ maxBytes: 0 }, { maxBytes: NaN }, { timeoutMs: 0 }, { maxInFlight: 0.5 }];
    for (const settings of wrong) {
      assertThrows(() => payloadStore(objects, { bucket: "mine", ...settings }), RangeError);
    }
    const none = {} as unknown as PayloadObjects;
    assertThrows(() => payloadStore(none, { bucket: "mine" }), TypeError, "put and get");
  });
});
