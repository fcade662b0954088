import { Dispatcher } from "../../../src/handle/dispatcher.ts";
import { defineEvent, typed } from "../../../src/event/event.ts";

const Relay = defineEvent("Relay", { schema: typed<number>() });

export const dispatcher: Dispatcher = new Dispatcher();

dispatcher.subscribe(Relay, async ({ data }, { publisher }) => {
  await publisher?.publish(Relay(data), { queue: "dead" });
}, { name: "relay" });
