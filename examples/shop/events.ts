/** The events of the shop: the only thing that its services share. */
import { defineEvent } from "@melange/melange";
import * as v from "valibot";

export const OrderPlaced = defineEvent("OrderPlaced", {
  topic: "orders",
  schema: v.object({ orderId: v.string(), total: v.number() }),
});
export const InvoiceSent = defineEvent("InvoiceSent", {
  topic: "invoices",
  schema: v.object({ orderId: v.string(), invoiceId: v.string() }),
});
export const ParcelShipped = defineEvent("ParcelShipped", {
  topic: "parcels",
  schema: v.object({ orderId: v.string(), parcelId: v.string() }),
});
