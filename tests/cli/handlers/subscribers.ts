import { defineEvent, typed } from "../../../src/event/event.ts";
import type { Subscriber } from "../../../src/handle/handler.ts";

const Ping = defineEvent("Ping", { schema: typed<{ at: number }>() });

export const subscribers: Subscriber[] = [
  { name: "pings", listensTo: Ping, process: () => {} },
];
