import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { MelangeError } from "../../../src/support/errors.ts";
import type { Operation } from "../../../backends/broadcast_channel/operation.ts";
import type { Outcome } from "../../../backends/broadcast_channel/outcome.ts";
import {
  apply,
  createState,
  holdersIn,
  type State,
} from "../../../backends/broadcast_channel/state.ts";

/** A state, and a short word for doing something to it. */
function createBench(state: State = createState()) {
  let seq = 0;
  return {
    state,
    at: 1_000_000,
    do(operation: Operation, member: string = "a"): Outcome {
      const place = { seq: ++seq, epoch: 1, now: this.at, number: seq, done: [1, 1] as const };
      return apply(state, { ...place, member, operation }).outcome;
    },
  };
}

const RECEIVE: Operation = { kind: "receive", queue: "q", max: 10, visibilityMs: 30_000 };
const DECLARE: Operation = { kind: "declareQueue", name: "q", settings: {}, subscriptions: [] };
const send = (bodies: readonly string[], id: string = "id-00000000"): Operation => ({
  kind: "send",
  destination: { queue: "q" },
  messages: bodies.map((body) => ({ body, attributes: {} })),
  id,
  create: false,
});

describe("apply()", () => {
  it("lets 120,000 messages of a queue be in flight, as SQS, and not one more", () => {
    const bench = createBench();
    bench.do(DECLARE);
    const ten = send("0123456789".split(""));
    for (let i = 0; i < 12_001; i++) bench.do(ten);
    let last: Outcome | undefined;
    for (let i = 0; i < 12_000; i++) last = bench.do(RECEIVE);
    assertEquals(last && "value" in last && (last.value as unknown[]).length, 10);
    const refused = bench.do(RECEIVE);
    assert("error" in refused);
    assertInstanceOf(refused.error, MelangeError);
    assertEquals(refused.error.code, "THROTTLED");
  });

  it("makes an id for each message of the one that was sent, the same in every context", () => {
    const ids = [1, 2].map(() => {
      const bench = createBench();
      bench.do(DECLARE);
      const { value } = bench.do(send(["a", "b", "c"], "11111111-2222")) as { value: unknown };
      return (value as { messageId: string }[]).map(({ messageId }) => messageId);
    });
    assertEquals(ids[0], ["11111111-1000", "11111111-1001", "11111111-1002"]);
    assertEquals(ids[1], ids[0]);
  });

  it("never lets the time go back", () => {
    const bench = createBench();
    bench.do(DECLARE);
    bench.at -= 500;
    bench.do(send(["a"]));
    assertEquals(bench.state.now, 1_000_000);
  });

  it("tells which queues have something new: sent to, released, redriven, deleted", () => {
    const bench = createBench();
    const wokenBy = (operation: Operation, now: number = bench.at) => {
      const place = { seq: 1, epoch: 1, now, number: 1, done: [1, 1] as const, member: "a" };
      return [...apply(bench.state, { ...place, operation }).woken].sort();
    };
    const settings = { deadLetterQueue: "dead", maxReceives: 1 };
    const subscriptions = [["t", { raw: true }]] as const;
    assertEquals(wokenBy({ ...DECLARE, settings, subscriptions } as Operation), []);
    assertEquals(wokenBy(send(["a"])), ["q"]);
    assertEquals(wokenBy({ ...send(["a"]), destination: { topic: "t" } } as Operation), ["q"]);
    assertEquals(wokenBy(RECEIVE), []);
    assertEquals(wokenBy(RECEIVE, bench.at + 30_000), ["dead"]);
    const acknowledge: Operation = { kind: "acknowledge", queue: "q", receipts: ["none"] };
    assertEquals(wokenBy(acknowledge), ["q"]);
    assertEquals(wokenBy({ kind: "deleteQueue", name: "q" }), ["q"]);
  });

  it("releases what a member held that has gone, in every queue, and nothing of others", () => {
    const bench = createBench();
    for (const name of ["q", "r"]) bench.do({ ...DECLARE, name } as Operation);
    bench.do(send(["1", "2"]));
    bench.do({ ...send(["3"]), destination: { queue: "r" } } as Operation);
    const one = { ...RECEIVE, max: 1 } as Operation;
    bench.do(one, "gone");
    bench.do(one, "other");
    bench.do({ ...one, queue: "r" } as Operation, "gone");
    assertEquals([...holdersIn(bench.state)].sort(), ["gone", "other"]);
    bench.do({ kind: "gone", member: "gone" });
    for (const queue of ["q", "r"]) {
      const { value } = bench.do({ ...RECEIVE, queue } as Operation, "next") as {
        value: unknown[];
      };
      assertEquals(value.length, 1);
    }
    assertEquals([...holdersIn(bench.state)].sort(), ["next", "other"]);
  });
});
