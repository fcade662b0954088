import type {
  Delivery,
  ExtendResult,
  Extension,
  Guarantees,
  ReceiveOptions,
  Receiver,
  SettleResult,
} from "../../src/backend.ts";
import type { Clock } from "../../src/support/clock.ts";
import { MelangeError, type MelangeErrorOptions } from "../../src/support/errors.ts";

/** The verbs of a receiver. */
export type Verb = "receive" | "acknowledge" | "release" | "extend" | "deadLetter";

/** One call of a verb: when it began and ended, and what it was about. */
export interface Call {
  readonly verb: Verb;
  readonly at: number;
  readonly items: readonly { receipt: string; ms?: number }[];
  readonly options: Partial<ReceiveOptions>;
  endedAt: number | undefined;
}

/** Stands in for a verb; `next` makes the real call. */
export type Fault<V extends Verb> = (
  next: () => ReturnType<NonNullable<Receiver[V]>>,
  ...args: Parameters<NonNullable<Receiver[V]>>
) => ReturnType<NonNullable<Receiver[V]>>;

/** A receiver in front of another one: it takes note of all calls, and fails where it is told to. */
export interface FaultyReceiver extends Required<Receiver> {
  readonly calls: Call[];
  readonly faults: { [V in Verb]?: Fault<V> | undefined };
  /** The calls of one verb. */
  of(verb: Verb): Call[];
}

/** Puts a receiver that can fail in front of one that works. */
export function faultyReceiver(
  inner: Receiver,
  { clock, guarantees = {} }: { clock: Clock; guarantees?: Partial<Guarantees> },
): FaultyReceiver {
  const calls: Call[] = [];
  const faults: FaultyReceiver["faults"] = {};
  async function note<T>(call: Omit<Call, "at" | "endedAt">, run: () => Promise<T>): Promise<T> {
    const noted: Call = { ...call, at: clock.now(), endedAt: undefined };
    calls.push(noted);
    try {
      return await run();
    } finally {
      noted.endedAt = clock.now();
    }
  }
  return {
    limits: inner.limits,
    guarantees: { ...inner.guarantees, ...guarantees },
    calls,
    faults,
    of: (verb) => calls.filter((call) => call.verb === verb),
    receive(queue, options) {
      const next = () => inner.receive(queue, options);
      return note(
        { verb: "receive", items: [], options },
        () => faults.receive ? faults.receive(next, queue, options) : next(),
      );
    },
    acknowledge(queue, receipts, options = {}) {
      const next = () => inner.acknowledge(queue, receipts, options);
      const items = receipts.map((receipt) => ({ receipt }));
      return note(
        { verb: "acknowledge", items, options },
        () => faults.acknowledge ? faults.acknowledge(next, queue, receipts, options) : next(),
      );
    },
    release(queue, releases, options = {}) {
      const next = () => inner.release(queue, releases, options);
      const items = releases.map(({ receipt, delayMs }) => ({ receipt, ms: delayMs }));
      return note(
        { verb: "release", items, options },
        () => faults.release ? faults.release(next, queue, releases, options) : next(),
      );
    },
    extend(queue, extensions, options = {}) {
      const next = () => inner.extend(queue, extensions, options);
      const items = extensions.map(({ receipt, visibilityMs }) => ({ receipt, ms: visibilityMs }));
      return note(
        { verb: "extend", items, options },
        () => faults.extend ? faults.extend(next, queue, extensions, options) : next(),
      );
    },
    deadLetter(queue, copies, options = {}) {
      const next = () => inner.deadLetter?.(queue, copies, options) ?? never();
      const items = copies.map(({ receipt }) => ({ receipt }));
      return note(
        { verb: "deadLetter", items, options },
        () => faults.deadLetter ? faults.deadLetter(next, queue, copies, options) : next(),
      );
    },
  };
}

/** A queue in a script: nothing in it unless the script says so, and every verb succeeds. */
export function scriptedReceiver(
  { clock, receive, guarantees = {} }: {
    clock: Clock;
    receive: (options: ReceiveOptions, call: number) => Promise<Delivery[]>;
    guarantees?: Partial<Guarantees>;
  },
): FaultyReceiver {
  let calls = 0;
  const allOk = (items: readonly unknown[]) =>
    Promise.resolve(items.map((): SettleResult => ({ ok: true })));
  const inner: Receiver = {
    limits: LIMITS,
    guarantees: ALL,
    receive: (_queue, options) => receive(options, ++calls),
    acknowledge: (_queue, receipts) => allOk(receipts),
    release: (_queue, releases) => allOk(releases),
    extend: (_queue, extensions) =>
      Promise.resolve(extensions.map((extension) => extended(extension, clock))),
    deadLetter: (_queue, copies) => allOk(copies),
  };
  return faultyReceiver(inner, { clock, guarantees });
}

function extended({ visibilityMs }: Extension, clock: Clock): ExtendResult {
  return { ok: true, lockedUntil: new Date(clock.now() + visibilityMs) };
}

const LIMIT = { entries: 10, batchBytes: 1_048_576, messageBytes: 1_048_576, delayMs: 900_000 };
const LIMITS = {
  topic: LIMIT,
  queue: { ...LIMIT, waitMs: 20_000, visibilityMs: 43_200_000 },
};
const ALL: Guarantees = {
  redelivers: true,
  ordered: true,
  groups: true,
  delays: true,
  fansOut: true,
  filters: true,
  deduplicates: true,
  durable: false,
  countsAttempts: true,
  deadLetters: true,
  cancelsReceive: true,
};

/** A delivery made by hand. */
export function deliveryOf(
  receipt: string,
  { id = `m-${receipt}`, group, attempt = 1, body = "{}", locked = true }: {
    id?: string;
    group?: string;
    attempt?: number;
    body?: string;
    locked?: boolean;
  } = {},
): Delivery {
  return {
    receipt,
    message: {
      id,
      body,
      attributes: { manifest: "Job" },
      ...(group === undefined ? {} : { group }),
      sentAt: new Date(0),
      attempt,
      ...(locked ? { lockedUntil: new Date(0) } : {}),
    },
  };
}

/** An error of a service. */
export function failure(code: string, options: MelangeErrorOptions = {}): MelangeError {
  return new MelangeError(code, `Cannot do it: the script says ${code}`, options);
}

/** Fails every item of a settlement with an error. */
export function refuseAll(
  error: MelangeError,
): (next: unknown, queue: string, items: readonly unknown[]) => Promise<Failed[]> {
  return (_next, _queue, items) =>
    Promise.resolve(items.map(() => ({ ok: false as const, error })));
}

/** The result of an item that failed. */
export type Failed = { readonly ok: false; readonly error: MelangeError };

/** Never answers; ends with the signal, as a verb must. */
export function hang<T>(signal: AbortSignal | undefined): Promise<T> {
  return new Promise((_, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

function never(): never {
  throw new Error("the receiver has no such verb");
}
