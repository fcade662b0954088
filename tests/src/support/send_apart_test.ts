import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { VirtualClock } from "../../../backends/memory/testing.ts";
import type { SendResult } from "../../../src/backend.ts";
import { MelangeError } from "../../../src/support/errors.ts";
import { defineEvent, typed } from "../../../src/event/event.ts";
import { MessagePublisher } from "../../../src/publish/publisher.ts";
import { sendApart } from "../../../src/support/send_apart.ts";
import { fail, fakeSender, lasting, passing, type Step, store } from "../../fakes/sender.ts";

const Line = defineEvent("Line", {
  topic: "lines",
  schema: typed<string>(),
  group: (text) => text[0]!,
});

const textOf = ({ body }: { body: string }): string => JSON.parse(body);

/** Refuses a whole request for any entry of which `test` says so. */
function refusing(test: (texts: string[]) => boolean, code = "INVALID_MESSAGE"): Step {
  return (messages) => {
    if (test(messages.map(textOf))) throw lasting(code);
    return store(messages);
  };
}

const isBad = (texts: string[]) => texts.some((text) => text.includes("bad"));

/** Publishes in one turn; tells what became of each, and what was requested. */
async function publish(names: string[], steps: Step[], topic = "lines") {
  const clock = new VirtualClock({ now: 0 });
  const backend = fakeSender({ steps });
  const publisher = new MessagePublisher({ backend, clock, random: () => 0.5 });
  const publishing = publisher.publishAll(names.map((name) => Line(name)), { topic });
  await clock.advance(120_000);
  const results = await publishing;
  return {
    codes: results.map((result) => result.ok ? "ok" : result.error.code),
    requests: backend.sent.map((batch) => batch.join(" ")),
  };
}

const always = (step: Step) => Array.from({ length: 200 }, () => step);

describe("publish() of a batch that is refused as a whole", () => {
  const TEN = Array.from("abcdefghij");

  for (const code of ["INVALID_MESSAGE", "REFUSED"]) {
    it(`fails only the entry that it was refused for, at any place (${code})`, async () => {
      for (let place = 0; place < 10; place++) {
        const names = TEN.map((name, at) => at === place ? `${name}bad` : name);
        const { codes, requests } = await publish(names, always(refusing(isBad, code)));
        assertEquals(codes, names.map((name) => name.includes("bad") ? code : "ok"));
        assert(requests.length <= 9, `${requests.length} requests`);
      }
    });
  }

  it("takes 19 requests at the most, and tries nothing a second time", async () => {
    const names = TEN.map((name) => `${name}bad`);
    const { codes, requests } = await publish(names, always(refusing(isBad)));
    assertEquals(codes, names.map(() => "INVALID_MESSAGE"));
    assertEquals([requests.length, requests.filter((it) => !it.includes(" ")).length], [19, 10]);
  });

  it("goes out in halves where it was too long", async () => {
    const { codes, requests } = await publish(TEN, always(refusing(({ length }) => length > 4)));
    assertEquals(codes, TEN.map(() => "ok"));
    const [whole, ...halves] = requests;
    assertEquals(whole, "a b c d e f g h i j");
    assertEquals(halves, ["a b c d e", "a b", "c d e", "f g h i j", "f g", "h i j"]);
  });

  for (const code of ["ACCESS_DENIED", "NOT_FOUND", "CONFIGURATION", "UNSUPPORTED", "CLOSED"]) {
    it(`is not taken apart for what all would fail of (${code})`, async () => {
      const { codes, requests } = await publish(TEN, always(fail(lasting(code))));
      assertEquals([codes, requests.length], [TEN.map(() => code), 1]);
    });
  }

  it("is not taken apart where it may go away, or may have been done", async () => {
    for (const code of ["THROTTLED", "OUTCOME_UNKNOWN", "REFUSED"]) {
      const { codes, requests } = await publish(TEN, [fail(passing(code))]);
      assertEquals([codes, requests], [TEN.map(() => "ok"), Array(2).fill(TEN.join(" "))]);
    }
    const { codes, requests } = await publish(TEN, [fail(new TypeError("a bug"))]);
    assertEquals([codes, requests.length], [TEN.map(() => "OUTCOME_UNKNOWN"), 1]);
  });

  it("sends again only what failed in passing", async () => {
    const no = refusing(() => true);
    const steps = [no, fail(passing()), store];
    const { codes, requests } = await publish(["a", "b", "c", "d"], steps);
    assertEquals(codes, ["ok", "ok", "ok", "ok"]);
    assertEquals(requests, ["a b c d", "a b", "a b c d"]);
  });

  it("does not go on to a service that throttles, denies or does not answer", async () => {
    for (const code of ["ACCESS_DENIED", "NOT_FOUND", "OUTCOME_UNKNOWN"]) {
      const steps = [refusing(() => true), ...always(fail(lasting(code)))];
      const { codes, requests } = await publish(["a", "b", "c", "d"], steps);
      assertEquals([codes, requests], [[code, code, code, code], ["a b c d", "a b", "c d"]]);
    }
  });
});

describe("the order of a FIFO group in a batch that is refused as a whole", () => {
  const lines = "lines.fifo";

  it("is kept while it is taken apart", async () => {
    const names = ["a1", "b1", "a2", "a3bad", "b2", "a4", "b3"];
    const { codes, requests } = await publish(names, always(refusing(isBad)), lines);
    assertEquals(codes, names.map((name) => name.includes("bad") ? "INVALID_MESSAGE" : "ok"));
    const stored = requests.filter((it) => !it.includes("bad")).join(" ").split(" ");
    for (const group of "ab") {
      const own = stored.filter((name) => name[0] === group);
      assertEquals(own, names.filter((name) => name[0] === group && !name.includes("bad")));
    }
  });

  it("holds back what comes behind an entry that is to be sent again", async () => {
    const steps: Step[] = [
      refusing(() => true),
      () => [{ ok: true, messageId: "m" }, { ok: false, error: passing() }],
    ];
    const { codes, requests } = await publish(["a1", "a2", "a3", "b1"], steps, lines);
    assertEquals(codes, ["ok", "ok", "ok", "ok"]);
    assertEquals(requests, ["a1 a2 a3 b1", "a1 a2", "b1", "a2 a3"]);
  });

  it("holds it back behind one that may have been stored, too", async () => {
    const steps: Step[] = [
      refusing(() => true),
      () => [{ ok: false, error: passing("OUTCOME_UNKNOWN") }],
    ];
    const { codes, requests } = await publish(["a1", "a2"], steps, lines);
    assertEquals([codes, requests], [["ok", "ok"], ["a1 a2", "a1", "a1 a2"]]);
  });

  it("goes on behind an entry that failed for good", async () => {
    const steps = [refusing(() => true), fail(lasting("INVALID_MESSAGE"))];
    const { codes, requests } = await publish(["a1", "a2"], steps, lines);
    assertEquals([codes, requests], [["INVALID_MESSAGE", "ok"], ["a1 a2", "a1", "a2"]]);
  });

  it("says of what never left that it was not stored", async () => {
    const no = refusing(({ length }) => length > 1);
    const steps = Array.from({ length: 99 }, (): Step => (messages) => {
      if (messages.length > 1) return no(messages);
      return [{ ok: false, error: passing() }];
    });
    const { codes, requests } = await publish(["a1", "a2"], steps, lines);
    assertEquals(codes, ["THROTTLED", "REFUSED"]);
    assertEquals(new Set(requests), new Set(["a1 a2", "a1"]));
  });
});

describe("sendApart()", () => {
  const message = { body: '"a"', attributes: {} };

  it("throws what a request failed of that was the only one", async () => {
    const error = lasting("ACCESS_DENIED");
    const send = () => Promise.reject(error);
    const thrown = await assertRejects(() => sendApart([message], { send }));
    assertStrictEquals(thrown, error);
  });

  it("gives an entry without a result one that says so", async () => {
    const send = () => Promise.resolve<SendResult[]>([]);
    const [result] = await sendApart([message], { send, groupOf: () => "g" });
    assert(result?.ok === false && result.error instanceof MelangeError);
    assertEquals([result.error.code, result.error.retryable], ["OUTCOME_UNKNOWN", true]);
  });
});
