import { Dispatcher } from "../../../src/dispatcher.ts";
import { defineEvent, typed } from "../../../src/event.ts";

const Stuck = defineEvent("Stuck", { schema: typed<number>() });

export const dispatcher: Dispatcher = new Dispatcher();

dispatcher.subscribe(Stuck, () => new Promise(() => {}), { name: "stuck" });
