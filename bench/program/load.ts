/** The messages that all variants carry, and how they are kept under way. */
import { defineEvent, type Event, typed } from "../../mod.ts";

/** What the events of the bench carry: about a kibibyte of JSON. */
export interface Payload {
  readonly orderId: string;
  readonly total: number;
  readonly lines: readonly { readonly article: string; readonly text: string }[];
}

/** The event type of the bench. */
export const OrderPlaced = /* @__PURE__ */ defineEvent("OrderPlaced", {
  topic: "bench",
  schema: typed<Payload>(),
});

const LINES = Array.from({ length: 10 }, (_, line) => ({
  article: `article-${line}`,
  text: "The spice must flow, whatever the weather, to every port.",
}));
/** How many callers there are at once. */
export const CALLERS = 16;
/** How many messages each of them hands over at once. */
export const PER_CALL = 10;

/** Creates the data of an event. */
export function payload(number: number): Payload {
  return { orderId: `order-${number}`, total: number, lines: LINES };
}

/** Creates events. */
export function events(count: number): Event[] {
  return Array.from({ length: count }, (_, number) => OrderPlaced(payload(number)));
}

/** A message as somebody writes it who has no library: an id, and the data as JSON. */
export function plainMessage(number: number): { id: string; body: string } {
  return { id: crypto.randomUUID(), body: JSON.stringify(payload(number)) };
}

/** Calls a function so often, sixteen at a time; resolves to how many messages that were. */
export async function underWay(
  calls: number,
  call: () => Promise<unknown>,
): Promise<{ count: number }> {
  let left = calls;
  const caller = async () => {
    while (left-- > 0) await call();
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  return { count: calls * PER_CALL };
}

/** The number of a message within a batch of ten, from 0 to 9. */
export const TEN: readonly number[] = Array.from({ length: PER_CALL }, (_, number) => number);

/** Lets time pass. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
