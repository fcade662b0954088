import type { Guarantees } from "../../src/backend.ts";
import type { Bench } from "./bench.ts";

/** One promise of the contract and how it is put to the test. */
export interface Check {
  /** A symbol and its behaviour. Unique; what `except` refers to. */
  readonly name: string;
  /** Runs only where all of these are guaranteed. Default: always. */
  readonly needs?: readonly (keyof Guarantees)[];
  /** Runs only where this is not guaranteed: checks what the contract says of that case. */
  readonly without?: keyof Guarantees;
  /** The time that the check lets pass, if longer than a few seconds. */
  readonly passesMs?: number;
  /** Throws if the promise is not kept. */
  run(bench: Bench): Promise<void>;
}
