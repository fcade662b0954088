import type { WireFact } from "./ledger.ts";
import type { Effect, Told } from "./records.ts";

/** What the judge goes by. */
export interface Evidence {
  /** The events that should have been published, in order, which of them are poison, and their groups if order matters. */
  expected: readonly { key: string; poison: boolean; group?: string }[];
  /** What the publisher was told. */
  told: readonly Told[];
  /** What each worker did. */
  effects: ReadonlyMap<string, readonly Effect[]>;
  /** The workers that were killed. */
  killed: ReadonlySet<string>;
  /** What the proxy saw. */
  facts: readonly WireFact[];
  /** The events in the dead-letter queue at the end. */
  deadLetters: readonly string[];
  /** Messages left in the queue at the end. */
  left: number;
}

/** The bookkeeping of a run. */
export interface Verdict {
  /** Events that the publisher was told are stored. */
  acknowledged: number;
  /** Events that the publisher was told are not stored. */
  refused: number;
  /** Those of them that the proxy saw being stored. */
  refusedButStored: number;
  /** Events of which the publisher was told that nobody knows. */
  unknown: number;
  /** Events that the publisher never said anything about. */
  neverSent: number;
  /** Stored, by what the publisher was told or the proxy saw, and neither handled nor dead. */
  lost: number;
  /** Refused, by what the publisher was told, and handled all the same. */
  refusedButHandled: number;
  /** Handled, and never stored as far as the proxy saw, or nothing that was to be published. */
  unexpected: number;
  /** Events with more than one effect. */
  repeated: number;
  /** Those of them whose handler no kill met. */
  repeatedUnexplained: number;
  /** Events whose first effect came after that of a later one of their group. */
  outOfOrder: number;
  /** Poison that was stored and is not among the dead letters. */
  poisonMissing: number;
  /** Dead letters that are no poison. */
  wronglyDead: number;
  /** Messages left in the queue. */
  left: number;
  /** Requests per acknowledged event, by all clients. */
  requestsPerMessage: number;
}

/** Compares what was said with what was done. */
export function judge(evidence: Evidence): Verdict {
  const { expected, effects, facts, left } = evidence;
  const results = new Map(evidence.told.map(({ key, result }) => [key, result]));
  const seen = storedIn(facts);
  const handled = countEffects(effects);
  const dead = new Set(evidence.deadLetters);
  const poison = new Set(expected.filter((it) => it.poison).map(({ key }) => key));
  const known = new Set(expected.map(({ key }) => key));
  const count = (test: (key: string) => boolean) => expected.filter(({ key }) => test(key)).length;
  const told = (key: string) => outcomeOf(results.get(key));
  const stored = (key: string) => told(key) === "stored" || seen.has(key);
  const acknowledged = count((key) => told(key) === "stored");
  const repeated = [...handled].flatMap(([key, times]) => times > 1 ? [key] : []);
  const excused = unfinished(effects, evidence.killed);
  return {
    acknowledged,
    refused: count((key) => told(key) === "refused"),
    refusedButStored: count((key) => told(key) === "refused" && seen.has(key)),
    unknown: count((key) => told(key) === "unknown"),
    neverSent: count((key) => told(key) === undefined),
    lost: count((key) => stored(key) && !handled.has(key) && !dead.has(key)),
    refusedButHandled: count((key) => told(key) === "refused" && handled.has(key)),
    unexpected: [...handled.keys()].filter((key) => !known.has(key) || !seen.has(key)).length,
    repeated: repeated.length,
    repeatedUnexplained: repeated.filter((key) => !excused.has(key)).length,
    outOfOrder: countOutOfOrder(expected, effects),
    poisonMissing: count((key) => poison.has(key) && stored(key) && !dead.has(key)),
    wronglyDead: [...dead].filter((key) => !poison.has(key)).length,
    left,
    requestsPerMessage: facts.filter(({ kind }) => kind === "request").length /
      Math.max(1, acknowledged),
  };
}

function outcomeOf(result: string | undefined): "stored" | "unknown" | "refused" | undefined {
  if (result === undefined || result === "stored") return result;
  return result === "OUTCOME_UNKNOWN" ? "unknown" : "refused";
}

function storedIn(facts: readonly WireFact[]): Set<string> {
  return new Set(facts.flatMap((fact) => fact.kind === "stored" ? [fact.id] : []));
}

function countEffects(effects: Evidence["effects"]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const list of effects.values()) {
    for (const { key, step } of list) {
      if (step === "effect") counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  return counts;
}

/** Events that a killed worker had begun and not marked as done: their handler was running. */
function unfinished(effects: Evidence["effects"], killed: ReadonlySet<string>): Set<string> {
  const excused = new Set<string>();
  for (const worker of killed) {
    const open = new Set<string>();
    for (const { key, step } of effects.get(worker) ?? []) {
      if (step === "start") open.add(key);
      else if (step === "mark") open.delete(key);
    }
    for (const key of open) excused.add(key);
  }
  return excused;
}

function countOutOfOrder(expected: Evidence["expected"], effects: Evidence["effects"]): number {
  const first = new Map<string, number>();
  for (const { key, step, at } of [...effects.values()].flat()) {
    if (step === "effect") first.set(key, Math.min(at, first.get(key) ?? Infinity));
  }
  const latest = new Map<string, number>();
  let count = 0;
  for (const { key, group } of expected) {
    const at = first.get(key);
    if (group === undefined || at === undefined) continue;
    const before = latest.get(group) ?? 0;
    if (at < before) count += 1;
    latest.set(group, Math.max(at, before));
  }
  return count;
}
