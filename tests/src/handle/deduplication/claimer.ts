/** A process that claims keys of a shared store and prints those it got. */
import { DatabaseSync } from "node:sqlite";
import { SqliteDeduplicationStore } from "../../../../src/handle/deduplication/sqlite.ts";

const [file, count] = Deno.args as [string, string];
const database = new DatabaseSync(file);
const store = new SqliteDeduplicationStore({ database });
const got: string[] = [];
for (let n = 0; n < Number(count); n++) {
  const key = `key-${n}`;
  const claim = await store.claim(key, 60_000);
  if (claim.status === "claimed") got.push(key);
}
database.close();
console.log(JSON.stringify(got));
