/**
 * Puts random sequences of calls to the emulator and to another broker, in both protocols, and lists
 * every difference, and who is right by docs/emulator_differences.md. A difference that the page does
 * not have is shown with an example, and ends the program with 1.
 */
import { awsEmulator } from "../../../../../backends/aws/emulator/mod.ts";
import { taskArguments } from "../../../../../tasks/arguments.ts";
import type { Protocol } from "../wire.ts";
import { RECIPES, startOpponent } from "./brokers.ts";
import { compare, type Difference } from "./compare.ts";
import { knownAs } from "./known.ts";
import { sequence } from "./sequences.ts";

/** A difference, and how often it was seen. */
interface Seen {
  readonly first: Difference;
  readonly seed: number;
  readonly protocol: Protocol;
  count: number;
}

/** What a run found. */
export interface Found {
  /** By signature. */
  readonly seen: ReadonlyMap<string, Seen>;
  readonly calls: number;
}

/** Options of {@linkcode differences}. */
export interface DifferencesOptions {
  readonly against: string;
  /** Where brokers are installed. */
  readonly folder: string;
  /** The seed of the first sequence; the others follow. */
  readonly seed: number;
  readonly sequences: number;
  /** Called now and then. */
  readonly onProgress?: (done: number) => void;
}

/** Runs sequences against a broker. */
export async function differences(options: DifferencesOptions): Promise<Found> {
  const { against, folder, seed: first, sequences, onProgress } = options;
  await using opponent = await startOpponent(against, folder);
  const aws = awsEmulator({ region: "eu-west-1", policies: "ignored", maxRequests: 0 });
  const ours = { fetch: aws.fetch, origin: "http://127.0.0.1:1" };
  const theirs = {
    fetch: (url: string, init: RequestInit) => fetch(url, init),
    origin: opponent.origin,
  };
  const seen = new Map<string, Seen>();
  let calls = 0;
  for (let n = 0; n < sequences; n++) {
    const seed = first + n;
    const { services, protocols } = opponent;
    const protocol = protocols[n % protocols.length]!;
    const steps = sequence(seed, services);
    calls += steps.length;
    for (const found of await compare(steps, { ours, theirs, protocol })) {
      const known = seen.get(found.signature);
      if (known) known.count++;
      else seen.set(found.signature, { first: found, seed, protocol, count: 1 });
    }
    if (n % 100 === 99) onProgress?.(n + 1);
  }
  return { seen, calls };
}

async function main(): Promise<void> {
  const { values } = taskArguments(Deno.args, {
    name: "test:differential",
    options: {
      seed: { type: "count", value: "S", help: "the seed of the first sequence; default: 1" },
      sequences: { type: "count", value: "N", help: "the number of sequences; default: 2000" },
      against: {
        type: "text",
        value: "NAME",
        help: `one of ${Object.keys(RECIPES)}; default: moto`,
      },
      brokers: {
        type: "text",
        value: "FOLDER",
        help: "the folder with the brokers; default: in the cache",
      },
    },
  });
  const { seed = 1, sequences = 2_000, against = "moto" } = values;
  const folder = values.brokers ?? `${Deno.env.get("HOME") ?? "."}/.cache/melange-brokers`;
  const onProgress = (done: number) => console.error(`${done} of ${sequences}`);
  const { seen, calls } = await differences({ against, folder, seed, sequences, onProgress });
  const all = [...seen].sort(([, a], [, b]) => b.count - a.count);
  const unknown = all.filter(([signature]) => knownAs(against, signature) === undefined);
  for (const [signature, { count }] of all) {
    const { right = "new" } = knownAs(against, signature) ?? {};
    console.log(`${count} × ${right}: ${signature}`);
  }
  for (const [signature, { first, seed, protocol }] of unknown) {
    console.log(`\n${signature}\nseed ${seed}, ${protocol}: ${JSON.stringify(first.step)}`);
    console.log(`here  ${JSON.stringify(first.ours)} ${first.texts[0] ?? ""}`);
    console.log(`there ${JSON.stringify(first.theirs)} ${first.texts[1] ?? ""}`);
  }
  console.log(
    `\n${sequences} sequences of ${calls} calls against ${against}: ${all.length} differences, ${unknown.length} of them not in docs/emulator_differences.md`,
  );
  if (unknown.length > 0) Deno.exitCode = 1;
}

if (import.meta.main) await main();
