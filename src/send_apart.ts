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
  const results: SendResult[] = [];
  const parts: Messages[] = [messages];
  for (let part = parts.pop(); part; part = parts.pop()) {
    const held = new Set(messages.filter((_, at) => fifo && waits(results[at])).map(groupOf));
    const going = part.filter((message) => !held.has(groupOf(message)));
    try {
      const answers = going.length > 0 ? await send(going) : [];
      const given = going.map((_, at) => answers[at] ?? fail(unmentioned())).values();
      const resultOf = (message: OutgoingMessage) =>
        held.has(groupOf(message)) ? notSent() : given.next().value!;
      results.push(...part.map(resultOf));
    } catch (error) {
      const middle = Math.ceil(part.length / 2);
      const reason = asMelangeError(error);
      if (!isForContent(reason)) {
        if (part === messages) throw error;
        results.push(...part.map(() => fail(reason)));
        break;
      }
      if (part.length > 1) parts.push(part.slice(middle), part.slice(0, middle));
      else results.push(fail(reason));
    }
  }
  const all = messages.map((_, at) => results[at] ?? notSent());
  return fifo ? refuseOvertaken(messages, all) : all;
}

const groupOf = ({ group }: OutgoingMessage) => group;

function waits(result: SendResult | undefined): boolean {
  return result?.ok === false && result.error.retryable;
}

/** Tells whether a request was refused for what is in it: what all would fail of is no such thing. */
function isForContent({ code, retryable }: MelangeError): boolean {
  return /^(INVALID_MESSAGE|REFUSED)$/.test(code) && !retryable;
}

/** The next attempt sends it. */
function notSent(): SendResult {
  const error = new MelangeError("REFUSED", "Cannot publish: given up before it was sent", {
    retryable: true,
  });
  return fail(error);
}

function fail(error: MelangeError): SendResult {
  return { ok: false, error };
}

/**
 * In a FIFO group, what failed before something that was stored, or may have been, cannot be sent
 * again in order.
 */
function refuseOvertaken(messages: Messages, results: SendResult[]): SendResult[] {
  const passed = new Set<string | undefined>();
  for (let at = results.length - 1; at >= 0; at--) {
    const result = results[at]!;
    const group = messages[at]?.group;
    const error = result.ok ? undefined : result.error;
    if (error?.retryable && passed.has(group)) {
      const rule = "a later one of its group was stored, or may have been";
      const message = `${error.message} (${rule})`;
      results[at] = fail(new MelangeError(error.code, message, { cause: error }));
    }
    if (!error || error.code === "OUTCOME_UNKNOWN") passed.add(group);
  }
  return results;
}
