import { Dispatcher } from "../../../src/handle/dispatcher.ts";
import { defineEvent, type EventType, typed } from "../../../src/event/event.ts";
import type { Schema } from "../../../src/event/schema.ts";

export const Unheard: EventType<"Unheard", Schema<{ at: number }>> = defineEvent("Unheard", {
  topic: "unheard",
  schema: typed<{ at: number }>(),
});

/** Looks like an event type, and is none. */
export const lookalikes = [Object.assign(() => {}, { type: "Lookalike" })];
export const Lookalike = lookalikes[0];

export const dispatcher: Dispatcher = new Dispatcher();
dispatcher.subscribeAll(() => {});
