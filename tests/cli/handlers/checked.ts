import { defineEvent } from "../../../src/event/event.ts";
import { Dispatcher } from "../../../src/handle/dispatcher.ts";
import * as v from "valibot";

const Checked = defineEvent("Checked", { schema: v.object({ total: v.number() }) });

export const dispatcher: Dispatcher = new Dispatcher();

dispatcher.subscribe(Checked, () => {});
