/** What a host of handlers is to the test that runs the same handlers on all of them. */
import { OrderCancelled } from "../../examples/handlers.ts";
import type { Dispatcher } from "../../src/handle/dispatcher.ts";
import type { Event } from "../../src/event/event.ts";
import { encode } from "../../src/wire/format.ts";
import type { OutgoingMessage } from "../../src/wire/message.ts";
import { SerializerRegistry } from "../../src/wire/serializer_registry.ts";

/** Something that runs handlers. A new host is one more of these. */
export interface Host {
  /** Its name in the tests. */
  readonly name: string;
  /** The kind of host, by which the test knows what each outcome must lead to. */
  readonly kind: HostKind;
  /** Starts it, once for all messages. */
  open(dispatcher: Dispatcher): Promise<OpenHost>;
}

/** A host that runs. */
export interface OpenHost {
  /**
   * Hands it a message, lets it decide, and tells what can be seen from outside. A host that keeps
   * the order of groups gets {@linkcode FOLLOWER} behind it in the same group; one that takes
   * batches gets {@linkcode OTHER} as well.
   */
  deliver(message: OutgoingMessage): Promise<string>;
  /** Ends it. */
  close(): Promise<void>;
}

/** The kinds of hosts that meet an outcome in ways of their own. */
export type HostKind =
  | "queue"
  | "queue without DLQ"
  | "FIFO queue"
  | "FIFO queue without DLQ"
  | "Lambda, SQS"
  | "Lambda, SQS, with sender"
  | "Lambda, FIFO"
  | "Lambda, FIFO, with sender"
  | "Lambda, SNS"
  | "SNS endpoint";

/** Writes an event as a publisher does. */
export function messageOf(event: Event): OutgoingMessage {
  return encode(event, { format: "plain", serializers: new SerializerRegistry(), toQueue: true });
}

/** A message that nothing is wrong with, behind the one that is looked at. */
export const FOLLOWER: OutgoingMessage = messageOf(OrderCancelled({ orderId: "o-follower" }));

/** A message that nothing is wrong with, and that has nothing to do with the others. */
export const OTHER: OutgoingMessage = messageOf(OrderCancelled({ orderId: "o-other" }));

/** Tells the facts on a dead-letter copy: why, by whom, after how many tries. */
export function factsOn({ attributes }: Pick<OutgoingMessage, "attributes">): string {
  const packed: unknown = JSON.parse(String(attributes.melange ?? "{}"));
  const { dead } = packed as { dead?: Record<string, unknown> };
  if (!dead) return "no facts";
  return `${dead.reason} by ${dead.subscriber ?? "nobody"}, tries: ${dead.attempts}`;
}
