/** The comparison of three sources: what was published, what workers wrote down, what the broker has. */
import type { Try } from "./record.ts";

/** The messages of a queue, as the broker counts them. */
export interface Depths {
  readonly available: number;
  readonly inFlight: number;
  readonly delayed: number;
}

/** A queue, seen by its worker and by the broker. */
export interface QueueSources {
  readonly queue: string;
  /** The record of its worker. */
  readonly tries: readonly Try[];
  /** The messages that the broker still has. */
  readonly depths: Depths;
  /** The events in its dead-letter queue, as the broker lists them. */
  readonly deadLetters: readonly string[];
}

/** All three sources. */
export interface Sources {
  /** The ids of the events of which the broker said that it has taken them. */
  readonly published: readonly string[];
  /** The queues that are subscribed to their topic. */
  readonly queues: readonly QueueSources[];
}

/** The end of the events of one queue, by all sources. */
export interface Account {
  readonly queue: string;
  readonly handled: number;
  /** Tries after the first of an event. */
  readonly retried: number;
  readonly deadLettered: number;
  /** The contradictions between the sources; none if they agree. */
  readonly contradictions: readonly string[];
}

/** Balances the sources, queue by queue. */
export function balance({ published, queues }: Sources): Account[] {
  return queues.map((sources) => {
    const { queue, tries, deadLetters } = sources;
    const handled = tries.filter(({ result }) => result === "handled");
    return {
      queue,
      handled: handled.length,
      retried: tries.length - new Set(tries.map(({ eventId }) => eventId)).size,
      deadLettered: deadLetters.length,
      contradictions: contradictionsOf(published, sources),
    };
  });
}

/** Tells whether nothing is left to wait for: each event was handled or is in the dead-letter queue. */
export function isComplete({ published, queues }: Sources): boolean {
  return queues.every(({ tries, deadLetters }) => {
    const ended = new Set([...idsOf(tries, "handled"), ...deadLetters]);
    return published.every((id) => ended.has(id));
  });
}

function idsOf(tries: readonly Try[], result: Try["result"]): string[] {
  return tries.filter((it) => it.result === result).map(({ eventId }) => eventId);
}

function contradictionsOf(published: readonly string[], sources: QueueSources): string[] {
  const { queue, tries, depths, deadLetters } = sources;
  const handled = idsOf(tries, "handled");
  const [sent, done, dead] = [new Set(published), new Set(handled), new Set(deadLetters)];
  const counts: [number, string][] = [
    [
      count(sent, (id) => !done.has(id) && !dead.has(id)),
      "published, and neither handled nor dead",
    ],
    [count(done, (id) => !sent.has(id)), "handled, but not published"],
    [count(dead, (id) => !sent.has(id)), "in the dead-letter queue, but not published"],
    [count(dead, (id) => done.has(id)), "both handled and in the dead-letter queue"],
    [handled.length - done.size, "handled twice"],
    [deadLetters.length - dead.size, "in the dead-letter queue twice"],
    [count(new Set(idsOf(tries, "gaveUp")), (id) => !dead.has(id)), "given up, but not there"],
    [depths.available + depths.inFlight + depths.delayed, "still in the queue"],
  ];
  return counts.filter(([n]) => n > 0).map(([n, what]) => `${queue}: ${n} ${what}`);
}

function count(ids: Set<string>, matches: (id: string) => boolean): number {
  return [...ids].filter(matches).length;
}
