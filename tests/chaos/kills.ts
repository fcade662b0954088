/**
 * The kills of a run, certain by construction. Before a kill nobody receives more than a share of
 * the events. Once that share is taken, only the victim receives, and its handlers wait. So it gets
 * the deliveries that the kill is to meet, as long as any are left, whatever the others do.
 */
import { holdHandlers } from "./hold.ts";
import type { Laboratory } from "./laboratory.ts";
import type { ChaosOptions } from "./run.ts";
import { isReached } from "./turnstile.ts";
import type { Watch } from "./watch.ts";

/** A run that is going on. */
export interface Run extends Laboratory {
  readonly options: ChaosOptions;
  readonly watch: Watch;
}

/** A worker that was killed, and how many deliveries it held. */
export interface Kill {
  name: string;
  held: number;
}

/** The workers of a run. The first two are killed, in this order. */
export const WORKERS: readonly string[] = ["worker-1", "worker-2", "worker-3"];
/** The shares of the events after which a worker is killed. */
const SHARES = [1 / 3, 2 / 3];
/** A kill meets at least so many handlers that wait and whose locks last. */
export const MIN_HELD = 5;

/** Sets what may be received before the first kill; to be called before anybody receives. */
export function limitReceives({ proxy, settings }: Laboratory, kills = 0): void {
  proxy.turnstile.limit = Math.floor(settings.count * (SHARES[kills] ?? Infinity));
}

/** Kills two workers, at a third and at two thirds of the work, each while it holds deliveries. */
export async function killTwo(run: Run): Promise<Kill[]> {
  const kills: Kill[] = [];
  for (const name of WORKERS.slice(0, SHARES.length)) {
    kills.push(await kill(run, name));
    limitReceives(run, kills.length);
    run.proxy.turnstile.only = undefined;
  }
  return kills;
}

async function kill(run: Run, name: string): Promise<Kill> {
  const { proxy: { turnstile }, watch, logOf, options: { progress } } = run;
  await watch.until(
    `events are received up to the kill of ${name}`,
    () => isReached(turnstile),
  );
  holdHandlers(logOf(name));
  turnstile.only = name;
  await watch.until(
    `${name} holds ${MIN_HELD} deliveries to be killed with`,
    () => heldBy(run, name).length >= MIN_HELD,
  );
  const held = heldBy(run, name).length;
  watch.end(name, "SIGKILL");
  progress?.(`killed ${name}, which held ${held} deliveries, at ${turnstile.taken} events`);
  return { name, held };
}

/** Events whose handlers wait in a worker, and whose locks last. */
function heldBy({ proxy, watch }: Run, name: string): string[] {
  const waiting = watch.look().held.get(name);
  return proxy.unsettled(name).filter((key) => waiting?.has(key));
}
