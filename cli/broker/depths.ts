import type { MessageState, StoredMessage } from "../../backends/aws/emulator/mod.ts";

/** Tells where a message is now: locks and delays end without anybody doing anything. */
export function stateOf({ state, dueAt }: StoredMessage, now: number): MessageState {
  return dueAt <= now ? "available" : state;
}

/** Counts the messages in each state. */
export function depthsOf(
  messages: readonly StoredMessage[],
  now: number,
): Record<MessageState, number> {
  const counts = { available: 0, delayed: 0, inFlight: 0 };
  for (const message of messages) counts[stateOf(message, now)]++;
  return counts;
}
