/** Lets clients receive in turn, so that a client that is to be killed surely gets work. */
import { eventId, type Input, type Output } from "./wire.ts";

/** What stands between clients and the messages of a queue. */
export interface Turnstile {
  /** Events that anybody has received, each counted once. */
  readonly taken: number;
  /** As long as more than this were taken, nobody receives. Default: no limit. */
  limit: number;
  /** The one client that receives without regard to the limit, while nobody else receives. */
  only: string | undefined;
  /**
   * Waits for its turn as long as the receive may wait. Resolves to the receive that may go on, or
   * to `undefined` if it is to find nothing. One that goes on must {@linkcode leave}.
   */
  enter(client: string, input: Input, gone: () => boolean): Promise<Input | undefined>;
  /** Takes note of what a receive brought, if anything. */
  leave(output?: Output): void;
}

/** The most messages that one receive brings. */
const BATCH = 10;
const LOOK_MS = 20;

/** Creates one that lets everybody pass. */
export function createTurnstile(): Turnstile {
  const seen = new Set<string>();
  let underWay = 0;
  const turnstile: Turnstile = {
    limit: Infinity,
    only: undefined,
    get taken() {
      return seen.size;
    },
    async enter(client, input, gone) {
      const endsAt = performance.now() + (input.WaitTimeSeconds ?? 0) * 1_000;
      let waited = false;
      while (!mayPass(client)) {
        if (performance.now() >= endsAt || gone()) return undefined;
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
        waited = true;
      }
      underWay += 1;
      return waited ? { ...input, WaitTimeSeconds: 0 } : input;
    },
    leave(output) {
      underWay -= 1;
      for (const { Body } of output?.Messages ?? []) seen.add(eventId(Body));
    },
  };
  return turnstile;

  /** Receives under way count as full, so the limit is kept whatever they bring. */
  function mayPass(client: string): boolean {
    if (turnstile.only !== undefined) return client === turnstile.only;
    return seen.size + (underWay + 1) * BATCH <= turnstile.limit;
  }
}

/** Whether nobody passes any more as the limit is reached. */
export function isReached({ taken, limit }: Turnstile): boolean {
  return taken + BATCH > limit;
}
