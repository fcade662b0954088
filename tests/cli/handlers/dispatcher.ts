import { DeadLetter } from "../../../src/support/errors.ts";
import { defineEvent } from "../../../src/event/event.ts";
import { Dispatcher } from "../../../src/handle/dispatcher.ts";
import * as v from "valibot";

const OrderPlaced = defineEvent("OrderPlaced", {
  topic: "orders",
  schema: v.object({ orderId: v.string() }),
  group: ({ orderId }) => orderId,
});

export const dispatcher: Dispatcher = new Dispatcher();

dispatcher.subscribe(OrderPlaced, ({ data }) => {
  if (data.orderId === "bad") throw new DeadLetter("bad-order");
}, { name: "bill" });
