import { seededRandom } from "../../backends/memory/seeded_random.ts";
import type { RandomOptions } from "./arguments.ts";
import { type Copy, ROOT, withCopy } from "./copy.ts";
import { type EqualMutant, isEqual, parseEqualMutants } from "./equal.ts";
import { findMutants } from "./find.ts";
import { Judge, type Judgement } from "./judge.ts";
import type { Mutant } from "./mutant.ts";
import { asJson, closingLines, lineOf } from "./report.ts";
import { inRandomOrder } from "./select.ts";

const EQUAL_MUTANTS = `${ROOT}tests/equal_mutants.txt`;

/** Tries faults that a seed chooses, tells what became of each, and resolves to how many survived. */
export async function mutateAtRandom(options: RandomOptions): Promise<number> {
  const { seed, count, folders, jobs, json } = options;
  const files = folders.flatMap(sourceFiles).map((file) =>
    findMutants(file, Deno.readTextFileSync(`${ROOT}${file}`))
  );
  const round = new Round(inRandomOrder(files, seededRandom(seed)), count);
  const equal = parseEqualMutants(Deno.readTextFileSync(EQUAL_MUTANTS));
  const judge = new Judge(testFiles("tests"));
  if (!json) console.log(`${count} faults in ${folders.join(", ")}, seed ${seed}`);
  const progress = new Progress(count, json);
  const tryAll = (copy: Copy) =>
    round.run(async (mutant) => {
      const judgement = await judgeUnlessEqual(mutant, { judge, copy, equal });
      progress.tell(judgement);
      return judgement;
    });
  await Promise.all(Array.from({ length: Math.min(jobs, count) }, () => withCopy(tryAll)));
  const judgements = round.judgements;
  console.log(json ? asJson(seed, judgements) : closingLines(judgements).join("\n"));
  return judgements.filter(({ verdict }) => verdict === "survived").length;
}

/** The source files of a folder, or the one that is named. */
function sourceFiles(path: string): string[] {
  const files = Deno.statSync(`${ROOT}${path}`).isFile ? [path] : filesIn(path);
  return files.filter((file) => file.endsWith(".ts"));
}

function testFiles(folder: string): string[] {
  return filesIn(folder).filter((file) => file.endsWith("_test.ts"));
}

function filesIn(folder: string): string[] {
  const entries = [...Deno.readDirSync(`${ROOT}${folder}`)].sort((a, b) =>
    a.name < b.name ? -1 : 1
  );
  return entries.flatMap(({ name, isDirectory }) =>
    isDirectory ? filesIn(`${folder}/${name}`) : [`${folder}/${name}`]
  );
}

async function judgeUnlessEqual(
  mutant: Mutant,
  { judge, copy, equal }: { judge: Judge; copy: Copy; equal: readonly EqualMutant[] },
): Promise<Judgement> {
  const entry = equal.find((entry) => isEqual(entry, mutant));
  if (entry) return { mutant, verdict: "equal", killer: entry.reason };
  return await judge.judge(mutant, copy);
}

/** The faults of one run. Those that do not compile are replaced by the next ones. */
export class Round {
  readonly #order: Iterator<Mutant>;
  readonly #judged = new Map<number, Judgement>();
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
      else this.#judged.set(place, judgement);
    }
  }

  /** What was found, in the order in which the faults were chosen. */
  get judgements(): Judgement[] {
    return [...this.#judged].sort(([a], [b]) => a - b).map(([, judgement]) => judgement);
  }
}

/** Tells about each fault; on a terminal also how far it is. */
class Progress {
  readonly #count: number;
  readonly #json: boolean;
  #done = 0;

  constructor(count: number, json: boolean) {
    this.#count = count;
    this.#json = json;
  }

  tell(judgement: Judgement): void {
    if (judgement.verdict === "does not compile") return;
    this.#done += 1;
    this.#show("");
    if (!this.#json) console.log(lineOf(judgement));
    if (this.#done < this.#count) this.#show(`${this.#done}/${this.#count} …`);
  }

  #show(text: string): void {
    if (!Deno.stderr.isTerminal()) return;
    Deno.stderr.writeSync(new TextEncoder().encode(`\r\x1b[K${text}`));
  }
}
