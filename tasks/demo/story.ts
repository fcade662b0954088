/** The end of the demo: the table, and whether it adds up. */
import { balance, type Sources } from "./accounts.ts";
import type { DeadLetterSeen } from "./broker_view.ts";

/** All that the demo has seen. */
export interface Story {
  /** The number of events that were to be published. */
  readonly wanted: number;
  /** The time at which publishing began, in milliseconds since the epoch. */
  readonly startedAt: number;
  readonly sources: Sources;
  /** The workers' exit codes. */
  readonly codes: readonly number[];
  readonly deadLetters: readonly DeadLetterSeen[];
  /** Requests that reached the broker from the start to the end. */
  readonly requests: number;
}

/** Tells a story in lines, and whether everything in it agrees. */
export function linesOf(story: Story): { lines: string[]; ok: boolean } {
  const { wanted, sources, codes } = story;
  const accounts = balance(sources);
  const contradictions = [
    ...(sources.published.length === wanted ? [] : [`published: not all ${wanted} were accepted`]),
    ...accounts.flatMap((account) => account.contradictions),
    ...codes.filter((code) => code !== 0).map((code) => `a worker ended with exit code ${code}`),
  ];
  const ok = contradictions.length === 0;
  const rows = accounts.map(({ queue, handled, retried, deadLettered }) =>
    row([queue, sources.published.length, handled, retried, deadLettered])
  );
  const lines = [
    "",
    row(["queue", "published", "handled", "retried", "dead-lettered"]),
    ...rows,
    "",
    ...deadLetterLines(story),
    ...rateLines(story),
    "",
    ok
      ? "The publisher's results, the workers' records and the broker's queues agree."
      : "The publisher's results, the workers' records and the broker's queues do NOT agree:",
    ...contradictions.map((line) => `  ${line}`),
  ];
  return { lines, ok };
}

function row([name, ...cells]: (string | number)[]): string {
  return String(name).padEnd(10) + cells.map((cell) => String(cell).padStart(15)).join("");
}

function deadLetterLines({ deadLetters }: Story): string[] {
  const byHand = deadLetters.filter(({ reason }) => reason !== undefined);
  const reasons = [...new Set(byHand.map(({ reason }) => reason))].join(", ");
  return [
    `dead letters: ${byHand.length} given up by a handler${reasons && ` (${reasons})`}, ` +
    `${deadLetters.length - byHand.length} moved by the broker after too many receives`,
  ];
}

/** A failed try waits on purpose before the next: the rate is that of the first ones. */
function rateLines({ startedAt, sources, requests }: Story): string[] {
  const { published, queues } = sources;
  const firstTries = queues.flatMap(({ tries }) => [
    ...new Map(tries.map(({ eventId, at }) => [eventId, at] as const).reverse()).values(),
  ]);
  const seconds = (Math.max(startedAt, ...firstTries) - startedAt) / 1_000;
  const rate = seconds > 0 ? Math.round(published.length / seconds) : 0;
  const messages = published.length * queues.length;
  return [
    `${rate} events per second, until each had its first try in each queue (${
      seconds.toFixed(1)
    } s)`,
    `${
      (requests / messages).toFixed(2)
    } requests per message: ${requests} requests, counted by the broker, for ${messages} messages in queues`,
  ];
}
