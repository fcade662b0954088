/** What other programs of the project measure: bundle sizes, and the BroadcastChannel backend. */
import { mustRun } from "../tasks/process.ts";
import type { Line } from "./measurement.ts";

interface Size {
  readonly name: string;
  readonly form?: string;
  readonly bundler?: string;
  readonly gzipped: number;
}

/** Returns what each entry point weighs in a bundle. */
export async function bundleSizes(): Promise<Line[]> {
  const { stdout } = await mustRun(Deno.execPath(), ["run", "-A", "tasks/sizes.ts", "--json"]);
  const sizes: Size[] = JSON.parse(stdout.slice(stdout.indexOf("[")));
  return sizes.map(({ name, form, bundler, gzipped }) => ({
    scenario: "bundle size",
    variant: [name, form, bundler].filter((part) => part !== undefined).join(", "),
    value: gzipped,
    unit: "bytes, gzipped",
  }));
}

interface DenoBench {
  readonly benches: readonly {
    readonly group: string;
    readonly name: string;
    readonly results: readonly { readonly ok?: { readonly avg: number } }[];
  }[];
}

/** Returns what `bench/broadcast_channel_bench.ts` measures, on Deno. */
export async function broadcastChannel(): Promise<Line[]> {
  const file = "bench/broadcast_channel_bench.ts";
  const { stdout } = await mustRun(Deno.execPath(), ["bench", "-A", "--no-check", "--json", file]);
  const { benches }: DenoBench = JSON.parse(stdout.slice(stdout.indexOf("{")));
  return benches.map(({ group, name, results: [first] }) => ({
    scenario: `BroadcastChannel, ${group}`,
    variant: name,
    // Deno measures nanoseconds.
    value: Number(((first?.ok?.avg ?? NaN) / 1e6).toPrecision(4)),
    unit: "ms",
  }));
}
