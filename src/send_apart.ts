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
  const held = new Set<string | undefined>();
  let ended: MelangeError | undefined;

  async function sendPart(part: Messages): Promise<SendResult[]> {
    const mayGo = ({ group }: OutgoingMessage) => !held.has(group);
    const going = part.filter(mayGo);
    if (ended || going.length === 0) return part.map(() => fail(ended ?? notSent(RETRYABLE)));
    try {
      const answers = await send(going);
      const results = going.map((_, at) => answers[at] ?? fail(unmentioned())).values();
      return part.map((message) =>
        mayGo(message) ? results.next().value! : fail(notSent(RETRYABLE))
      );
    } catch (error) {
      if (isForContent(error)) return part.length > 1 ? await inHalves(part) : [fail(error)];
      if (part === messages) throw error;
      const reason = asMelangeError(error);
      ended = reason.code === "OUTCOME_UNKNOWN" ? notSent(reason) : reason;
      return part.map(() => fail(reason));
    }
  }

  async function inHalves(part: Messages): Promise<SendResult[]> {
    const middle = Math.ceil(part.length / 2);
    const front = part.slice(0, middle);
    const results = await sendPart(front);
    if (fifo) {
      front.forEach(({ group }, at) => waits(results[at]) && held.add(group));
    }
    return [...results, ...await sendPart(part.slice(middle))];
  }

  const results = await sendPart(messages);
  return fifo ? refuseOvertaken(messages, results) : results;
}

const RETRYABLE = { retryable: true };

/** Tells whether a request was refused for what is in it: what all would fail of is no such thing. */
function isForContent(error: unknown): error is MelangeError {
  return error instanceof MelangeError && !error.retryable &&
    (error.code === "INVALID_MESSAGE" || error.code === "REFUSED");
}

function waits(result: SendResult | undefined): boolean {
  return result?.ok === false && result.error.retryable;
}

function notSent({ retryable }: { retryable: boolean }): MelangeError {
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
