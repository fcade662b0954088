import { administrationMutants, deadLetterMutants } from "./dead_letters.ts";
import { endingMutants } from "./ending.ts";
import { fifoMutants } from "./fifo.ts";
import type { Mutant } from "./mutant.ts";
import { receivingMutants } from "./receiving.ts";
import { sendingMutants } from "./sending.ts";
import { settlingMutants } from "./settling.ts";
import { topicMutants } from "./topics.ts";

/** Backends with one fault each. Every check of the suite is named by at least one of them. */
export const mutants: readonly Mutant[] = [
  ...sendingMutants,
  ...receivingMutants,
  ...settlingMutants,
  ...deadLetterMutants,
  ...fifoMutants,
  ...topicMutants,
  ...administrationMutants,
  ...endingMutants,
];
