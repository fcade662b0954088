import type { Mutant } from "./mutant.ts";

/** The faults that can be put into one file. */
export interface FileMutants {
  /** How many lines of code it has: the more, the likelier it is chosen. */
  readonly codeLines: number;
  readonly mutants: readonly Mutant[];
}

interface Pool {
  readonly weight: number;
  /** The faults that were not chosen yet, by line. */
  readonly lines: Mutant[][];
}

/**
 * Gives all faults, each once, in an order that chance decides: first a file by its lines of code,
 * then one of its lines, then one of the faults on that line.
 */
export function* inRandomOrder(
  files: readonly FileMutants[],
  random: () => number,
): Generator<Mutant> {
  const pools: Pool[] = files.map(({ codeLines, mutants }) => ({
    weight: codeLines,
    lines: byLine(mutants),
  })).filter(({ lines }) => lines.length > 0);
  while (pools.length > 0) {
    const pool = chooseByWeight(pools, random);
    const line = choose(pool.lines, random);
    const mutant = choose(line, random);
    remove(line, mutant);
    if (line.length === 0) remove(pool.lines, line);
    if (pool.lines.length === 0) remove(pools, pool);
    yield mutant;
  }
}

function byLine(mutants: readonly Mutant[]): Mutant[][] {
  const lines = new Map<number, Mutant[]>();
  for (const mutant of mutants) {
    const line = lines.get(mutant.line);
    if (line) line.push(mutant);
    else lines.set(mutant.line, [mutant]);
  }
  return [...lines.values()];
}

function chooseByWeight(pools: readonly Pool[], random: () => number): Pool {
  const total = pools.reduce((sum, { weight }) => sum + weight, 0);
  let rest = random() * total;
  for (const pool of pools) {
    rest -= pool.weight;
    if (rest < 0) return pool;
  }
  return pools.at(-1)!;
}

function choose<Item>(items: readonly Item[], random: () => number): Item {
  return items[Math.floor(random() * items.length)]!;
}

function remove<Item>(items: Item[], item: Item): void {
  items.splice(items.indexOf(item), 1);
}
