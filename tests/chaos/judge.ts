import type { WireFact } from "./proxy.ts";
import type { Effect, Told } from "./records.ts";

/** What the judge goes by. */
export interface Evidence {
  /** The events that should have been published, and which of them are poison. */
  expected: readonly { key: string; poison: boolean }[];
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
  /** Events of which the publisher was told that nobody knows. */
  unknown: number;
  /** Events that the publisher never said anything about. */
  neverSent: number;
  /** Stored, by what the publisher was told, and never handled. */
  lost: number;
  /** Refused, by what the publisher was told, and handled all the same. */
  refusedButHandled: number;
  /** Handled, and never published. */
  unexpected: number;
  /** Events with more than one effect. */
  repeated: number;
  /** Those of them that no kill explains. */
  repeatedUnexplained: number;
  /** Poison that is not among the dead letters. */
  poisonMissing: number;
  /** Dead letters that are no poison. */
  wronglyDead: number;
  /** Messages left in the queue. */
  left: number;
  /** Requests per acknowledged event, by all clients. */
  requestsPerMessage: number;
}

const REFUSED = ["stored", "OUTCOME_UNKNOWN"];

/** Compares what was said with what was done. */
export function judge(evidence: Evidence): Verdict {
  const { expected, told, effects, killed, facts, deadLetters, left } = evidence;
  const results = new Map(told.map(({ key, result }) => [key, result]));
  const poison = new Set(expected.filter((it) => it.poison).map(({ key }) => key));
  const known = new Set(expected.map(({ key }) => key));
  const handled = countEffects(effects);
  const dead = new Set(deadLetters);
  const excused = unfinished(effects, killed);
  const keys = (test: (key: string) => boolean) => expected.filter(({ key }) => test(key)).length;
  const acknowledged = keys((key) => results.get(key) === "stored");
  const repeated = [...handled].filter(([, count]) => count > 1).map(([key]) => key);
  return {
    acknowledged,
    refused: keys((key) => results.has(key) && !REFUSED.includes(results.get(key)!)),
    unknown: keys((key) => results.get(key) === "OUTCOME_UNKNOWN"),
    neverSent: keys((key) => !results.has(key)),
    lost: keys((key) => results.get(key) === "stored" && !handled.has(key) && !dead.has(key)),
    refusedButHandled: keys((key) =>
      results.has(key) && !REFUSED.includes(results.get(key)!) && handled.has(key)
    ),
    unexpected: [...handled.keys()].filter((key) => !known.has(key)).length,
    repeated: repeated.length,
    repeatedUnexplained: repeated.filter((key) => !excused.has(key)).length,
    poisonMissing: keys((key) =>
      poison.has(key) && results.get(key) === "stored" && !dead.has(key)
    ),
    wronglyDead: [...dead].filter((key) => !poison.has(key)).length,
    left,
    requestsPerMessage: facts.filter(({ kind }) => kind === "request").length /
      Math.max(1, acknowledged),
  };
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

/** How long after its effect a killed worker may not have written the mark. */
const MARK_MS = 250;

/** Events whose handler a kill met: begun and not ended, or ended so shortly before that the mark may be missing. */
function unfinished(effects: Evidence["effects"], killed: ReadonlySet<string>): Set<string> {
  const excused = new Set<string>();
  for (const [worker, list] of effects) {
    if (!killed.has(worker)) continue;
    const end = Math.max(...list.map(({ at }) => at));
    const open = new Set<string>();
    for (const { key, step, at } of list) {
      if (step === "start") open.add(key);
      else if (at < end - MARK_MS) open.delete(key);
    }
    for (const key of open) excused.add(key);
  }
  return excused;
}
