/** Makes one attempt to send a batch: splits requests that are refused as a whole, and keeps groups in order. */
import { type Failed, failed, type Result } from "./result.ts";
import { MelangeError, type MelangeErrorOptions } from "./errors.ts";
import { asMelangeError, unmentioned } from "./retry.ts";

/** Options of {@linkcode sendApart}. */
export interface SendApartOptions<Item, Value> {
  /** Sends some of the items, in one request. */
  send: (items: Item[]) => Promise<Result<Value>[]>;
  /** The group of an item, among which order is kept. Default: `false`, order does not matter. */
  groupOf?: false | ((item: Item) => string | undefined);
}

/**
 * Sends a batch once. Returns one result per message. If the service refuses the whole request for
 * its content, the batch is sent in halves, and the halves in halves again, until only the
 * offending entry fails: ten entries take 19 requests at the most. In a FIFO group, no message is
 * sent behind a message that must be sent again, and a message that may have been overtaken is not
 * retryable any more.
 */
export async function sendApart<Item, Value>(
  items: Item[],
  { send, groupOf = false }: SendApartOptions<Item, Value>,
): Promise<Result<Value>[]> {
  const results: Result<Value>[] = [];
  const parts = [items];
  for (let part = parts.pop(); part; part = parts.pop()) {
    const held = new Set(groupOf ? items.filter((_, at) => waits(results[at])).map(groupOf) : []);
    const isHeld = (item: Item) => groupOf && held.has(groupOf(item));
    const going = part.filter((item) => !isHeld(item));
    try {
      const answers = going.length > 0 ? [...await send(going)] : [];
      const next = () => answers.shift() ?? failed(unmentioned());
      results.push(...part.map((item) => isHeld(item) ? notSent(AGAIN) : next()));
    } catch (error) {
      const middle = part.length >> 1;
      const reason = asMelangeError(error);
      if (!isForContent(reason)) {
        if (part === items) throw error;
        results.push(...part.map(() => failed(reason)));
        break;
      }
      if (part.length > 1) parts.push(part.slice(middle), part.slice(0, middle));
      else results.push(failed(reason));
    }
  }
  const all = items.map((_, at) => results[at] ?? notSent(AGAIN));
  return groupOf ? refuseOvertaken(items.map(groupOf), all) : all;
}

function waits(result: Result | undefined): boolean {
  return result?.ok === false && result.error.retryable;
}

/**
 * Tells whether a request was refused for its content. An error that every request would meet is
 * not.
 */
function isForContent({ code, retryable }: MelangeError): boolean {
  return !retryable && (code === "INVALID_MESSAGE" || code === "REFUSED");
}

/** The failure of a message that was not sent. */
export function notSent(options: MelangeErrorOptions): Failed {
  return failed(
    new MelangeError("REFUSED", "Cannot publish: given up before it was sent", options),
  );
}

/** The next attempt sends it. */
const AGAIN = { retryable: true };

/**
 * Refuses overtaken messages of a FIFO group. A failed message before a message that was stored, or
 * may have been, cannot be sent again in order.
 */
function refuseOvertaken<Value>(
  groups: (string | undefined)[],
  results: Result<Value>[],
): Result<Value>[] {
  const passed = new Set<string | undefined>();
  for (let at = results.length - 1; at >= 0; at--) {
    const result = results[at]!;
    const group = groups[at];
    const error = result.ok ? undefined : result.error;
    if (error?.retryable && passed.has(group)) {
      const rule = "a later one of its group was stored, or may have been";
      const message = `${error.message} (${rule})`;
      results[at] = failed(new MelangeError(error.code, message, { cause: error }));
    }
    if (!error || error.code === "OUTCOME_UNKNOWN") passed.add(group);
  }
  return results;
}
