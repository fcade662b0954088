import type { Judgement } from "./judge.ts";
import type { Mutant } from "./mutant.ts";

/** The faults of one run. Those that do not compile are replaced by the next ones. */
export class Round {
  readonly #order: Iterator<Mutant>;
  readonly #judgements: Judgement[] = [];
  #left: number;
  #taken = 0;

  /** Creates a round of `count` faults, or of as many as there are. */
  constructor(order: Iterator<Mutant>, count: number) {
    this.#order = order;
    this.#left = count;
  }

  /** Judges faults until there are enough; several may do it side by side. */
  async run(judge: (mutant: Mutant) => Promise<Judgement>): Promise<void> {
    while (this.#left > 0) {
      const { value, done } = this.#order.next();
      if (done) return;
      this.#left -= 1;
      const place = this.#taken++;
      const judgement = await judge(value);
      if (judgement.verdict === "does not compile") this.#left += 1;
      else this.#judgements[place] = judgement;
    }
  }

  /** What was found, in the order in which the faults were chosen. */
  get judgements(): Judgement[] {
    return Object.values(this.#judgements);
  }
}
