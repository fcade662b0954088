/** One attempt to send a batch: what is refused as a whole, and what may go again in order. */
import type { SendResult } from "./backend.ts";
import { MelangeError } from "./errors.ts";
import type { OutgoingMessage } from "./message.ts";
import { asMelangeError, unmentioned } from "./retry.ts";

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
 * alone: ten entries take 19 requests at the most. In a FIFO group, nothing is sent behind what is
 * to be sent again, and what may have been overtaken is not retryable any more.
 */
export async function sendApart(
  messages: Messages,
  { fifo, send }: SendApartOptions,
): Promise<SendResult[]> {
  /** The groups in which something is to be sent again. */
  const held = new Set<string | undefined>();
  /** What is said of all that is left once a request failed of more than what was in it. */
  let ended: MelangeError | undefined;

  async function sendPart(part: Messages): Promise<SendResult[]> {
    const going = part.filter(({ group }) => !held.has(group));
    try {
      if (ended) throw ended;
      const answers = going.length > 0 ? await send(going) : [];
      const results = going.map((_, at) => answers[at] ?? fail(unmentioned())).values();
      return part.map(({ group }) => held.has(group) ? fail(notSent(true)) : results.next().value!);
    } catch (error) {
      if (isForContent(error)) return part.length > 1 ? await inHalves(part) : [fail(error)];
      if (part === messages) throw error;
      const reason = asMelangeError(error);
      ended ??= reason.code === "OUTCOME_UNKNOWN" ? notSent(reason.retryable) : reason;
      return part.map(() => fail(reason));
    }
  }

  async function inHalves(part: Messages): Promise<SendResult[]> {
    const middle = Math.ceil(part.length / 2);
    const results = await sendPart(part.slice(0, middle));
    results.forEach((result, at) => {
      if (fifo && !result.ok && result.error.retryable) held.add(part[at]?.group);
    });
    return [...results, ...await sendPart(part.slice(middle))];
  }

  const results = await sendPart(messages);
  return fifo ? refuseOvertaken(messages, results) : results;
}

/** Tells whether a request was refused for what is in it: what all would fail of is no such thing. */
function isForContent(error: unknown): error is MelangeError {
  return error instanceof MelangeError && /^(INVALID_MESSAGE|REFUSED)$/.test(error.code) &&
    !error.retryable;
}

function notSent(retryable: boolean): MelangeError {
  const message = "Cannot send yet: what stands before it was not stored";
  return new MelangeError("REFUSED", message, { retryable });
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
