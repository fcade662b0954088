import { defineEvent, type EventType } from "../../src/event/event.ts";
import * as v from "valibot";

type OrderSchema = v.GenericSchema<{ number: number; total: number }>;
const schema: OrderSchema = v.object({ number: v.number(), total: v.number() });

/** The event that the demo publishes. */
export const OrderPlaced: EventType<"OrderPlaced", OrderSchema> = defineEvent("OrderPlaced", {
  topic: "orders",
  schema,
});
