import type { ErrorFacts } from "../support/errors.ts";

/** Counts of a consumer over all runs. */
export interface Counts {
  received: number;
  acknowledged: number;
  retried: number;
  deadLettered: number;
  lost: number;
  receiveErrors: number;
  lastReceiveAt: Date | undefined;
  lastError: (ErrorFacts & { when: Date }) | undefined;
}
