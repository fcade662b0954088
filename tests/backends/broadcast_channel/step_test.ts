import { assertEquals } from "@std/assert";
import { beforeEach, describe, it } from "@std/testing/bdd";
import { type Content, type Frame, VERSION } from "../../../backends/broadcast_channel/frame.ts";
import {
  createMember,
  type Effect,
  type Member,
} from "../../../backends/broadcast_channel/member.ts";
import type { Outcome } from "../../../backends/broadcast_channel/outcome.ts";
import { dueAt, type Input, step } from "../../../backends/broadcast_channel/step.ts";
import { timingOf } from "../../../backends/broadcast_channel/timing.ts";
import type { Delivery } from "../../../src/backend.ts";

const SEND: Input = {
  kind: "submit",
  ticket: 7,
  operation: {
    kind: "send",
    destination: { queue: "q" },
    messages: [{ body: "b", attributes: {} }],
    id: "message-0000",
    create: false,
  },
};
const DECLARE: Input = {
  kind: "submit",
  ticket: 1,
  operation: { kind: "declareQueue", name: "q", settings: {}, subscriptions: [] },
};

function attemptsIn(outcome: Outcome): number[] {
  if ("error" in outcome) throw outcome.error;
  return (outcome.value as Delivery[]).map(({ message }) => message.attempt);
}

describe("step()", () => {
  let member: Member;
  let now: number;

  beforeEach(() => {
    now = 1_000;
    member = create();
  });

  function create(): Member {
    const timing = timingOf({ leaderTimeoutMs: 3_600, memberTimeoutMs: 10_000 });
    return createMember({ id: "me", timing, hasLocks: false }, now);
  }

  function give(input: Input, to: Member = member): Effect[] {
    const newId = () => "log";
    return step(to, input, { now, random: () => 0.5, newId, holdsLock: false });
  }

  function hear(content: Content, from = "other"): Effect[] {
    return give({ kind: "frame", frame: { version: VERSION, from, ...content } as Frame });
  }

  function posts(effects: readonly Effect[]): string[] {
    return effects.flatMap((effect) => effect.kind === "post" ? [effect.content.kind] : []);
  }

  /** Lets the member lead alone. */
  function lead(): Effect[] {
    give({ kind: "opened" });
    now += 100;
    give({ kind: "alarm" });
    now += 100;
    return give({ kind: "alarm" });
  }

  it("claims when a channel opens, again after 0.1 s, and leads after 0.2 s", () => {
    assertEquals(posts(give({ kind: "opened" })), ["claim"]);
    assertEquals(dueAt(member), 1_100);
    now = 1_100;
    assertEquals(posts(give({ kind: "alarm" })), ["claim"]);
    assertEquals(dueAt(member), 1_200);
    now = 1_200;
    assertEquals(posts(give({ kind: "alarm" })), ["beat"]);
    assertEquals(member.leader?.epoch, member.highestEpoch);
  });

  it("asks to flush at a call, and to commit after the post of its entry", () => {
    lead();
    assertEquals(give(SEND), [{ kind: "flush" }]);
    const effects = give({ kind: "flush" });
    assertEquals(effects.map(({ kind }) => kind), ["flush", "post", "commit"]);
    assertEquals(posts(effects), ["entries"]);
  });

  it("settles at the commit only: a channel that throws meanwhile ends the leadership", () => {
    lead();
    give(DECLARE);
    give({ kind: "flush" });
    assertEquals(give({ kind: "commit" }).map(({ kind }) => kind), ["settle"]);
    give(SEND);
    give({ kind: "flush" });
    give({ kind: "broken" });
    assertEquals(give({ kind: "commit" }), []);
    assertEquals([member.leader, member.isMute], [undefined, true]);
  });

  it("tells an entry that only it had once it leads again on another channel", () => {
    lead();
    give(DECLARE);
    give({ kind: "flush" });
    give({ kind: "broken" });
    assertEquals(lead().filter(({ kind }) => kind === "settle"), []);
    give({ kind: "flush" });
    const settled = give({ kind: "commit" }).filter(({ kind }) => kind === "settle");
    assertEquals(settled.map((effect) => effect.kind === "settle" && effect.ticket), [1]);
  });

  it("says, hears and accepts nothing while it is mute", () => {
    lead();
    give({ kind: "broken" });
    const effects = [...give(SEND), ...give({ kind: "flush" }), ...give({ kind: "alarm" })];
    assertEquals(posts([...effects, ...hear({ kind: "claim", epoch: 2 ** 40, isSure: true })]), []);
    assertEquals(member.peers.size, 0);
    assertEquals(posts(give({ kind: "close" })), []);
  });

  it("goes on with the time of the log where the leader before it ended, at its own pace", () => {
    give({ kind: "opened" });
    const epoch = 2 ** 40;
    const base = { epoch: 0, seq: 0 };
    hear({ kind: "beat", epoch, log: "theirs", seq: 0, base, probe: [] });
    const { operation } = DECLARE;
    const entry = { seq: 1, epoch, now: 50_000, member: "other", number: 1, done: [0, 0] as const };
    hear({ kind: "entries", epoch, entries: [{ ...entry, operation }], to: "me", after: base });
    assertEquals(member.replica.state.now, 50_000);
    hear({ kind: "bye" });
    for (let n = 0; n < 5; n++) {
      now += 100;
      give({ kind: "alarm" });
    }
    const leading = member.leader!;
    assertEquals([leading.aheadMs, leading.since], [49_000, 1_000]);
    give(SEND);
    give({ kind: "flush" });
    assertEquals(member.replica.state.now, 50_500);
    now += 700;
    give({ ...SEND, ticket: 8 });
    give({ kind: "flush" });
    assertEquals(member.replica.state.now, 51_200);
  });

  it("asks the leader that it follows, and repeats that after 0.25 s", () => {
    give({ kind: "opened" });
    const base = { epoch: 0, seq: 0 };
    hear({ kind: "beat", epoch: 2 ** 40, log: "theirs", seq: 0, base, probe: [] });
    hear({
      kind: "entries",
      epoch: 2 ** 40,
      entries: [],
      to: "me",
      after: base,
      ask: "me",
    });
    give(SEND);
    assertEquals(posts(give({ kind: "flush" })), ["request"]);
    assertEquals(posts(give({ kind: "flush" })), []);
    now += 250;
    give({ kind: "alarm" });
    assertEquals(posts(give({ kind: "flush" })), ["request"]);
  });

  it("flushes at once when eight calls wait", () => {
    lead();
    const effects = Array.from({ length: 8 }, (_, at) => give({ ...SEND, ticket: at + 1 }));
    assertEquals(effects.map(posts), [...Array(7).fill([]), ["entries"]]);
  });

  it("forgets a call that was withdrawn before it was sent", () => {
    lead();
    give(SEND);
    give({ kind: "withdraw", ticket: 7 });
    assertEquals(posts(give({ kind: "flush" })), []);
  });

  it("lets a receive take the place of one that ended a moment ago", () => {
    give({ kind: "opened" });
    const base = { epoch: 0, seq: 0 };
    hear({ kind: "beat", epoch: 2 ** 40, log: "theirs", seq: 0, base, probe: [] });
    const poll = { queue: "q", max: 1, visibilityMs: 1_000, waitMs: 500, endsAt: now + 500 };
    give({ kind: "receive", ticket: 1, ...poll });
    assertEquals(posts(give({ kind: "flush" })), ["request"]);
    give({ kind: "abandon", ticket: 1, lingers: true });
    assertEquals(dueAt(member), now + 50);
    assertEquals(give({ kind: "receive", ticket: 2, ...poll }), []);
    now += 50;
    give({ kind: "alarm" });
    assertEquals(posts(give({ kind: "flush" })), []);
    give({ kind: "abandon", ticket: 2, lingers: true });
    now += 50;
    give({ kind: "alarm" });
    assertEquals(posts(give({ kind: "flush" })), ["request"]);
  });

  it("gives back the messages of a receive that ended when they were on their way", () => {
    lead();
    const poll = { queue: "q", max: 1, visibilityMs: 1_000, waitMs: 0, endsAt: now };
    give(DECLARE);
    give(SEND);
    give({ kind: "receive", ticket: 8, ...poll });
    give({ kind: "flush" });
    give({ kind: "abandon", ticket: 8, lingers: false });
    give({ kind: "commit" });
    give({ kind: "receive", ticket: 9, ...poll });
    give({ kind: "flush" });
    const attempts = give({ kind: "commit" }).flatMap((effect) =>
      effect.kind === "settle" && effect.ticket === 9 ? attemptsIn(effect.outcome) : []
    );
    assertEquals(attempts, [2]);
  });

  it("says bye at the end, and takes no step after it", () => {
    lead();
    assertEquals(posts(give({ kind: "close" })), ["bye"]);
    assertEquals(give({ kind: "alarm" }), []);
    assertEquals(hear({ kind: "claim", epoch: 2 ** 40, isSure: true }), []);
  });

  it("has equal effects for equal inputs on equal members", () => {
    const start = now;
    const effects = () => {
      now = start;
      member = create();
      return [...lead(), ...give(DECLARE), ...give(SEND), ...give({ kind: "flush" })];
    };
    assertEquals(effects(), effects());
  });
});
