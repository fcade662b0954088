/**
 * A process that claims keys of a shared store. `race` prints the keys it got; `hold` claims one,
 * says so, and does not complete it.
 */
import { type Kind, KINDS } from "./kinds.ts";

const [kind, at, verb, key, number] = Deno.args as [Kind, string, string, string, string];
const { store, close } = await KINDS[kind]({ at });
if (verb === "hold") {
  const { status } = await store.claim(key, Number(number));
  console.log(status);
  await new Promise((resolve) => setTimeout(resolve, 60_000));
}
const got: string[] = [];
const keys = Array.from({ length: Number(number) }, (_, n) => `${key}-${n}`);
console.log("ready");
// Eight claims at a time.
await Promise.all(Array.from({ length: 8 }, async (_, lane) => {
  for (const next of keys.filter((_, n) => n % 8 === lane)) {
    if ((await store.claim(next, 600_000)).status === "claimed") got.push(next);
  }
}));
await close();
console.log(JSON.stringify(got));
