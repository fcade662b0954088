import type { BackendLimits, Limits, Sender, SendResult } from "../../src/backend.ts";
import { MelangeError, type MelangeErrorOptions } from "../../src/support/errors.ts";
import { type Destination, messageSize, type OutgoingMessage } from "../../src/wire/message.ts";

/** One call of `send`. */
export interface SendCall {
  readonly destination: Destination;
  readonly messages: readonly OutgoingMessage[];
  readonly signal: AbortSignal | undefined;
}

/** What one call of `send` answers. */
export type Step = (messages: readonly OutgoingMessage[]) => SendResult[] | Promise<SendResult[]>;

/** A sender that takes note of its calls and answers them from a script. */
export interface FakeSender extends Sender {
  readonly calls: SendCall[];
  /** The data of each call's events, read back from JSON bodies. */
  readonly sent: unknown[][];
  /** How many calls have no answer yet, and how many had none at once at the most. */
  readonly open: { now: number; most: number };
}

/** Options of {@linkcode fakeSender}. */
export interface FakeSenderOptions {
  /** The first call takes the first step, and so on; calls beyond the last one store everything. */
  steps?: readonly Step[];
  /** For topics and queues alike. */
  limits?: Partial<Limits>;
}

/** Creates a sender that stores everything unless its script says otherwise. */
export function fakeSender({ steps = [], limits = {} }: FakeSenderOptions = {}): FakeSender {
  const calls: SendCall[] = [];
  const open = { now: 0, most: 0 };
  return {
    calls,
    open,
    get sent() {
      return calls.map(({ messages }) => messages.map(({ body }) => JSON.parse(body)));
    },
    limits: limitsOf(limits),
    sizeOf: messageSize,
    async send(destination, messages, { signal } = {}) {
      const step = steps[calls.length] ?? store;
      calls.push({ destination, messages, signal });
      open.now += 1;
      open.most = Math.max(open.most, open.now);
      try {
        return await step(messages);
      } finally {
        open.now -= 1;
      }
    },
  };
}

/** Stores every message; the id tells which it was. */
export const store: Step = (messages) => messages.map(stored);

/** Answers the entries in order: `"ok"`, or an error of this code; the ones beyond are stored. */
export function answer(...outcomes: ("ok" | MelangeError)[]): Step {
  return (messages) =>
    messages.map((message, index) => {
      const outcome = outcomes[index] ?? "ok";
      return outcome === "ok" ? stored(message) : { ok: false, error: outcome };
    });
}

/** Fails as a whole. */
export function fail(error: unknown): Step {
  return () => Promise.reject(error);
}

/** Answers when it is released, as the step given to it. */
export function hang(then: Step = store): Step & { release(): void } {
  let release = () => {};
  const released = new Promise<void>((resolve) => release = resolve);
  const step: Step = (messages) => released.then(() => then(messages));
  return Object.assign(step, { release: () => release() });
}

/** An error that may go away. */
export function passing(code = "THROTTLED", options: MelangeErrorOptions = {}): MelangeError {
  return new MelangeError(code, "Cannot send now", { retryable: true, ...options });
}

/** An error that stays. */
export function lasting(code = "REFUSED"): MelangeError {
  return new MelangeError(code, "Cannot send this");
}

function stored({ body }: OutgoingMessage): SendResult {
  return { ok: true, messageId: `id of ${body}` };
}

function limitsOf(limits: Partial<Limits>): BackendLimits {
  const both = {
    entries: 10,
    batchBytes: 262_144,
    messageBytes: 262_144,
    delayMs: 900_000,
    ...limits,
  };
  return { topic: both, queue: { ...both, waitMs: 20_000, visibilityMs: 43_200_000 } };
}
