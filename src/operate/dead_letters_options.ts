/** The options and the result that all long work on dead letters shares. */
import type { MelangeError } from "../support/errors.ts";
import type { Letter } from "./dead_letters_letter.ts";

/**
 * Options of {@linkcode DeadLetters.purge}.
 *
 * @category Dead letters
 */
export interface PurgeOptions {
  /** Chooses letters; the others stay. Default: all. */
  where?: (letter: Letter) => boolean | Promise<boolean>;
  /** The most letters to look at. Default: all that were there when the call began. */
  max?: number;
  /** The most letters a second. Default: no limit. */
  ratePerSecond?: number;
  /** Look and count only: nothing is sent and nothing is removed. Default: `false`. */
  dryRun?: boolean;
  /** Ends the call, which rejects with the reason; what is held is given back. */
  signal?: AbortSignal;
  /** Called with the counts so far, after each request. */
  onProgress?: (report: RedriveReport) => void;
  /** Called for each letter that failed, and stays where it is. Default: the logger is told. */
  onFailed?: (letter: Letter, error: MelangeError) => void;
}

/**
 * The result of a redrive or a purge.
 *
 * @category Dead letters
 */
export interface RedriveReport {
  /** Letters that were looked at. */
  seen: number;
  /** Letters that were moved, or removed by a purge; those that would have been, with `dryRun`. */
  moved: number;
  /** Letters that were left where they are, as `where` said. */
  kept: number;
  /** Letters that could not be moved, and stay. */
  failed: number;
}
