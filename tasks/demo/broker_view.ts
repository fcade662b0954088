/** The broker's own view: asked past the library, so that neither can cover for the other. */
import type { Depths } from "./accounts.ts";

interface Inspected {
  readonly messages: {
    readonly ready: readonly StoredMessage[];
    readonly delayed: readonly StoredMessage[];
    readonly inflight: readonly unknown[];
  };
}

interface StoredMessage {
  readonly messageAttributes: Record<string, { readonly StringValue?: string }>;
}

/** A dead letter as the broker has it. */
export interface DeadLetterSeen {
  readonly eventId: string;
  /** The reason of the handler that gave it up; missing if the broker moved it. */
  readonly reason: string | undefined;
}

/** Counts the messages of a queue. */
export async function depthsOf(endpoint: string, queue: string): Promise<Depths> {
  const { ready, delayed, inflight } = (await inspect(endpoint, queue)).messages;
  return { available: ready.length, delayed: delayed.length, inFlight: inflight.length };
}

/** Returns the messages in a dead-letter queue. */
export async function deadLettersIn(endpoint: string, queue: string): Promise<DeadLetterSeen[]> {
  const { ready } = (await inspect(endpoint, queue)).messages;
  return ready.map(({ messageAttributes }) => {
    const { id, dead } = JSON.parse(messageAttributes.melange?.StringValue ?? "{}");
    return { eventId: id, reason: dead?.reason };
  });
}

async function inspect(endpoint: string, queue: string): Promise<Inspected> {
  const response = await fetch(`${endpoint}/_fauxqs/queues/${queue}`);
  return await response.json();
}
