import { defineEvent, typed } from "../../mod.ts";

/** An order, as the incident has it. */
export const OrderPlaced = defineEvent("OrderPlaced", {
  topic: "orders",
  schema: typed<{ orderId: string; total: number }>(),
});
