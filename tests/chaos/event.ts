import { defineEvent, type EventType, type Schema, typed } from "../../mod.ts";

/** What the laboratory publishes. The padding gives it the size of a usual event. */
export interface Work {
  key: string;
  poison: "none" | "deadLetter" | "throws";
  padding: string;
}

/** The one event type of the laboratory. */
export const WorkOrdered: EventType<"WorkOrdered", Schema<Work>> = defineEvent("WorkOrdered", {
  schema: typed<Work>(),
});

/** The queues of the laboratory. */
export const QUEUE = "work";
export const DEAD_LETTERS = "work-dead";

/** How long a receive locks in the laboratory. */
export const VISIBILITY_MS = 5_000;

/** The n-th event of a run: every hundredth is poison, in turn given up and failing for ever. */
export function workOf(n: number): Work {
  const poison = n % 100 !== 50 ? "none" : n % 200 === 50 ? "deadLetter" : "throws";
  return { key: `event-${n}`, poison, padding: "x".repeat(200) };
}
