import { defineEvent, type EventType, type Schema, typed } from "../../mod.ts";

/** What the laboratory publishes. The padding gives it the size of a usual event. */
export interface Work {
  key: string;
  group: string;
  poison: "none" | "deadLetter" | "throws";
  padding: string;
}

/** The one event type of the laboratory. */
export const WorkOrdered: EventType<"WorkOrdered", Schema<Work>> = defineEvent("WorkOrdered", {
  schema: typed<Work>(),
  group: ({ group }) => group,
});

/** So many message groups take turns. */
const GROUPS = 30;

/** The n-th event of a run: every hundredth is poison, in turn given up and failing for ever. */
export function workOf(n: number): Work {
  const poison = n % 100 !== 50 ? "none" : n % 200 === 50 ? "deadLetter" : "throws";
  return { key: `event-${n}`, group: `group-${n % GROUPS}`, poison, padding: "x".repeat(200) };
}
