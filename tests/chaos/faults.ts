/** How often each fault happens: shares of the requests, or of the entries of a batch. */
export interface FaultProfile {
  /** The answer is late by 20 to 50 ms. */
  delay: number;
  /** The connection ends before the request reached the broker. */
  dropBefore: number;
  /** The connection ends after the broker has done it. */
  dropAfter: number;
  /** The answer breaks off in the middle. */
  truncate: number;
  /** Answered with status 500, not forwarded. */
  error500: number;
  /** Answered with status 503, not forwarded. */
  error503: number;
  /** Answered as throttled, not forwarded. */
  throttle: number;
  /** The statuses that say so: of 400, 403 and 429. */
  throttleAs: readonly (400 | 403 | 429)[];
  /** A batch of sends loses some entries, which are reported in `Failed`. */
  partialSend: { batches: number; entries: number };
  /** The same for deletes. */
  partialDelete: { batches: number; entries: number };
  /** A request reaches the broker twice. */
  duplicate: number;
  /** A receive brings a message again that was deleted before. */
  ghost: number;
  /** A receive takes messages, and its answer says that there were none. */
  lostReceive: number;
}

/** What the network does in a bad hour. */
export const chaos: FaultProfile = {
  delay: 0.1,
  dropBefore: 0.05,
  dropAfter: 0.05,
  truncate: 0.05,
  error500: 0.03,
  error503: 0.03,
  throttle: 0.04,
  throttleAs: [400],
  partialSend: { batches: 0.1, entries: 0.2 },
  partialDelete: { batches: 0.1, entries: 0.3 },
  duplicate: 0.05,
  ghost: 0.05,
  lostReceive: 0.02,
};

/** What a request meets instead of, or on its way to, the broker. */
export type Fate =
  | "dropBefore"
  | "dropAfter"
  | "truncate"
  | "error500"
  | "error503"
  | "throttle"
  | "pass";

const EXCLUSIVE: readonly Exclude<Fate, "pass">[] = [
  "dropBefore",
  "dropAfter",
  "truncate",
  "error500",
  "error503",
  "throttle",
];

/** Draws what happens to a request: at most one of the faults that end it. */
export function drawFate(profile: FaultProfile, random: () => number): Fate {
  let dice = random();
  for (const fate of EXCLUSIVE) {
    dice -= profile[fate];
    if (dice < 0) return fate;
  }
  return "pass";
}
