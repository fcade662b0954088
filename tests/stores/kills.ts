/**
 * Kills the programs of inbox and outbox before each of their steps, and lets them run again: no
 * effect twice, none missing, and the order kept.
 */
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import { start } from "../../tasks/process.ts";

const PROGRAM = new URL("./steps.ts", import.meta.url).pathname;
const EXPECTED = "event-1 event-2 event-3";
/** More steps than any program has. */
const MAX_STEPS = 200;

/** The place of the effects: an SQLite file, or a table of Postgres. */
interface Place {
  at: string;
  /** Forgets everything. */
  reset(): Promise<void>;
  /** Returns the ids of the effects, in order. */
  effects(): Promise<string[]>;
}

/** Result of one program: the number of kills, and the faults. */
export interface KillReport {
  kills: number;
  faults: string[];
}

/** Kills one program at each step. */
export async function killAtEachStep(
  what: string,
  place: Place,
  folder: string,
): Promise<KillReport> {
  const log = `${folder}/${what}.log`;
  const faults: string[] = [];
  for (let kills = 0; kills < MAX_STEPS; kills++) {
    await place.reset();
    await Deno.writeTextFile(log, "");
    const wasKilled = await runSteps([what, place.at, `${kills + 1}`, log]);
    if (await runSteps([what, place.at, "0", log])) faults.push(`${what} did not end`);
    const effects = (await place.effects()).sort().join(" ");
    if (effects !== EXPECTED) faults.push(`step ${kills + 1}: effects ${effects}`);
    if (what.endsWith("Outbox")) {
      const ids = new Set((await Deno.readTextFile(log)).trim().split("\n"));
      if ([...ids].join(" ") !== EXPECTED) faults.push(`step ${kills + 1}: published ${[...ids]}`);
    }
    if (!wasKilled) return { kills, faults };
  }
  return { kills: MAX_STEPS, faults: [`${what} has more than ${MAX_STEPS} steps`] };
}

/** Runs the program; resolves to whether it was killed. */
async function runSteps(args: string[]): Promise<boolean> {
  const flags = ["run", "-q", "-A", "--no-check"];
  await using program = start(Deno.execPath(), [...flags, PROGRAM, ...args]);
  const { signal, code } = await program.ended();
  if (signal === "SIGKILL") return true;
  if (code !== 0) throw new Error(`the program failed: ${program.stderr.join("\n")}`);
  return false;
}

/** A new file of SQLite for each kill. */
export function sqlitePlace(folder: string): Place {
  const at = `${folder}/kills.db`;
  return {
    at,
    async reset() {
      for (const end of ["", "-wal", "-shm", "-journal"]) {
        await Deno.remove(at + end).catch(() => {});
      }
    },
    effects() {
      const database = new DatabaseSync(at);
      const rows = database.prepare("SELECT id FROM effects").all();
      database.close();
      return Promise.resolve(rows.map(({ id }) => `${id}`));
    },
  };
}

/** Tables of Postgres, emptied for each kill. */
export function postgresPlace(port: string, table: string): Place {
  const query = async (text: string): Promise<{ id: string }[]> => {
    const client = new pg.Client({ host: "127.0.0.1", port: Number(port), user: "postgres" });
    await client.connect();
    try {
      return (await client.query(text)).rows;
    } finally {
      await client.end();
    }
  };
  return {
    at: port,
    async reset() {
      const id = table === "effects_outbox" ? "id text PRIMARY KEY" : "id text";
      await query(`CREATE TABLE IF NOT EXISTS ${table} (${id})`);
      await query(
        "CREATE TABLE IF NOT EXISTS melange_outbox (id bigserial PRIMARY KEY, group_name text, entry text NOT NULL)",
      );
      await query(`TRUNCATE ${table}, melange_outbox, melange_deduplication`);
    },
    effects: async () => (await query(`SELECT id FROM ${table}`)).map(({ id }) => id),
  };
}
