import type { Delivery, ReceiveOptions } from "../../src/backend.ts";
import type { Clock } from "../../src/support/clock.ts";

/** Wait of a receive. */
export interface Wait {
  /** In milliseconds. */
  readonly waitMs: number;
  /** Ends the wait. */
  readonly signal?: AbortSignal | undefined;
}

/** The waiting receives of one queue. First come, first served. */
export interface LongPolls<Options extends Wait = ReceiveOptions, Item = Delivery> {
  /** Receives now, or as soon as there is something, or nothing after the wait. */
  receive(options: Options): Promise<Item[]>;
  /** Serves the waiting receives, after a message may have become available. */
  wake(): void;
  /** Rejects the waiting receives. */
  end(reason: unknown): void;
}

/** Options of {@linkcode longPolls}. */
export interface LongPollOptions<Options extends Wait = ReceiveOptions, Item = Delivery> {
  /** Measures the waits. */
  clock: Clock;
  /** Receives without waiting. */
  take: (options: Options) => Item[];
  /** When `take` may next find something without a wake; `undefined` if nobody knows. */
  nextChangeAt: () => number | undefined;
}

interface Poll<Options, Item> {
  readonly options: Options;
  readonly endsAt: number;
  /** Whichever comes first counts; all of them leave no listener behind. */
  readonly resolve: (items: Item[]) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Lets receives wait. During a wait one timer is pending, for the next possible change. Without a
 * wait there is no timer, so that nothing keeps a process alive. An aborted poll has taken no
 * message.
 */
export function longPolls<Options extends Wait = ReceiveOptions, Item = Delivery>(
  { clock, take, nextChangeAt }: LongPollOptions<Options, Item>,
): LongPolls<Options, Item> {
  let waiting: Poll<Options, Item>[] = [];
  let cancelTimer = () => {};
  let serving = false;
  let again = false;

  function receive(options: Options): Promise<Item[]> {
    // Those who wait come first, also for what became available a moment ago.
    if (waiting.length > 0) wake();
    const deliveries = take(options);
    if (deliveries.length > 0 || options.waitMs <= 0) return Promise.resolve(deliveries);
    return new Promise((resolve, reject) => {
      const leave = () => waiting = waiting.filter((each) => each !== poll);
      const endsAt = clock.now() + options.waitMs;
      const poll = newPoll(options, { endsAt, resolve, reject, leave, arm });
      waiting.push(poll);
      arm();
    });
  }

  // Taking can wake this very queue, where dead letters go in a circle: then it is served once more.
  function wake(): void {
    again = true;
    if (serving) return;
    serving = true;
    while (again) {
      again = false;
      serve();
    }
    serving = false;
    arm();
  }

  function serve(): void {
    for (let first = waiting[0]; first; first = waiting[0]) {
      try {
        const deliveries = take(first.options);
        if (deliveries.length === 0) break;
        first.resolve(deliveries);
      } catch (error) {
        first.reject(error);
      }
    }
    const now = clock.now();
    for (const poll of waiting.filter((each) => each.endsAt <= now)) poll.resolve([]);
  }

  function arm(): void {
    cancelTimer();
    cancelTimer = () => {};
    if (waiting.length === 0) return;
    const at = Math.min(...waiting.map(({ endsAt }) => endsAt), nextChangeAt() ?? Infinity);
    cancelTimer = clock.after(Math.max(at - clock.now(), 0), wake);
  }

  function end(reason: unknown): void {
    for (const poll of waiting) poll.reject(reason);
    arm();
  }

  return { receive, wake, end };
}

/**
 * Creates a poll. At its end the poll leaves the waiting receives, and no longer listens to its
 * signal.
 */
function newPoll<Options extends Wait, Item>(
  options: Options,
  { endsAt, resolve, reject, leave, arm }:
    & Pick<Poll<Options, Item>, "endsAt" | "resolve" | "reject">
    & {
      leave: () => void;
      arm: () => void;
    },
): Poll<Options, Item> {
  const { signal } = options;
  const finish = () => {
    signal?.removeEventListener("abort", onAbort);
    leave();
  };
  const onAbort = () => {
    poll.reject(signal?.reason);
    arm();
  };
  const poll: Poll<Options, Item> = {
    options,
    endsAt,
    resolve: (deliveries) => (finish(), resolve(deliveries)),
    reject: (reason) => (finish(), reject(reason)),
  };
  signal?.addEventListener("abort", onAbort, { once: true });
  return poll;
}
