import { defineEvent, typed } from "../../../src/event.ts";
import type { Subscriber } from "../../../src/dispatcher.ts";

const Ping = defineEvent("Ping", { schema: typed<{ at: number }>() });

export const subscribers: Subscriber[] = [
  { name: "pings", listensTo: Ping, process: () => {} },
];
