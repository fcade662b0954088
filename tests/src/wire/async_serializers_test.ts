import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { MemoryBackend } from "../../../backends/memory/mod.ts";
import { VirtualClock } from "../../../backends/memory/testing.ts";
import { parseEventFromSns } from "../../../backends/aws/hosts/lambda/mod.ts";
import { defineEvent, typed } from "../../../src/event/event.ts";
import { dispatch } from "../../../src/handle/dispatch.ts";
import { Dispatcher, type DispatcherOptions } from "../../../src/handle/dispatcher.ts";
import { MessagePublisher } from "../../../src/publish/publisher.ts";
import type { ReceivedMessage } from "../../../src/wire/message.ts";
import type { Serializer } from "../../../src/wire/serializer.ts";
import { SerializerRegistry } from "../../../src/wire/serializer_registry.ts";
import { fakeSender } from "../../fakes/sender.ts";
import { createWorld, recordingLogger } from "../../fakes/world.ts";

const Note = defineEvent("Note", { topic: "notes", group: () => "g", schema: typed<unknown>() });

/** A serializer that answers when it is told to, each time for the oldest call. */
function slow(id = 9): Serializer & { go(): void; calls: string[] } {
  const waiting: (() => void)[] = [];
  const calls: string[] = [];
  return {
    id,
    calls,
    serialize: (data, manifest) => {
      calls.push(`write ${manifest}`);
      return new Promise((resolve) => waiting.push(() => resolve(`<${data}>`)));
    },
    deserialize: (text, manifest) => {
      calls.push(`read ${manifest}`);
      return new Promise((resolve) => waiting.push(() => resolve(text.slice(1, -1))));
    },
    go: () => waiting.shift()?.(),
  };
}

const registryOf = (serializer: Serializer) => new SerializerRegistry({ default: serializer });

/** A promise of text, or of what is none. */
const later = (text: unknown) => Promise.resolve(text) as Promise<string>;
const never = () => new Promise<never>(() => {});

function messageOf(serializer_id: unknown, body = "<s3cret>"): ReceivedMessage {
  const attributes = { manifest: "Note", serializer_id } as ReceivedMessage["attributes"];
  return { id: "m-1", body, attributes, sentAt: new Date(0), attempt: 1 };
}

/** What becomes of a message, what the handlers got, and what was logged. */
async function handled(
  message: ReceivedMessage,
  options: DispatcherOptions,
  hooks: { signal?: AbortSignal; clock?: VirtualClock } = {},
) {
  const logger = recordingLogger();
  const dispatcher = new Dispatcher({ ...options, logger });
  const got: unknown[] = [];
  dispatcher.subscribe(Note, (event) => void got.push(event.data));
  dispatcher.subscribeAll((event) => void got.push(event.data));
  const outcome = await dispatch(dispatcher, message, { queue: "q", ...hooks });
  return { outcome, got, lines: logger.lines };
}

describe("an asynchronous serializer that writes", () => {
  it("keeps the places of its events, whichever text is there first", async () => {
    const [first, second] = [slow(9), slow(10)] as const;
    const serializers = new SerializerRegistry({ byType: { A: first, B: second } });
    const events = ["A", "B", "C"].map((type, at) => defineEvent(type, { schema: typed() })(at));
    const backend = fakeSender({ steps: [] });
    const clock = new VirtualClock({ now: 0 });
    const publisher = new MessagePublisher({ backend, clock, serializers });
    const results = publisher.publishAll(events, { queue: "q" });
    await clock.advance(0);
    second.go();
    await clock.advance(5);
    assertEquals(backend.calls.length, 0);
    first.go();
    await clock.advance(1_000);
    assertEquals((await results).map(({ ok }) => ok), [true, true, true]);
    const sent = backend.calls.flatMap(({ messages }) => messages);
    assertEquals(sent.map(({ body }) => body), ["<0>", "<1>", "2"]);
    assertEquals(sent.map(({ attributes }) => attributes.serializer_id), [9, 10, 1]);
    assertEquals(first.calls, ["write A"]);
  });

  it("fails its own event only, without the text of an error", async () => {
    const texts = [
      () => Promise.reject(new Error("s3cret")),
      () => later(5),
      () => later(undefined),
      () => ({ then: (_: unknown, reject: (reason: unknown) => void) => reject("s3cret") }),
      () =>
        Object.defineProperty({}, "then", {
          get: () => {
            throw new Error("s3cret");
          },
        }),
      () => {
        throw new Error("s3cret");
      },
      () => ({}),
    ];
    for (const text of texts) {
      const odd = { id: 9, serialize: text as () => string, deserialize: (text: string) => text };
      const serializers = new SerializerRegistry({ byType: { Note: odd } });
      const backend = new MemoryBackend();
      await backend.declareQueue("q");
      const publisher = new MessagePublisher({ backend, serializers });
      const Other = defineEvent("Other", { schema: typed<number>() });
      const results = await publisher.publishAll([Note(1), Other(2)], { queue: "q" });
      assertEquals(results.map(({ ok }) => ok), [false, true]);
      const [failed] = results;
      assert(failed && !failed.ok);
      assertEquals(failed.error.code, "INVALID_EVENT");
      assert(!String(failed.error.message).includes("s3cret"));
      assertEquals(failed.error.cause, undefined);
    }
  });

  it("that never settles gives its place up in time", async () => {
    const clock = new VirtualClock({ now: 0 });
    const odd = { id: 9, serialize: never, deserialize: never };
    const serializers = new SerializerRegistry({ byType: { Note: odd } });
    const backend = fakeSender({ steps: [] });
    const options = { backend, clock, serializers, retry: { deadlineMs: 5_000 } };
    const publisher = new MessagePublisher(options);
    const Other = defineEvent("Other", { schema: typed<number>() });
    const results = publisher.publishAll([Note(1), Other(2)], { queue: "q" });
    await clock.advance(10_000);
    const [failed, sent] = await results;
    assert(failed && !failed.ok && sent?.ok);
    assertEquals(failed.error.code, "TIMEOUT");
  });

  it("writes what its schema accepts, once both have answered", async () => {
    const wrong = {
      "~standard": { version: 1, vendor: "t", validate: () => later({ issues: [] }) },
    };
    const Refused = defineEvent("Refused", { topic: "t", schema: wrong as never });
    const serializer = slow();
    const clock = new VirtualClock({ now: 0 });
    const backend = fakeSender({ steps: [] });
    const publisher = new MessagePublisher({ backend, clock, serializers: registryOf(serializer) });
    const published = assertRejects(() => publisher.publish(Refused({} as never)), Error, "schema");
    await clock.advance(1);
    serializer.go();
    await published;
    assertEquals(backend.calls.length, 0);
  });

  it("tells the group from the data of the call", async () => {
    const data = { tenant: "a" };
    const Placed = defineEvent("Placed", {
      schema: typed<{ tenant: string }>(),
      group: ({ tenant }) => tenant,
    });
    const serializer = slow();
    const clock = new VirtualClock({ now: 0 });
    const backend = fakeSender({ steps: [] });
    const publisher = new MessagePublisher({ backend, clock, serializers: registryOf(serializer) });
    const published = publisher.publish(Placed(data), { queue: "q.fifo" });
    data.tenant = "b";
    await clock.advance(1);
    serializer.go();
    await clock.advance(1);
    await published;
    assertEquals(backend.calls[0]?.messages[0]?.group, "a");
  });
});

describe("an asynchronous serializer that reads", () => {
  it("is waited for, once for all subscribers, and told the manifest", async () => {
    const serializer = slow();
    const handling = handled(messageOf(9), { serializers: registryOf(serializer) });
    serializer.go();
    const { outcome, got, lines } = await handling;
    assertEquals([outcome, got, lines], [{ outcome: "acknowledge" }, ["s3cret", "s3cret"], []]);
    assertEquals(serializer.calls, ["read Note"]);
  });

  it("that throws, rejects or is of bad manners makes the message undecodable, silently", async () => {
    const answers = [
      () => Promise.reject(new Error("s3cret")),
      () => {
        throw new Error("s3cret");
      },
      () => ({ then: (_: unknown, reject: (reason: unknown) => void) => reject("s3cret") }),
      () =>
        Object.defineProperty({}, "then", {
          get: () => {
            throw new Error("s3cret");
          },
        }),
    ];
    for (const deserialize of answers) {
      const odd = { id: 9, serialize: String, deserialize: deserialize as () => unknown };
      const { outcome, got, lines } = await handled(messageOf(9), { serializers: registryOf(odd) });
      assertEquals(outcome.outcome, "deadLetter");
      assertEquals([got, lines.length], [[], 1]);
      assertEquals(
        lines[0]?.fields.reason,
        "Cannot read a message as the serializer 9 refused its body",
      );
      assert(!JSON.stringify(lines).includes("s3cret"));
    }
  });

  it("that never settles ends with the signal, and the message comes again", async () => {
    const odd = { id: 9, serialize: String, deserialize: never };
    const clock = new VirtualClock({ now: 0 });
    const options = { serializers: registryOf(odd), handlerTimeoutMs: 1_000 };
    const handling = handled(messageOf(9), options, { clock });
    await clock.advance(1_000);
    const { outcome, got } = await handling;
    assertEquals([outcome.outcome, got], ["retry", []]);
    const stopping = new AbortController();
    const waiting = handled(messageOf(9), { serializers: registryOf(odd) }, {
      signal: stopping.signal,
    });
    stopping.abort(new Error("lock lost"));
    assertEquals((await waiting).outcome.outcome, "retry");
  });

  it("is named where it is unknown, and where its number is none", async () => {
    for (const id of [7, "abc", "", new Uint8Array([9]), { type: "Number", value: "1e400" }]) {
      const { outcome, lines } = await handled(messageOf(id), {});
      assertEquals(outcome.outcome, "deadLetter", String(id));
      const reason = String(lines[0]?.fields.reason);
      const number = id === ""
        ? 0
        : id === 7
        ? 7
        : typeof id === "object" && "value" in id
        ? Infinity
        : NaN;
      assert(reason.includes(`no serializer with the id ${number} is registered`), reason);
    }
  });

  it("is waited for by parseEventFromSns() and by deliveries", async () => {
    const serializers = registryOf({
      id: 9,
      serialize: String,
      deserialize: later,
    });
    const Sns = {
      MessageId: "m-1",
      TopicArn: "arn:aws:sns:eu-west-1:123456789012:notes",
      Message: "<x>",
      MessageAttributes: {
        manifest: { Type: "String", Value: "Note" },
        serializer_id: { Type: "Number", Value: "9" },
      },
    };
    const event = await parseEventFromSns({ Records: [{ EventSource: "aws:sns", Sns }] }, {
      types: [Note],
      serializers,
    });
    assertEquals(event.data, "<x>");
    const world = await createWorld({ dispatcher: { serializers } });
    await world.send([1], { attributes: { serializer_id: 9 } });
    for await (const delivery of world.consumer().deliveries()) {
      assertThrows(() => delivery.event(), Error, "readEvent");
      assertEquals((await delivery.readEvent()).data, '{"n":1}');
      await delivery.ack();
      break;
    }
  });
});
