import type { Delivery } from "../../src/backend.ts";

/** The bodies of deliveries, in order. */
export function bodiesOf(deliveries: readonly Delivery[]): string[] {
  return deliveries.map(({ message }) => message.body);
}

/** The receipts of deliveries, in order. */
export function receiptsOf(deliveries: readonly Delivery[]): string[] {
  return deliveries.map(({ receipt }) => receipt);
}

/** As many bodies, which sort in the order they are made. */
export function numbered(count: number, prefix = "message"): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix} ${String(index).padStart(3, "0")}`);
}
