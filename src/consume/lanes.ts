import type { Clock } from "../support/clock.ts";
import type { Lease } from "./leases.ts";

/** What happens to a lane after its first delivery was worked on. */
export type Step =
  /** It is settled, or will be: the next one may run. */
  | "next"
  /** The lane ends: what follows is dropped, unhandled. */
  | "end"
  /** The same one runs again after a pause. */
  | { readonly parkMs: number };

/** Options of {@linkcode Lanes}. */
export interface LanesOptions {
  /** How many run at once. */
  concurrency: number;
  /** Where time comes from. */
  clock: Clock;
  /** Works on a delivery. Never rejects. */
  run: (lease: Lease) => Promise<Step>;
  /** Is given what will not be run. */
  drop: (leases: Lease[]) => void;
  /** Is called whenever room may have become free. */
  changed: () => void;
}

interface Lane {
  readonly key: string;
  readonly leases: Lease[];
  running: boolean;
  /** Ends the pause; set while the lane pauses. */
  unpark: (() => void) | undefined;
}

/**
 * Runs deliveries, those of one lane one after the other, those of different lanes at once. A lane
 * is a message group of a FIFO queue, or a single message of a standard queue. A lane takes one place,
 * however many wait in it, and none while it pauses before its first delivery runs again.
 */
export class Lanes {
  readonly #options: LanesOptions;
  readonly #lanes = new Map<string, Lane>();
  readonly #ready: Lane[] = [];
  #running = 0;
  #cleared = false;

  /** Creates no lanes. */
  constructor(options: LanesOptions) {
    this.#options = options;
  }

  /** Deliveries that run now. */
  get running(): number {
    return this.#running;
  }

  /** Lanes that run or wait for a place, each with the first of its deliveries. */
  get occupied(): number {
    let count = 0;
    for (const { unpark } of this.#lanes.values()) if (!unpark) count += 1;
    return count;
  }

  /** All other deliveries: behind the first of their lane, or of a lane that pauses. */
  get waiting(): number {
    let count = -this.occupied;
    for (const { leases } of this.#lanes.values()) count += leases.length;
    return count;
  }

  /** Puts a delivery at the end of its lane and runs it when it is its turn. */
  add(key: string, lease: Lease): void {
    const lane = this.#lanes.get(key) ?? { key, leases: [], running: false, unpark: undefined };
    this.#lanes.set(key, lane);
    lane.leases.push(lease);
    if (lane.leases.length === 1) this.#ready.push(lane);
    this.#pump();
  }

  /** Takes out everything that does not run; what runs is not run again. */
  clear(): Lease[] {
    this.#cleared = true;
    this.#ready.length = 0;
    return [...this.#lanes.values()].flatMap((lane) => {
      lane.unpark?.();
      if (!lane.running) this.#lanes.delete(lane.key);
      return lane.leases.splice(lane.running ? 1 : 0);
    });
  }

  #pump(): void {
    while (this.#running < this.#options.concurrency) {
      const lane = this.#ready.shift();
      if (!lane) return;
      void this.#run(lane);
    }
  }

  async #run(lane: Lane): Promise<void> {
    const [lease] = lane.leases;
    if (!lease) return;
    lane.running = true;
    this.#running += 1;
    const step = await this.#options.run(lease);
    this.#running -= 1;
    lane.running = false;
    if (step === "next") this.#next(lane);
    else if (step === "end") this.#drop(lane, lane.leases.slice(1));
    else if (this.#cleared) this.#drop(lane, lane.leases);
    else this.#park(lane, step.parkMs);
    this.#pump();
    this.#options.changed();
  }

  #next(lane: Lane): void {
    lane.leases.shift();
    if (lane.leases.length > 0) this.#ready.push(lane);
    else this.#lanes.delete(lane.key);
  }

  #drop(lane: Lane, leases: Lease[]): void {
    this.#lanes.delete(lane.key);
    this.#options.drop(leases);
  }

  #park(lane: Lane, ms: number): void {
    const signal = lane.leases[0]?.signal;
    const wake = () => {
      lane.unpark?.();
      this.#ready.push(lane);
      this.#pump();
    };
    const cancel = this.#options.clock.after(ms, wake);
    // Once its lock is lost, what follows it must not wait any longer.
    signal?.addEventListener("abort", wake, { once: true });
    lane.unpark = () => {
      lane.unpark = undefined;
      cancel();
      signal?.removeEventListener("abort", wake);
    };
  }
}
