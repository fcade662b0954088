import { parseArgs } from "node:util";

/** What the random form is asked for. */
export interface RandomOptions {
  /** How many faults are tried. */
  readonly count: number;
  /** The same seed chooses the same faults in the same code. */
  readonly seed: number;
  /** Folders or files, from the root of the tree. */
  readonly folders: string[];
  /** How many copies of the tree are tried side by side. */
  readonly jobs: number;
  /** Prints one JSON document instead of lines. */
  readonly json: boolean;
  /** Fails if a fault survives. */
  readonly fail: boolean;
}

/** The arguments, read. */
export interface Arguments {
  readonly help: boolean;
  /** Names of patches; none stands for all. */
  readonly patches: string[];
  readonly random: RandomOptions | undefined;
}

/** The arguments, explained. */
export const HELP = `deno task mutate [PATCH…]       the faults of tests/chaos/mutants/
deno task mutate --random N     N one-line faults, chosen by a seed
  --seed S      a number; default: the day, as in 20261128
  --in FOLDER   folders or files, repeated or with commas; default: src,backends,cli
  --jobs J      copies tried side by side; default: 2
  --json        one JSON document instead of lines
  --fail        exit code 1 if a fault survives`;

/** Reads the arguments of `deno task mutate`; throws a `TypeError` where they are wrong. */
export function readArguments(args: string[], today: Date): Arguments {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      random: { type: "string" },
      seed: { type: "string" },
      in: { type: "string", multiple: true, default: ["src,backends,cli"] },
      jobs: { type: "string", default: "2" },
      json: { type: "boolean", default: false },
      fail: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const { random, seed = dayOf(today), json, fail, help } = values;
  if (random === undefined) return { help, patches: positionals, random };
  if (positionals.length > 0) {
    throw new TypeError(`Cannot take ${positionals[0]} with --random: folders follow --in`);
  }
  const folders = values.in.flatMap((list) => list.split(",")).map(trimmed).filter(Boolean);
  const [count, jobs] = [natural("random", random), natural("jobs", values.jobs)];
  const options = { count, seed: natural("seed", seed), folders, jobs, json, fail };
  return { help, patches: [], random: options };
}

function dayOf(date: Date): string {
  return date.toISOString().slice(0, 10).replaceAll("-", "");
}

function trimmed(folder: string): string {
  return folder.trim().replace(/^\.\//, "").replace(/\/+$/, "");
}

function natural(name: string, text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new TypeError(`Cannot use --${name} as it must be a number from 1 on: ${text}`);
}
