/**
 * Event sourcing and CQRS: the write side keeps events and publishes them, the read side builds a
 * table for its own questions from them.
 *
 *     npx -y deno run examples/cqrs.ts
 */
import { defineEvent, type Event, EventBus, typed } from "@melange/melange";
import { MemoryBackend } from "@melange/melange/memory";

type Movement = { account: string; amount: number };
const options = {
  topic: "accounts.fifo",
  schema: typed<Movement>(),
  group: (data: Movement) => data.account, // in order for each account
};
const Deposited = defineEvent("Deposited", options);
const Withdrawn = defineEvent("Withdrawn", options);

const backend = new MemoryBackend();

// Write side: the events are the truth, and a command is checked against them.
const history: Event[] = [];
const commands = new EventBus({ backend });
function balanceOf(account: string): number {
  return history.reduce((sum, event) => {
    if (Deposited.is(event) && event.data.account === account) return sum + event.data.amount;
    if (Withdrawn.is(event) && event.data.account === account) return sum - event.data.amount;
    return sum;
  }, 0);
}
async function withdraw(account: string, amount: number): Promise<void> {
  if (balanceOf(account) < amount) throw new RangeError(`${account} has too little`);
  await record(Withdrawn({ account, amount }));
}
async function record(event: Event): Promise<void> {
  history.push(event); // a real store commits here, and publishes what it has committed
  await commands.publish(event);
}

// Read side: a projection, behind by as long as the queue takes, and rebuilt from history at will.
const view = new Map<string, number>();
const queries = new EventBus({ backend, queue: "balances.fifo" });
const add = ({ account, amount }: Movement) => view.set(account, (view.get(account) ?? 0) + amount);
queries.subscribe(Deposited, ({ data }) => void add(data));
queries.subscribe(Withdrawn, ({ data }) => void add({ ...data, amount: -data.amount }));
await queries.declare();
queries.start();

await record(Deposited({ account: "ada", amount: 100 }));
await withdraw("ada", 30);
await withdraw("ada", 90).catch((error) => console.log(error.message));
for (let tries = 0; view.get("ada") !== 70 && tries < 500; tries++) {
  await new Promise((resolve) => setTimeout(resolve, 10));
}
console.log(`ada: ${view.get("ada")}, from ${history.length} events`);
await queries.stop();

// Prints:
// ada has too little
// ada: 70, from 2 events
