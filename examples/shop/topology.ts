/**
 * The shop: three services that do not know each other. `orders` takes orders, `billing` writes
 * invoices, `shipping` sends parcels. The commands in the README beside this file plan, create,
 * export and document all of it.
 */
import { Dispatcher } from "@melange/melange";
import type { ServiceOptions } from "@melange/melange/topology";
import { InvoiceSent, OrderPlaced, ParcelShipped } from "./events.ts";

const orders = new Dispatcher();
orders.subscribe(ParcelShipped, ({ data }) => console.log(`order ${data.orderId} is on its way`), {
  name: "close-order",
});

const billing = new Dispatcher();
billing.subscribe(OrderPlaced, async ({ data: { orderId } }, { publisher }) => {
  console.log(`invoice for order ${orderId}`);
  await publisher?.publish(InvoiceSent({ orderId, invoiceId: `i-${orderId}` }));
}, { name: "write-invoice" });

const shipping = new Dispatcher();
shipping.subscribe(InvoiceSent, async ({ data: { orderId } }, { publisher }) => {
  console.log(`parcel for order ${orderId}`);
  await publisher?.publish(ParcelShipped({ orderId, parcelId: `p-${orderId}` }));
}, { name: "pack" });

/** What the commands read. */
export const services: ServiceOptions[] = [
  {
    dispatcher: orders,
    queue: "orders",
    deadLetterQueue: "orders-dlq",
    publishes: [OrderPlaced],
  },
  {
    dispatcher: billing,
    queue: "billing",
    deadLetterQueue: "billing-dlq",
    publishes: [InvoiceSent],
    visibilityTimeoutMs: 60_000,
  },
  {
    dispatcher: shipping,
    queue: "shipping",
    deadLetterQueue: "shipping-dlq",
    publishes: [ParcelShipped],
  },
];
