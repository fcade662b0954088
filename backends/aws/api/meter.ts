/**
 * The meter of a backend, which counts the requests that AWS bills. The meter wraps `fetch` and the
 * reader of answers, so that every attempt is counted and the sender of edge workers carries no
 * part of the meter.
 */
import type { Usage } from "../../../src/backend.ts";

/**
 * US dollars for a million requests at list price, in the region us-east-1, without the free tier and
 * the discounts above 100 billion requests a month. Delivery from a topic to a queue costs nothing.
 *
 * https://aws.amazon.com/sqs/pricing/ and https://aws.amazon.com/sns/pricing/
 */
export const DOLLARS_PER_MILLION: Readonly<Record<PricedService, number>> = {
  sqs: 0.4,
  sqsFifo: 0.5,
  sns: 0.5,
};

/** A billed service, with its kind. */
export type PricedService = "sqs" | "sqsFifo" | "sns";

/** AWS bills each part of a payload of this size as one request: 64 KiB. */
const BILLED_BYTES = 65_536;

/** A meter. */
export interface Meter {
  /** Returns a `fetch` that notes each request. */
  fetch(fetch: typeof globalThis.fetch): typeof globalThis.fetch;
  /** Returns a reader of answers that counts the request of each answer. */
  read(read: ReadAnswer): ReadAnswer;
  /** Counts messages that were sent. */
  sent(count: number): void;
  /** Counts messages that were received. */
  received(count: number): void;
  /** Returns the counts until now. */
  usage(): Usage;
}

/** A function that reads an answer to the end. */
export type ReadAnswer = (answer: Response) => Promise<string>;

/** A request, as far as the price depends on it. */
interface Asked {
  readonly action: string;
  readonly service: PricedService | undefined;
  readonly body: string;
}

/** Creates a meter that has counted nothing. */
export function createMeter(): Meter {
  const asked = new WeakMap<Response, Asked>();
  const requests: Record<string, number> = {};
  let [emptyReceives, billed, dollars, sent, received] = [0, 0, 0, 0, 0];

  function count({ action, service, body }: Asked, text: string): void {
    requests[action] = (requests[action] ?? 0) + 1;
    if (action === "ReceiveMessage" && !text.includes('"ReceiptHandle"')) emptyReceives++;
    if (service === undefined) return;
    const parts = Math.max(partsOf(body), partsOf(text));
    billed += parts;
    dollars += parts * DOLLARS_PER_MILLION[service] / 1_000_000;
  }

  return {
    fetch: (fetch) => async (input, init) => {
      const answer = await fetch(input, init);
      asked.set(answer, askedBy(init));
      return answer;
    },
    read: (read) => async (answer) => {
      const request = asked.get(answer);
      const text = await read(answer);
      if (request) count(request, text);
      return text;
    },
    sent: (count) => void (sent += count),
    received: (count) => void (received += count),
    usage() {
      const total = Object.values(requests).reduce((sum, each) => sum + each, 0);
      const messages = Math.max(sent, received);
      const each = messages === 0 ? {} : {
        requestsPerMessage: total / messages,
        dollarsPerMillion: dollars / messages * 1_000_000,
      };
      return { requests: { ...requests }, emptyReceives, billed, sent, received, dollars, ...each };
    },
  };
}

function askedBy(init: RequestInit | undefined): Asked {
  const body = String(init?.body ?? "");
  const target = headerOf(init?.headers, "x-amz-target")?.split(".").at(-1);
  // The address comes first in a body.
  const start = body.slice(0, 400);
  if (target !== undefined) {
    return { action: target, service: start.includes('.fifo"') ? "sqsFifo" : "sqs", body };
  }
  const action = /(?:^|&)Action=(\w{1,64})/.exec(start)?.[1] ?? "";
  // Of STS, nothing is billed.
  return { action, service: action === "GetCallerIdentity" ? undefined : "sns", body };
}

function headerOf(headers: HeadersInit | undefined, name: string): string | undefined {
  if (headers === undefined) return undefined;
  if (headers instanceof Headers) return headers.get(name) ?? undefined;
  // Ours are lower-case, and building `Headers` of them would take longer than the rest of this.
  return (headers as Readonly<Record<string, string>>)[name];
}

/**
 * Returns the number of parts that AWS bills for a text, the whole request or answer; never less.
 */
function partsOf(text: string): number {
  // Three bytes are the most that a character of a string takes.
  if (text.length * 3 <= BILLED_BYTES) return 1;
  return Math.ceil(new TextEncoder().encode(text).length / BILLED_BYTES);
}
