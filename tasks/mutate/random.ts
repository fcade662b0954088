import { seededRandom } from "../../backends/memory/seeded_random.ts";
import type { RandomOptions } from "./arguments.ts";
import { type Copy, type Place, withCopy } from "./copy.ts";
import { type EqualMutant, isEqual, parseEqualMutants } from "./equal.ts";
import { findMutants } from "./find.ts";
import { Judge, type Judgement } from "./judge.ts";
import type { Mutant } from "./mutant.ts";
import { Progress } from "./progress.ts";
import { asJson, closingLines } from "./report.ts";
import { Round } from "./round.ts";
import { inRandomOrder } from "./select.ts";

const EQUAL_MUTANTS = "tests/equal_mutants.txt";

/** Tries faults that a seed chooses, tells what became of each, and resolves to how many survived. */
export async function mutateAtRandom(options: RandomOptions, place: Place): Promise<number> {
  const { seed, count, folders, jobs, json } = options;
  const { root, print } = place;
  const round = new Round(inRandomOrder(faultsIn(root, folders), seededRandom(seed)), count);
  const equal = parseEqualMutants(Deno.readTextFileSync(`${root}${EQUAL_MUTANTS}`));
  const judge = new Judge(filesIn(root, "tests").filter((file) => file.endsWith("_test.ts")));
  if (!json) print(`${count} faults in ${folders.join(", ")}, seed ${seed}`);
  const progress = new Progress({ count, print: json ? undefined : print, write: terminal() });
  const tryAll = (copy: Copy) =>
    round.run(async (mutant) => {
      const judgement = await judgeUnlessEqual(mutant, { judge, copy, equal });
      progress.tell(judgement);
      return judgement;
    });
  await Promise.all(Array.from({ length: Math.min(jobs, count) }, () => withCopy(root, tryAll)));
  const { judgements } = round;
  print(json ? asJson(seed, judgements) : closingLines(judgements).join("\n"));
  return judgements.filter(({ verdict }) => verdict === "survived").length;
}

function faultsIn(root: string, paths: readonly string[]) {
  const files = paths.flatMap((path) =>
    Deno.statSync(`${root}${path}`).isFile ? [path] : filesIn(root, path)
  );
  return files.filter((file) => file.endsWith(".ts"))
    .map((file) => findMutants(file, Deno.readTextFileSync(`${root}${file}`)));
}

function filesIn(root: string, folder: string): string[] {
  const entries = [...Deno.readDirSync(`${root}${folder}`)];
  entries.sort((a, b) => a.name < b.name ? -1 : 1);
  return entries.flatMap(({ name, isDirectory }) =>
    isDirectory ? filesIn(root, `${folder}/${name}`) : [`${folder}/${name}`]
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

function terminal(): ((text: string) => void) | undefined {
  if (!Deno.stderr.isTerminal()) return undefined;
  return (text) => void Deno.stderr.writeSync(new TextEncoder().encode(text));
}
