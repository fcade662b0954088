import { Dispatcher } from "../../../src/handle/dispatcher.ts";
import { defineEvent, typed } from "../../../src/event/event.ts";

const Stuck = defineEvent("Stuck", { schema: typed<number>() });

export const dispatcher: Dispatcher = new Dispatcher();

dispatcher.subscribe(Stuck, () => new Promise(() => {}), { name: "stuck" });
