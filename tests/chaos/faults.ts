/** Some of the batches, and in those some of the entries. */
export interface BatchShare {
  batches: number;
  entries: number;
}

/** How often each fault happens: shares of the requests, or of the entries of a batch. */
export interface FaultProfile {
  /** The answer is late by 20 to 50 ms. */
  delay: number;
  /**
   * Of so many requests one is on its way until the clock of the machine steps: to a service whose
   * clock steps as well, the request is older than its signature may be, as if all had slept. Requests
   * are counted, not drawn, so that every run of some hundred requests has such a one. 0 is never.
   */
  heldEvery: number;
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
  partialSend: BatchShare;
  /** The same for deletes. */
  partialDelete: BatchShare;
  /**
   * Whether the answer that reports lost entries arrives whatever else goes wrong, and no entry of
   * a request is lost that was done once before.
   */
  partialArrives?: boolean;
  /** Entries that were stored are reported as failed inside the service, or not mentioned. */
  lyingSend: BatchShare;
  /** Of a batch of sends every entry is reported as failed inside the service, stored or not. */
  denyingSend: number;
  /** The same as `lyingSend` for entries that were deleted. */
  lyingDelete: BatchShare;
  /** A request reaches the broker twice. */
  duplicate: number;
  /** A receive brings a message again that was deleted before. */
  ghost: number;
  /** A receive takes messages, and its answer says that there were none. */
  lostReceive: number;
  /** A receive takes messages, and its answer never comes. */
  hangingPoll: number;
  /** A batch of extensions, or of releases, gets nowhere and is never answered. */
  hangingExtension: number;
}

const NEVER: BatchShare = { batches: 0, entries: 0 };

/** A network on which nothing goes wrong. */
export const calm: FaultProfile = {
  delay: 0,
  heldEvery: 0,
  dropBefore: 0,
  dropAfter: 0,
  truncate: 0,
  error500: 0,
  error503: 0,
  throttle: 0,
  throttleAs: [400],
  partialSend: NEVER,
  partialDelete: NEVER,
  lyingSend: NEVER,
  denyingSend: 0,
  lyingDelete: NEVER,
  duplicate: 0,
  ghost: 0,
  lostReceive: 0,
  hangingPoll: 0,
  hangingExtension: 0,
};

/** What the network does in a bad hour. */
export const chaos: FaultProfile = {
  ...calm,
  delay: 0.1,
  heldEvery: 60,
  dropBefore: 0.05,
  dropAfter: 0.05,
  truncate: 0.05,
  error500: 0.03,
  error503: 0.03,
  throttle: 0.04,
  partialSend: { batches: 0.1, entries: 0.2 },
  partialDelete: { batches: 0.1, entries: 0.3 },
  duplicate: 0.05,
  ghost: 0.05,
  lostReceive: 0.02,
};

/** The same, with a service that lies, throttles in every way there is, and leaves polls and extensions hanging. */
export const lies: FaultProfile = {
  ...chaos,
  throttleAs: [400, 403, 429],
  lyingSend: { batches: 0.05, entries: 0.2 },
  denyingSend: 0.03,
  lyingDelete: { batches: 0.05, entries: 0.2 },
  hangingPoll: 0.01,
  hangingExtension: 0.05,
};

/**
 * What a FIFO publisher can stand: entries that are lost beside others that are stored, which the
 * answer says or denies. An entry that was lost alone, in an answer that was lost as well, is sent
 * again behind its successors, and nobody can know. Nor can a client whose `fetch` sends a request a
 * second time, untold, when a connection ends before the answer (Deno's does on a connection that
 * was used before) know of an entry that is lost only then.
 */
export const fifoChaos: FaultProfile = {
  ...chaos,
  partialArrives: true,
  denyingSend: 0.03,
  lyingSend: { batches: 0.1, entries: 0.3 },
  hangingExtension: 0.05,
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

/** Draws the entries of a batch that a fault hits. */
export function drawEntries<T>(
  entries: readonly T[],
  share: BatchShare,
  random: () => number,
): Set<T> {
  if (random() >= share.batches) return new Set();
  return new Set(entries.filter(() => random() < share.entries));
}
