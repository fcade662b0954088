/** The plan of `declare`: printed, applied, and told by the exit code. */
import type { Backend } from "../../src/backend.ts";
import { type Plan, planOf, type Topology } from "../../src/operate/topology/mod.ts";
import type { Io } from "../io.ts";

/** The exit code where what exists differs from what is wanted. */
export const DRIFT = 2;

/** Options of {@linkcode planned}. */
export interface PlannedOptions {
  readonly io: Io;
  readonly json: boolean;
  /** Applies the plan after it was printed. */
  readonly apply: boolean;
}

/** Prints a plan, and applies it if asked to. Resolves to the exit code. */
export async function planned(
  backend: Backend,
  topology: Topology,
  { io, json, apply }: PlannedOptions,
): Promise<number> {
  const plan = await planOf(backend, topology);
  const { changes, foreign } = plan;
  if (json) io.out(JSON.stringify({ changes, foreign, applied: apply && changes.length > 0 }));
  else io.out(`${plan}`);
  if (changes.length === 0) return 0;
  if (!apply) {
    if (!json) io.out(`${count(plan)}: do it with --apply`);
    return DRIFT;
  }
  await plan.apply();
  if (!json) io.out(`${count(plan)}: done`);
  return 0;
}

function count({ changes }: Plan): string {
  return changes.length === 1 ? "1 change" : `${changes.length} changes`;
}
