/** One attempt to send a batch: what is refused as a whole, and what may go again in order. */
import type { SendResult } from "./backend.ts";
import { MelangeError } from "./errors.ts";
import type { OutgoingMessage } from "./message.ts";
import { unmentioned } from "./retry.ts";

type Messages = readonly OutgoingMessage[];

/** Options of {@linkcode sendApart}. */
export interface SendApartOptions {
  /** Whether the messages of a group must keep their order. */
  fifo: boolean;
  /** Sends some of them, in one request. */
  send: (messages: Messages) => Promise<SendResult[]>;
}

/**
 * Sends a batch once; one result per message. A request that is refused as a whole for what is in
 * it is sent in halves, and those in halves again, so that the entry it was refused for fails
 * alone: with ten entries, 19 requests at the most. In a FIFO group, what failed and may have been
 * overtaken is not retryable any more.
 */
export async function sendApart(
  messages: Messages,
  { fifo, send }: SendApartOptions,
): Promise<SendResult[]> {
  const results: SendResult[] = [];
  const parts: Messages[] = [messages];
  for (let part = parts.pop(); part; part = parts.pop()) {
    try {
      const answered = await send(part);
      results.push(...part.map((_, at) => answered[at] ?? fail(unmentioned())));
    } catch (error) {
      throw error;
    }
  }
  return fifo ? refuseOvertaken(messages, results) : results;
}

function fail(error: MelangeError): SendResult {
  return { ok: false, error };
}

/**
 * In a FIFO group, what failed before something that was stored, or may have been, cannot be sent
 * again in order.
 */
function refuseOvertaken(messages: Messages, results: readonly SendResult[]): SendResult[] {
  const lastStored = new Map<string | undefined, number>();
  results.forEach((result, index) => {
    const mayBeStored = result.ok || result.error.code === "OUTCOME_UNKNOWN";
    if (mayBeStored) lastStored.set(messages[index]?.group, index);
  });
  return results.map((result, index) => {
    if (result.ok || !result.error.retryable) return result;
    if ((lastStored.get(messages[index]?.group) ?? -1) <= index) return result;
    const { code, message } = result.error;
    const overtaken = "a later one of its group was stored, or may have been";
    return fail(new MelangeError(code, `${message} (${overtaken})`, { cause: result.error }));
  });
}
