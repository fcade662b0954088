import type { Guarantees } from "../../src/backend.ts";
import type { Bench } from "./bench.ts";

/** One promise of the contract, with its test. */
export interface Check {
  /** A symbol and its behaviour. The name is unique, and `except` refers to the name. */
  readonly name: string;
  /** Runs only where all of these are guaranteed. Default: always. */
  readonly needs?: readonly (keyof Guarantees)[];
  /** Guarantee without which the check runs, and then tests the contract for that case. */
  readonly without?: keyof Guarantees;
  /** The time that the check lets pass, if longer than a few seconds. */
  readonly passesMs?: number;
  /** Throws if the promise is not kept. */
  run(bench: Bench): Promise<void>;
}
