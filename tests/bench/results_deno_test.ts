import { assertAlmostEquals, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { offCounts } from "../../bench/expectations.ts";
import { GOALS, type Verdict, verdictsOn, wordFor } from "../../bench/goals.ts";
import type { Measurement } from "../../bench/measurement.ts";
import {
  merged,
  ratioWithinRounds,
  type Result,
  resultsOf,
  spreadOf,
} from "../../bench/results.ts";
import { report, tableOf } from "../../bench/report.ts";

const MADE = { runtime: "node24", version: "24.0.0", date: "2026-01-01" };
const PUBLISH = "publish to a queue";
const OURS = "melange AwsBackend";

/** A run of 1,600 messages: ten of them in each request, unless told otherwise. */
function run(variant: string, round: number, change: Partial<Measurement> = {}): Measurement {
  const requests = { SendMessageBatch: 160 };
  const entries = { SendMessageBatch: 1_600 };
  const counts = { requests, entries, emptyReceives: 0, fullReceives: 0, signed: 160 };
  const times = { wallMs: 160, cpuMs: 80 };
  return { scenario: PUBLISH, variant, round, count: 1_600, ...times, counts, ...change };
}

function only(results: readonly Result[]): Result {
  assertEquals(results.length, 1);
  return results[0] as Result;
}

describe("resultsOf()", () => {
  it("tells microseconds a message by rounds, counts as ranges, and quantiles of all latencies", () => {
    const latencies = Array.from({ length: 50 }, (_, ms) => ms);
    const result = only(resultsOf([
      run(OURS, 0, { latencies }),
      run(OURS, 1, { wallMs: 320, latencies: latencies.map((ms) => ms + 50) }),
    ], MADE));
    assertEquals([result.wallUs, result.cpuUs, result.rounds], [[100, 200], [50, 50], [0, 1]]);
    assertEquals(result.counts["requests SendMessageBatch"], [160, 160]);
    assertEquals([result.p50, result.p99], [50, 99]);
  });

  it("keeps why a variant could not be run", () => {
    const failed = { scenario: PUBLISH, variant: OURS, failure: "Error: no" };
    assertEquals(only(resultsOf([failed], MADE)).failure, "Error: no");
  });

  it("puts ours first and limits last", () => {
    const lines = ["limit: fetch", "sqs-producer", OURS].map((variant) => run(variant, 0));
    const names = resultsOf(lines, MADE).map(({ variant }) => variant);
    assertEquals(names, [OURS, "sqs-producer", "limit: fetch"]);
  });
});

describe("merged()", () => {
  it("replaces a scenario as a whole on that runtime, and keeps all others", () => {
    const old = resultsOf([run("renamed since", 0), run(OURS, 0)], MADE);
    const elsewhere = resultsOf([run(OURS, 0)], { ...MADE, runtime: "bun" });
    const now = resultsOf([run(OURS, 0, { wallMs: 16 })], { ...MADE, date: "2026-01-02" });
    const all = merged([...old, ...elsewhere], now);
    assertEquals(all.map(({ runtime, date }) => [runtime, date]), [
      ["bun", "2026-01-01"],
      ["node24", "2026-01-02"],
    ]);
  });
});

describe("spreadOf() and ratioWithinRounds()", () => {
  it("give the median of an even and of an odd number, and nothing for nothing", () => {
    assertEquals(spreadOf([3, 1, 2]), { median: 2, least: 1, most: 3 });
    assertEquals(spreadOf([4, 1, 2, 3])?.median, 2.5);
    assertEquals(spreadOf([]), undefined);
  });

  it("compare what was measured in the same round", () => {
    // The machine was ten times as slow in the second round: the ratio is the same.
    const ours = only(resultsOf([run(OURS, 0), run(OURS, 1, { wallMs: 1_600 })], MADE));
    const peer = only(resultsOf([
      run("peer", 1, { wallMs: 3_200 }),
      run("peer", 0, { wallMs: 320 }),
    ], MADE));
    assertEquals(ratioWithinRounds(peer, ours, "wallUs"), { median: 2, least: 2, most: 2 });
  });

  it("leave out a round that the other one has not, and times that were not measured", () => {
    const { cpuMs: _, ...untimed } = run("peer", 1, { wallMs: 320 });
    const ours = only(resultsOf([run(OURS, 0), run(OURS, 1)], MADE));
    const peer = only(resultsOf([untimed], MADE));
    assertEquals(ratioWithinRounds(peer, ours, "wallUs"), { median: 2, least: 2, most: 2 });
    assertEquals(ratioWithinRounds(peer, ours, "cpuUs"), undefined);
  });
});

describe("offCounts()", () => {
  it("says nothing of times, however long", () => {
    assertEquals(offCounts(resultsOf([run(OURS, 0, { wallMs: 1e6, cpuMs: 1e6 })], MADE)), []);
  });

  it("says which count is off, in which round soever", () => {
    const { counts } = run(OURS, 0);
    const requests = { SendMessageBatch: 161 };
    const results = resultsOf(
      [run(OURS, 0), run(OURS, 1, { counts: { ...counts!, requests } })],
      MADE,
    );
    assertEquals(offCounts(results), [
      "publish to a queue, melange AwsBackend, node24: requests SendMessageBatch: 160 to 161 for 1600 messages, not 160",
    ]);
  });

  it("counts a variant that failed as off, but none of somebody else", () => {
    const failed = { scenario: PUBLISH, variant: OURS, failure: "Error: no" };
    assertEquals(
      new Set(offCounts(resultsOf([failed], MADE))),
      new Set([
        "publish to a queue, melange AwsBackend, node24: failed: Error: no",
      ]),
    );
    assertEquals(offCounts(resultsOf([{ ...failed, variant: "sqs-producer" }], MADE)), []);
  });
});

describe("verdictsOn() and wordFor()", () => {
  const goal = GOALS[0]!;
  const of = (median: number, more: boolean): Verdict => ({
    goal: { ...goal, more },
    runtime: "node24",
    must: 2,
    stretch: 4,
    found: { median, least: median, most: median },
  });

  it("measure a rate over that of sqs-producer", () => {
    const results = resultsOf([run(OURS, 0), run("sqs-producer", 0, { wallMs: 320 })], MADE);
    const [first, ...rest] = verdictsOn("node24", results);
    assertAlmostEquals(first?.found?.median ?? 0, 2);
    assertEquals(wordFor(first!, first!.must), "met");
    assertEquals(wordFor(rest.at(-1)!, rest.at(-1)!.must), "not measured");
  });

  it("say by how much a goal is missed, whether more or less is better", () => {
    assertEquals(wordFor(of(1.5, true), 2), "missed by 25 %");
    assertEquals(wordFor(of(3, false), 2), "missed by 50 %");
    assertEquals([wordFor(of(2, true), 2), wordFor(of(2, false), 2)], ["met", "met"]);
  });
});

describe("report() and tableOf()", () => {
  it("show each variant with its requests, and the machine without its name", () => {
    const results = resultsOf([run(OURS, 0), run("sqs-producer", 0, { wallMs: 320 })], MADE);
    const machine = { cores: 2, processor: "A processor" };
    const page = report({ results, machine, peers: { "sqs-producer": "1.0.0" } });
    const row = page.split("\n").find((line) => line.includes(`| ${OURS} |`));
    assertEquals(row, `| ${PUBLISH} | Node 24 | ${OURS} | 100 | 50.0 | 1.00 | 0.100 |  |`);
    assertEquals(tableOf(results).split("\n").length, 2);
  });
});
