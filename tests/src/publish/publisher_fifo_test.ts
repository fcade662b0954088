import { assert, assertEquals, assertMatch, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { MemoryBackend } from "../../../backends/memory/mod.ts";
import { seededRandom, VirtualClock } from "../../../backends/memory/testing.ts";
import type { SendResult } from "../../../src/backend.ts";
import type { MelangeError } from "../../../src/support/errors.ts";
import { defineEvent, type Event, typed } from "../../../src/event/event.ts";
import type { PublishOptions } from "../../../src/publish/outgoing.ts";
import { MessagePublisher, type MessagePublisherOptions } from "../../../src/publish/publisher.ts";
import { answer, fail, fakeSender, hang, lasting, passing, type Step } from "../../fakes/sender.ts";

/** The letter is the group, the number the place in it. */
const Line = defineEvent("Line", {
  topic: "lines.fifo",
  schema: typed<string>(),
  group: (text) => text[0]!,
});

function setUp({ steps = [], ...options }: { steps?: Step[] } & Partial<MessagePublisherOptions>) {
  const clock = new VirtualClock({ now: 0 });
  const backend = fakeSender({ steps });
  const publisher = new MessagePublisher({ backend, clock, random: () => 0.5, ...options });
  const outcomes: Record<string, string> = {};
  return {
    clock,
    backend,
    publisher,
    outcomes,
    /** Publishes in one turn; what became of each is in `outcomes`. */
    publish(...names: string[]) {
      for (const name of names) {
        publisher.publish(Line(name)).then(
          () => outcomes[name] = "ok",
          (error) => outcomes[name] = error.code,
        );
      }
    },
    batches: () => backend.sent.map((batch) => batch.join(" ")),
  };
}

describe("publish() to a FIFO destination", () => {
  it("takes the group of the event type and the event's id for de-duplication", async () => {
    const { publisher, backend } = setUp({});
    await publisher.publish(Line("a1", { id: "e-1" }));
    await publisher.publish(Line("a1", { id: "e-1" }), { group: "mine", deduplicationId: "d" });
    await publisher.publish(Line("a1", { id: "e-1" }), { queue: "other.fifo" });
    assertEquals(
      backend.calls.map(({ messages: [first] }) => [first?.group, first?.deduplicationId]),
      [["a", "e-1"], ["mine", "d"], ["a", "e-1"]],
    );
  });

  it("sends no id for de-duplication where it is told so, one by one or for all", async () => {
    const { publisher, backend } = setUp({});
    await publisher.publish(Line("a1"), { deduplicationId: false });
    await publisher.publish(Line("a1"), { queue: "other.fifo", deduplicationId: false });
    await publisher.publish(Line("a1"), { queue: "plain", deduplicationId: false });
    await publisher.publishAll([Line("a1"), { event: Line("a2"), deduplicationId: "d" }], {
      deduplicationId: false,
    });
    assertEquals(
      backend.calls.map(({ messages }) => messages.map((message) => message.deduplicationId)),
      [[undefined], [undefined], [undefined], [undefined, "d"]],
    );
    const all = backend.calls.flatMap(({ messages }) => messages);
    assert(all.slice(0, 4).every((message) => !("deduplicationId" in message)));
  });

  it("lets the destination go by the content then, and by the event otherwise", async () => {
    const clock = new VirtualClock();
    const backend = new MemoryBackend({ clock });
    await backend.declareTopic("content.fifo", { contentBasedDeduplication: true });
    await backend.declareQueue("content.fifo", { contentBasedDeduplication: true });
    await backend.declareQueue("copy.fifo", { subscribeTo: ["content.fifo"] });
    await backend.declareQueue("ids.fifo");
    const publisher = new MessagePublisher({ backend, clock });
    const twice = async (options: PublishOptions & { deduplicationId?: false }) => {
      const results = [
        ...await publisher.publishAll([Line("a1"), Line("a1")], options),
        ...await publisher.publishAll([Line("a1")], options),
      ];
      return results.map((result) => result.ok ? "ok" : result.error.code);
    };
    const count = async (queue: string) => (await backend.describeQueue(queue)).available;
    await twice({ queue: "content.fifo", deduplicationId: false });
    await twice({ topic: "content.fifo", deduplicationId: false });
    assertEquals([await count("content.fifo"), await count("copy.fifo")], [1, 1]);
    await twice({ queue: "content.fifo" });
    assertEquals(await count("content.fifo"), 4);
    const no = "INVALID_MESSAGE";
    assertEquals(await twice({ queue: "ids.fifo", deduplicationId: false }), [no, no, no]);
    assertEquals(await count("ids.fifo"), 0);
    await backend.close();
  });

  it("knows a FIFO destination by its ARN and URL, too", async () => {
    const { publisher, backend } = setUp({});
    await publisher.publish(Line("a1"), { topic: "arn:aws:sns:eu-west-1:123456789012:t.fifo" });
    await publisher.publish(Line("a1"), { queue: "https://sqs.test/123456789012/q.fifo" });
    assertEquals(backend.calls.map(({ messages: [first] }) => first?.group), ["a", "a"]);
  });

  it("gives a standard destination a group only if the call does, and no id", async () => {
    const { publisher, backend } = setUp({});
    await publisher.publish(Line("a1"), { topic: "plain" });
    await publisher.publish(Line("a1"), { topic: "plain", group: "tenant" });
    assertEquals(
      backend.calls.map(({ messages: [first] }) => [first?.group, first?.deduplicationId]),
      [[undefined, undefined], ["tenant", undefined]],
    );
  });

  it("refuses an event whose group function throws, without quoting it, and no other", async () => {
    const Broken = defineEvent("Broken", {
      topic: "lines.fifo",
      schema: typed<{ secret: string }>(),
      group: ({ secret }) => {
        throw new Error(secret);
      },
    });
    const { publisher, backend } = setUp({});
    const events: Event[] = [Broken({ secret: "s3cret" }), Line("a1")];
    const [broken, good] = await publisher.publishAll(events);
    assert(broken?.ok === false && good?.ok);
    assertEquals([broken.error.code, broken.error.cause], ["INVALID_EVENT", undefined]);
    assertMatch(broken.error.message, /"Broken".*group function threw/);
    assert(!`${broken.error.stack}`.includes("s3cret"));
    assertEquals(backend.sent, [["a1"]]);
  });

  it("refuses a group that is a promise, and reports nowhere else that it rejects", async () => {
    const group = (() => Promise.reject(new Error("s3cret"))) as unknown as () => string;
    const Later = defineEvent("Later", { topic: "lines.fifo", schema: typed<number>(), group });
    const { publisher, backend } = setUp({});
    const results = await publisher.publishAll([Later(1), Line("a1")]);
    assertEquals(results.map((result) => result.ok || result.error.code), [
      "INVALID_MESSAGE",
      true,
    ]);
    assertEquals(backend.sent, [["a1"]]);
    // Let a rejection that nobody handles be told: it would fail this test.
    await new Promise((resolve) => setTimeout(resolve, 0));
  });

  it("keeps the id over all attempts, so that a repetition is dropped", async () => {
    const { publish, clock, backend, outcomes } = setUp({
      steps: [fail(passing("OUTCOME_UNKNOWN")), answer("ok", passing())],
    });
    publish("a1", "a2");
    await clock.advance(1_000);
    const ids = backend.calls.map(({ messages }) => messages.map((m) => m.deduplicationId));
    assertEquals(ids, [ids[0]!, ids[0]!, [ids[0]![1]]]);
    assertEquals(outcomes, { a1: "ok", a2: "ok" });
  });
});

describe("order in a FIFO group", () => {
  it("never has two batches of one group under way", async () => {
    const first = hang();
    const { publish, clock, batches, outcomes } = setUp({ steps: [first], eager: true });
    publish("a1");
    await clock.advance(0);
    publish("a2", "b1");
    await clock.advance(0);
    assertEquals(batches(), ["a1", "b1"]);
    first.release();
    await clock.advance(0);
    assertEquals([batches(), outcomes.a2], [["a1", "b1", "a2"], "ok"]);
  });

  it("keeps the order over many batches, whatever the groups do", async () => {
    const random = seededRandom(7);
    const steps = Array.from({ length: 200 }, () => {
      const held = hang();
      return { held, ends: random() };
    });
    const { publish, clock, backend } = setUp({
      steps: steps.map(({ held }) => held),
      maxPending: 50,
    });
    const count: Record<string, number> = { a: 0, b: 0, c: 0, d: 0 };
    const underWay = new Set<number>();
    for (let turn = 0; turn < 60; turn++) {
      for (let n = 0; n < 5; n++) {
        const group = "abcd"[Math.floor(random() * 4)]!;
        publish(`${group}${count[group]!++}`);
      }
      await null;
      backend.calls.forEach((_, call) => underWay.add(call));
      for (const call of underWay) {
        if (random() < 0.5) steps[call]!.held.release();
      }
    }
    for (let n = 0; n < 100; n++) {
      steps.forEach(({ held }) => held.release());
      await clock.advance(0);
    }
    for (const group of "abcd") {
      const sent = backend.sent.flat().filter((name) => `${name}`.startsWith(group));
      assertEquals(sent, Array.from({ length: count[group]! }, (_, n) => `${group}${n}`));
    }
  });

  it("puts many groups into one request", async () => {
    const { publish, clock, batches } = setUp({});
    publish("a1", "b1", "c1", "a2", "b2");
    await clock.advance(0);
    assertEquals(batches().length, 1);
  });

  it("refuses an entry that was overtaken by a stored one of its group, and sends it no more", async () => {
    const { publish, clock, batches, outcomes } = setUp({
      steps: [answer(passing(), "ok", passing(), "ok", passing("OUTCOME_UNKNOWN"), "ok")],
    });
    publish("a1", "a2", "b1", "c1", "c2", "c3");
    await clock.advance(60_000);
    assertEquals(batches(), ["a1 a2 b1 c1 c2 c3", "b1"]);
    assertEquals(outcomes, {
      a1: "THROTTLED",
      a2: "ok",
      b1: "ok",
      c1: "ok",
      c2: "OUTCOME_UNKNOWN",
      c3: "ok",
    });
  });

  it("tells that it was overtaken, and that trying again is no use", async () => {
    const { publisher } = setUp({ steps: [answer(passing(), "ok")] });
    const [first] = await publisher.publishAll([Line("a1"), Line("a2")]);
    assert(first?.ok === false);
    assertMatch(first.error.message, /a later one of its group was stored/);
    assertEquals([first.error.retryable, (first.error.cause as MelangeError).code], [
      false,
      "THROTTLED",
    ]);
  });

  it("leaves an error as it is that was final anyway", async () => {
    const error = lasting("ACCESS_DENIED");
    const { publisher } = setUp({ steps: [answer(error, "ok")] });
    const [first] = await publisher.publishAll([Line("a1"), Line("a2")]);
    assert(first?.ok === false);
    assertStrictEquals(first.error, error);
  });

  it("sends the tail of a group again, in order, where nothing overtook it", async () => {
    const { publish, clock, batches, outcomes } = setUp({
      steps: [answer("ok", passing(), passing(), lasting("REFUSED"), passing())],
    });
    publish("a1", "a2", "a3", "a4", "a5");
    await clock.advance(1_000);
    assertEquals(batches(), ["a1 a2 a3 a4 a5", "a2 a3 a5"]);
    assertEquals(outcomes, { a1: "ok", a2: "ok", a3: "ok", a4: "REFUSED", a5: "ok" });
  });

  it("holds back what comes later of a group that is tried again", async () => {
    const { publish, clock, batches, outcomes } = setUp({ steps: [answer(passing(), "ok")] });
    publish("a1", "b1");
    await clock.advance(10);
    publish("a2", "b2");
    await clock.advance(10);
    assertEquals(batches(), ["a1 b1"]);
    await clock.advance(1_000);
    assertEquals(outcomes, { a1: "ok", b1: "ok", a2: "ok", b2: "ok" });
    assertEquals(batches().slice(0, 2), ["a1 b1", "a1"]);
  });

  it("goes on with the group after an entry that failed for good", async () => {
    const { publish, clock, outcomes } = setUp({
      steps: Array.from({ length: 2 }, () => answer(passing())),
      retry: { maxAttempts: 2 },
    });
    publish("a1");
    await clock.advance(10);
    publish("a2");
    await clock.advance(1_000);
    assertEquals(outcomes, { a1: "THROTTLED", a2: "ok" });
  });

  it("is that of the calls, also where the first data takes longer to check", async () => {
    const waits: (() => void)[] = [];
    const Slow = defineEvent("Slow", {
      topic: "lines.fifo",
      group: () => "a",
      schema: {
        "~standard": {
          version: 1,
          vendor: "test",
          validate: (value: unknown) =>
            new Promise<{ value: string }>((resolve) => {
              waits.push(() => resolve({ value: value as string }));
            }),
        },
      },
    });
    const { publisher, publish, clock, batches } = setUp({});
    void publisher.publish(Slow("a1"));
    publish("a2");
    void publisher.publish(Slow("a3"));
    publish("a4");
    await clock.advance(0);
    waits[1]!();
    await clock.advance(0);
    assertEquals(batches(), []);
    waits[0]!();
    await clock.advance(0);
    assertEquals(batches(), ["a1 a2 a3 a4"]);
  });

  it("is kept while events go to other destinations", async () => {
    let check = () => {};
    const Slow = defineEvent("Slow", {
      topic: "lines.fifo",
      group: () => "a",
      schema: {
        "~standard": {
          version: 1,
          vendor: "test",
          validate: (value: unknown) =>
            new Promise<{ value: string }>((resolve) => {
              check = () => resolve({ value: value as string });
            }),
        },
      },
    });
    const { publisher, publish, clock, batches } = setUp({});
    void publisher.publish(Slow("a1"));
    await publisher.publish(Line("x"), { topic: "other" });
    publish("a2");
    await clock.advance(0);
    check();
    await clock.advance(0);
    assertEquals(batches(), ["x", "a1 a2"]);
  });

  it("does not wait for an event that violates its schema or gives up", async () => {
    const waits: ((valid: boolean) => void)[] = [];
    const Slow = defineEvent("Slow", {
      topic: "lines.fifo",
      group: () => "a",
      schema: {
        "~standard": {
          version: 1,
          vendor: "test",
          validate: (value: unknown) =>
            new Promise<{ value: string } | { issues: { message: string }[] }>((resolve) => {
              waits.push((valid) =>
                resolve(valid ? { value: value as string } : { issues: [{ message: "no" }] })
              );
            }),
        },
      },
    });
    const { publisher, publish, clock, batches } = setUp({});
    const controller = new AbortController();
    const bad = publisher.publish(Slow("a1")).catch((error) => error.code);
    const given = publisher.publish(Slow("a2"), { signal: controller.signal }).catch(String);
    publish("a3");
    waits[0]!(false);
    await clock.advance(0);
    assertEquals([await bad, batches()], ["INVALID_EVENT", []]);
    controller.abort("enough");
    await clock.advance(0);
    assertEquals([await given, batches()], ["enough", ["a3"]]);
  });

  it("counts as stored what may have been stored: what stands before it is not sent again", async () => {
    const unknown = () => passing("OUTCOME_UNKNOWN");
    const cases: [Step, string[], Record<string, string>][] = [
      [answer(unknown(), unknown()), ["a2"], { a1: "OUTCOME_UNKNOWN", a2: "ok" }],
      [answer(passing(), unknown()), ["a2"], { a1: "THROTTLED", a2: "ok" }],
      [answer(unknown(), "ok"), [], { a1: "OUTCOME_UNKNOWN", a2: "ok" }],
      [answer("ok", unknown()), ["a2"], { a1: "ok", a2: "ok" }],
      [answer(unknown(), passing()), ["a1 a2"], { a1: "ok", a2: "ok" }],
      [answer(unknown(), lasting()), ["a1"], { a1: "ok", a2: "REFUSED" }],
      [answer(passing(), lasting("OUTCOME_UNKNOWN")), [], {
        a1: "THROTTLED",
        a2: "OUTCOME_UNKNOWN",
      }],
      [() => [{ ok: false, error: passing() }], ["a2"], { a1: "THROTTLED", a2: "ok" }],
      [() => [], ["a2"], { a1: "OUTCOME_UNKNOWN", a2: "ok" }],
    ];
    for (const [index, [step, again, expected]] of cases.entries()) {
      const { publish, clock, batches, outcomes } = setUp({ steps: [step] });
      publish("a1", "a2");
      await clock.advance(60_000);
      assertEquals([batches().slice(1), outcomes], [again, expected], `case ${index}`);
    }
  });

  it("is kept by a service that stores and answers in any combination, or answers nothing", async () => {
    const fates = ["ok", "refused", "passing", "unknown", "stored", "mute", "stored mute"] as const;
    const combinations = fates.flatMap((a) => fates.flatMap((b) => fates.map((c) => [a, b, c])));
    const lost = [["lost"], ["stored lost"]];
    const random = seededRandom(11);
    const draw = () => [...lost, ...combinations][Math.floor(random() * 345)]!;
    const clock = new VirtualClock({ now: 0 });
    const runs = [...lost, ...combinations].map((first) => {
      const attempts = [first, draw(), draw(), ["ok", "ok", "ok"]];
      const stored: string[] = [];
      const service = (fate: string | undefined, body: string): SendResult | undefined => {
        if (fate === "refused") return { ok: false, error: lasting() };
        if (fate === "passing") return { ok: false, error: passing() };
        // A repetition is dropped by its deduplication id, and takes no new place.
        const done = fate !== "unknown" && fate !== "mute" && fate !== "lost";
        if (done && !stored.includes(body)) stored.push(body);
        if (fate?.endsWith("mute")) return undefined;
        if (fate !== undefined && fate !== "ok") {
          return { ok: false, error: passing("OUTCOME_UNKNOWN") };
        }
        return { ok: true, messageId: "m" };
      };
      const steps = attempts.map((fates): Step => (messages) => {
        const whole = fates[0]!.endsWith("lost") ? fates[0] : undefined;
        const results = messages.map(({ body }, at) => service(whole ?? fates[at], body));
        if (whole) throw passing("OUTCOME_UNKNOWN");
        return results as SendResult[];
      });
      const { publish, outcomes } = setUp({ steps, clock, retry: { maxAttempts: 4 } });
      publish("a1", "a2", "a3");
      return { attempts, outcomes, stored };
    });
    await clock.advance(60_000);
    for (const { attempts, outcomes, stored } of runs) {
      const said = `${attempts.join(" | ")} gave ${JSON.stringify(outcomes)}, stored ${stored}`;
      const names = stored.map((body) => JSON.parse(body));
      assertEquals(names, [...names].sort(), said);
      for (const name of ["a1", "a2", "a3"]) {
        const told = outcomes[name];
        if (told === "ok") assert(names.includes(name), said);
        else if (told !== "OUTCOME_UNKNOWN") assert(told && !names.includes(name), said);
      }
    }
  });

  it("survives a backend that answers at random", async () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const random = seededRandom(seed);
      const stored: string[] = [];
      const chaos: Step = (messages) =>
        messages.map(({ body }): SendResult => {
          const luck = random();
          if (luck < 0.2) return { ok: false, error: passing() };
          if (luck < 0.3) return { ok: false, error: passing("OUTCOME_UNKNOWN") };
          if (luck < 0.35) return { ok: false, error: lasting() };
          stored.push(JSON.parse(body));
          return { ok: true, messageId: "m" };
        });
      const { publish, clock, outcomes } = setUp({
        steps: Array.from({ length: 2_000 }, () => chaos),
        retry: { maxAttempts: 4 },
      });
      const names = Array.from({ length: 90 }, (_, n) => `${"abc"[n % 3]}${n}`);
      for (let n = 0; n < names.length; n += 9) {
        publish(...names.slice(n, n + 9));
        await clock.advance(20);
      }
      await clock.advance(600_000);
      assertEquals(Object.keys(outcomes).length, names.length);
      for (const group of "abc") {
        const arrived = stored.filter((name) => name[0] === group);
        const expected = names.filter((name) => name[0] === group && outcomes[name] === "ok");
        assertEquals(arrived, expected, `seed ${seed}, group ${group}`);
      }
    }
  });
});
