/** The broker's own view: read past the library, so that neither can cover for the other. */
import type { EmulatorSnapshot, StoredMessage } from "../../backends/aws/emulator/mod.ts";
import type { Depths } from "./accounts.ts";

/** A dead letter as the broker has it. */
export interface DeadLetterSeen {
  readonly eventId: string;
  /** The reason of the handler that gave the event up; missing if the broker moved the message. */
  readonly reason: string | undefined;
}

/** Counts the messages of a queue. */
export function depthsOf(snapshot: EmulatorSnapshot, queue: string): Depths {
  const states = messagesIn(snapshot, queue).map(({ state }) => state);
  const count = (wanted: string) => states.filter((state) => state === wanted).length;
  return {
    available: count("available"),
    delayed: count("delayed"),
    inFlight: count("inFlight"),
  };
}

/** Returns the messages in a dead-letter queue. */
export function deadLettersIn(snapshot: EmulatorSnapshot, queue: string): DeadLetterSeen[] {
  return messagesIn(snapshot, queue).map(({ attributes }) => {
    const { melange } = attributes as Readonly<Record<string, { readonly value: string }>>;
    const { id, dead } = JSON.parse(melange?.value ?? "{}");
    return { eventId: id, reason: dead?.reason };
  });
}

function messagesIn({ queues }: EmulatorSnapshot, queue: string): readonly StoredMessage[] {
  return queues.find(({ name }) => name === queue)?.engine.messages ?? [];
}
