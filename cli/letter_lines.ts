/** Letters as the command line prints them. */
import type { Letter } from "../src/operate/dead_letters.ts";
import { written } from "./durations.ts";

/** The heads of the columns of {@linkcode letterRow}. */
export const LETTER_HEADS: readonly string[] = ["AGE", "REASON", "TYPE", "SOURCE", "EVENT", "ID"];

/** A letter as a row of a table. */
export function letterRow(letter: Letter): string[] {
  const { ageMs, type, event, source, id } = letter;
  const cells = [written(ageMs), reasonOf(letter), type, nameIn(source), event?.id, id];
  return cells.map((cell) => plain(cell ?? "-"));
}

/** A letter in full, with its data. */
export function letterLines(letter: Letter): string[] {
  const { facts, event, message, group, attempt, sentAt, ageMs } = letter;
  const facts_ = {
    id: letter.id,
    reason: reasonOf(letter),
    subscriber: facts?.subscriber,
    attempts: facts?.attempts,
    source: letter.source,
    type: letter.type,
    event: event?.id,
    occurred: event?.occurredOn.toISOString(),
    group,
    sent: `${sentAt.toISOString()} (${written(ageMs)} ago)`,
    receives: attempt,
  };
  const rows = Object.entries(facts_).filter(([, value]) => value !== undefined);
  return [
    ...rows.map(([name, value]) => `${name.padEnd(12)}${plain(String(value))}`),
    ...event ? JSON.stringify(event.data, undefined, 2).split("\n") : [plain(message.body)],
  ];
}

/** A letter as a line of JSON, without its data. */
export function jsonLetter({ facts, event, message: _, ...letter }: Letter): object {
  const { reason, subscriber, attempts } = facts ?? {};
  const { attempt: receives, ...others } = letter;
  return { ...others, receives, reason, subscriber, attempts, eventId: event?.id };
}

/** A move of the broker has no reason but the number of receives. */
function reasonOf({ facts, message }: Letter): string {
  if (facts) return facts.reason;
  return message.origin?.deadLetterSource === undefined ? "-" : "(too many receives)";
}

function nameIn(address: string | undefined): string | undefined {
  return address?.split(/[:/]/).at(-1);
}

/** Text of others must not steer the terminal. */
function plain(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, " ");
}
