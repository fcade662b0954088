import type { Judgement } from "./judge.ts";
import { lineOf } from "./report.ts";

/** Options of {@linkcode Progress}. */
export interface ProgressOptions {
  /** How many faults are tried. */
  readonly count: number;
  /** Prints a line about a fault; by default there are none. */
  readonly print?: ((line: string) => void) | undefined;
  /** Writes to a terminal that somebody looks at; by default there is none. */
  readonly write?: ((text: string) => void) | undefined;
}

/** Tells about each fault as soon as it is judged; on a terminal also how far it is. */
export class Progress {
  readonly #options: ProgressOptions;
  #done = 0;

  /** Creates one that has told nothing yet. */
  constructor(options: ProgressOptions) {
    this.#options = options;
  }

  /** Tells about one more. */
  tell(judgement: Judgement): void {
    if (judgement.verdict === "does not compile") return;
    const { count, print, write } = this.#options;
    this.#done += 1;
    write?.("\r\x1b[K");
    print?.(lineOf(judgement));
    if (this.#done < count) write?.(`${this.#done}/${count} …`);
  }
}
