import { assertEquals, assertNotEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { VirtualClock } from "../../../../backends/memory/testing.ts";
import { deadLetterCopy } from "../../../../src/wire/dead_letter.ts";
import { MemoryDeduplicationStore } from "../../../../src/handle/deduplication/store.ts";
import { deduplicationKey } from "../../../../src/handle/deduplication/key.ts";
import { dispatch } from "../../../../src/handle/dispatch.ts";
import { Dispatcher } from "../../../../src/handle/dispatcher.ts";
import { defineEvent } from "../../../../src/event/event.ts";
import { typed } from "../../../../src/event/event.ts";
import { encode, read } from "../../../../src/wire/format.ts";
import type { ReceivedMessage } from "../../../../src/wire/message.ts";
import { SerializerRegistry } from "../../../../src/wire/serializer_registry.ts";
import { recordingLogger } from "../../../fakes/world.ts";

const Job = defineEvent("Job", { topic: "jobs", schema: typed<unknown>() });

function messageOf(own: Partial<ReceivedMessage> = {}): ReceivedMessage {
  return { id: "m-1", body: "{}", attributes: {}, sentAt: new Date(0), attempt: 1, ...own };
}

function cloudEvent(fields: Record<string, unknown>): ReceivedMessage {
  const body = { specversion: "1.0", type: "Job", source: "/", id: "1", data: {}, ...fields };
  return messageOf({ body: JSON.stringify(body) });
}

/** A message of ours, with this id. */
function ours(id: string, own: Partial<ReceivedMessage> = {}): ReceivedMessage {
  const melange = JSON.stringify({ id, on: "" });
  return messageOf({ attributes: { manifest: "Job", melange }, ...own });
}

function keyOf(message: ReceivedMessage, subscriber = "mail"): string | undefined {
  return deduplicationKey(subscriber, read(message));
}

/** How often each of these messages is handled, when each comes twice. */
async function handledOf(messages: ReceivedMessage[], names: string[] = ["mail"]) {
  const clock = new VirtualClock();
  const log = recordingLogger();
  const store = new MemoryDeduplicationStore({ clock });
  const dispatcher = new Dispatcher({ logger: log, deduplication: { store } });
  let handled = 0;
  for (const name of names) dispatcher.subscribeAll(() => void handled++, { name });
  for (const message of [...messages, ...messages]) {
    const { outcome } = await dispatch(dispatcher, message, { queue: "q", clock });
    assertEquals(outcome, "acknowledge");
  }
  return handled;
}

describe("deduplicationKey()", () => {
  it("is the name and the id of an event of ours, as it always was", () => {
    assertEquals(
      keyOf(ours("2a8e4e9c-7bf4-4f0e-9d5e-0d2a1a1f0d11")),
      "mail:2a8e4e9c-7bf4-4f0e-9d5e-0d2a1a1f0d11",
    );
    assertEquals(keyOf(messageOf({ attributes: { manifest: "Job" } })), "mail:m-1");
  });

  it("tells apart what others would join to the same", () => {
    const lone = ["\uD800", "\uD801", "\uDC00", "\uFFFD", "%uD800", "%uFFFD", "\uFFFE", "\uFFFF"];
    const parts = ["", ":", "a", "a:", ":a", "a:b", "%3A", "%", "%25", "\0", "a\0b", ...lone, "😀"];
    const keys = new Map<string, string>();
    for (const subscriber of parts) {
      for (const id of parts) {
        for (const source of [undefined, ...parts]) {
          const facts = { ...read(messageOf()).facts, id };
          const key = deduplicationKey(subscriber, { facts, source });
          if (id === "") {
            assertEquals(key, undefined);
            continue;
          }
          const pair = JSON.stringify([subscriber, source ?? null, id]);
          assertEquals(keys.get(`${key}`), undefined, `${pair} and ${keys.get(`${key}`)}`);
          keys.set(`${key}`, pair);
        }
      }
    }
    // What a store keeps as UTF-8 comes back as it was.
    for (const key of keys.keys()) {
      assertEquals(new TextDecoder().decode(new TextEncoder().encode(key)), key);
    }
  });

  it("has the source of CloudEvents that others wrote, and not of our own", () => {
    assertNotEquals(keyOf(cloudEvent({ source: "/a" })), keyOf(cloudEvent({ source: "/b" })));
    assertEquals(keyOf(cloudEvent({ source: "/a" })), "mail:/a:1");
    const own = encode(Job({}, { id: "e-1" }), {
      format: "cloudevents",
      serializers: new SerializerRegistry(),
      toQueue: true,
    });
    assertEquals(keyOf(messageOf({ body: own.body, attributes: own.attributes })), "mail:e-1");
  });

  it("keeps that when a CloudEvent was dead-lettered and sent back", () => {
    const facts = { reason: "X", queue: "q", attempts: 1 };
    for (const source of ["/a", "/b", ""]) {
      const message = cloudEvent({ source });
      const { body, attributes } = deadLetterCopy(message, facts, 262_144);
      assertEquals(keyOf(messageOf({ id: "m-2", body, attributes })), keyOf(message));
    }
  });
});

describe("de-duplication handles each once:", () => {
  it("two CloudEvents of one id and two sources", async () => {
    const events = ["/a", "/b", "/a:b"].map((source) => cloudEvent({ source }));
    assertEquals(await handledOf(events), 3);
  });

  it("events whose id is empty, by the id of the broker", async () => {
    const two = ["m-1", "m-2"];
    assertEquals(await handledOf(two.map((id) => ours("", { id }))), 2);
    assertEquals(await handledOf(two.map((id) => ({ ...cloudEvent({ id: "" }), id }))), 2);
    assertEquals(
      await handledOf(two.map((id) => ({ ...cloudEvent({ id: "", source: "/a" }), id }))),
      2,
    );
  });

  it("events without any id, each time they come", async () => {
    assertEquals(await handledOf([ours("", { id: "" })]), 2);
  });

  it("subscribers and ids that share a colon", async () => {
    assertEquals(await handledOf([ours("eu:1"), ours("1")], ["mail", "mail:eu"]), 4);
  });

  it("ids with lone surrogates", async () => {
    assertEquals(await handledOf([ours("\uD800"), ours("\uD801"), ours("\uFFFD")]), 3);
  });
});
