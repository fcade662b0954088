import type { Judgement } from "./judge.ts";
import type { Mutant } from "./mutant.ts";
import { roomOf } from "./tests_of.ts";

/** How many of a room's faults were noticed. */
export interface RoomCount {
  readonly room: string;
  readonly killed: number;
  /** Those that were tried, without the equal ones. */
  readonly tried: number;
  readonly equal: number;
}

/** One line about a fault. */
export function lineOf({ mutant, verdict, killer }: Judgement): string {
  const by = killer ? ` (${killer})` : "";
  return `${verdict.padEnd(8)} ${placeOf(mutant)} ${mutant.operator}: ${changeOf(mutant)}${by}`;
}

/** Counts by room, and for all of them at the end. */
export function countByRoom(judgements: readonly Judgement[]): RoomCount[] {
  const rooms = Map.groupBy(judgements, ({ mutant }) => roomOf(mutant.file));
  const counts = [...rooms].sort().map(([room, judged]) => countOf(room, judged));
  return [...counts, countOf("all", judgements)];
}

function countOf(room: string, judgements: readonly Judgement[]): RoomCount {
  const count = (verdict: string) => judgements.filter((it) => it.verdict === verdict).length;
  const killed = count("killed");
  return { room, killed, tried: killed + count("survived"), equal: count("equal") };
}

/** The survivors with their lines of code, then the table by room. */
export function closingLines(judgements: readonly Judgement[]): string[] {
  const survivors = judgements.filter(({ verdict }) => verdict === "survived");
  const title = survivors.length > 0 ? ["", "Survivors:"] : [];
  return [
    ...title,
    ...survivors.flatMap(({ mutant }) => survivorLines(mutant)),
    "",
    ...table(
      countByRoom(judgements),
    ),
  ];
}

function survivorLines(mutant: Mutant): string[] {
  const gone = mutant.mutatedLine === mutant.sourceLine ? changeOf(mutant) : mutant.mutatedLine;
  return [`${placeOf(mutant)} ${mutant.operator}`, `  - ${mutant.sourceLine}`, `  + ${gone}`];
}

function table(counts: readonly RoomCount[]): string[] {
  const width = Math.max(...counts.map(({ room }) => room.length));
  return counts.map(({ room, killed, tried, equal }) => {
    const share = tried > 0 ? `${Math.floor(100 * killed / tried)} %` : "-";
    const others = equal > 0 ? `, ${equal} equal` : "";
    return `${room.padEnd(width)}  ${killed}/${tried} killed  ${share.padStart(5)}${others}`;
  });
}

/** One document about everything, for other programs. */
export function asJson(seed: number, judgements: readonly Judgement[]): string {
  const mutants = judgements.map(({ mutant, verdict, killer }) => {
    const { file, line, operator, before, after, sourceLine, mutatedLine } = mutant;
    return { file, line, operator, before, after, sourceLine, mutatedLine, verdict, killer };
  });
  return JSON.stringify({ seed, rooms: countByRoom(judgements), mutants }, null, 2);
}

function placeOf({ file, line }: Mutant): string {
  return `${file}:${line}`;
}

function changeOf({ before, after }: Mutant): string {
  return `${cut(before) || "(nothing)"} → ${cut(after) || "(dropped)"}`;
}

function cut(text: string): string {
  return text.length > 70 ? `${text.slice(0, 69)}…` : text;
}
