/**
 * Proves that the tests can fail. By default, or with names of patches: puts each fault of
 * `tests/chaos/mutants/` into a copy of the code and demands that the test it names fails. With
 * `--random N`: puts in N one-line faults that a seed chooses, and tells which of them the tests of
 * their file and room did not notice. See `--help`.
 */
import { HELP, readArguments } from "./arguments.ts";
import type { Place } from "./copy.ts";
import { mutateByPatches } from "./patches.ts";

const HERE: Place = {
  root: new URL("../../", import.meta.url).pathname,
  print: (line) => console.log(line),
};

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(args: string[]): Promise<number> {
  const { help, patches, random } = readArguments(args, new Date());
  if (help) {
    console.log(HELP);
    return 0;
  }
  if (!random) return await mutateByPatches(patches, HERE) ? 0 : 1;
  // Only this form needs the TypeScript parser.
  const { mutateAtRandom } = await import("./random.ts");
  const survived = await mutateAtRandom(random, HERE);
  return random.fail && survived > 0 ? 1 : 0;
}
