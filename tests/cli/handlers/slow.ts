import { Dispatcher } from "../../../src/handle/dispatcher.ts";
import { defineEvent, typed } from "../../../src/event/event.ts";

const Job = defineEvent("Job", { schema: typed<{ number: number }>() });

export const dispatcher: Dispatcher = new Dispatcher();

dispatcher.subscribe(Job, async ({ data }) => {
  console.log(`begin ${data.number}`);
  await new Promise((resolve) => setTimeout(resolve, data.number === 999 ? 600_000 : 200));
  console.log(`end ${data.number}`);
}, { name: "slow" });
