/** Sends letters to where they go: first sent, then removed, in order where order counts. */
import type { Sender, SendResult } from "../backend.ts";
import type { Clock, Random } from "../support/clock.ts";
import { MelangeError } from "../support/errors.ts";
import { retryEach } from "../support/retry.ts";
import { sendApart } from "../support/send_apart.ts";
import { isFifo, type OutgoingMessage } from "../wire/message.ts";
import { bounded, type Held } from "./dead_letters_walk.ts";

/** A letter on its way. */
export interface Sending {
  readonly held: Held;
  /** The queue that it goes to. */
  readonly queue: string;
  readonly copy: OutgoingMessage;
}

/** Options of {@linkcode sendLetters}. */
export interface SendLettersOptions {
  readonly backend: Sender;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal?: AbortSignal | undefined;
  /** The time in which a request is tried again, in milliseconds. */
  readonly deadlineMs: number;
}

/** Sends letters, and returns the results in order. In a FIFO queue no letter overtakes another one of its group. */
export async function sendLetters(
  letters: readonly Sending[],
  options: SendLettersOptions,
): Promise<SendResult[]> {
  const results = new Map<Sending, SendResult>();
  const stuck = new Set<string>();
  for (const part of partsOf(letters, options.backend)) {
    const going = part.filter((letter) => !stuck.has(lineOf(letter)));
    for (const letter of part) results.set(letter, BEHIND);
    await sendPart(going, results, options);
    for (const letter of part) if (!results.get(letter)?.ok) stuck.add(lineOf(letter));
  }
  return letters.map((letter) => results.get(letter) ?? BEHIND);
}

const BEHIND: SendResult = {
  ok: false,
  error: new MelangeError("REFUSED", "Cannot move a letter as one before it in its group failed"),
};

/** The order that a letter must keep: none on a standard queue. */
function lineOf({ queue, copy, held }: Sending): string {
  return JSON.stringify(isFifo(queue) ? [queue, copy.group] : [queue, "", held.message.id]);
}

/** Parts that one request takes: to one queue, within its limits, with one letter of a FIFO group. */
function partsOf(letters: readonly Sending[], backend: Sender): Sending[][] {
  const { entries, batchBytes } = backend.limits.queue;
  const parts: { letters: Sending[]; lines: Set<string>; bytes: number }[] = [];
  for (const letter of letters) {
    const bytes = backend.sizeOf(letter.copy, { queue: letter.queue });
    const line = lineOf(letter);
    const after = parts.findLastIndex(({ lines }) => lines.has(line)) + 1;
    const free = parts.slice(after).find((part) =>
      part.letters[0]?.queue === letter.queue && part.letters.length < entries &&
      part.bytes + bytes <= batchBytes
    );
    const part = free ?? { letters: [], lines: new Set(), bytes: 0 };
    if (!free) parts.push(part);
    part.letters.push(letter);
    part.lines.add(line);
    part.bytes += bytes;
  }
  return parts.map(({ letters }) => letters);
}

async function sendPart(
  letters: readonly Sending[],
  results: Map<Sending, SendResult>,
  { backend, clock, random, signal, deadlineMs }: SendLettersOptions,
): Promise<void> {
  const queue = letters[0]?.queue;
  if (queue === undefined) return;
  const send = (items: Sending[]) =>
    bounded<{ messageId: string }>(clock, items.length, (ending) => {
      signal?.throwIfAborted();
      return backend.send({ queue }, items.map(({ copy }) => copy), { signal: ending });
    });
  const settle = (letter: Sending, result: SendResult) => void results.set(letter, result);
  await retryEach(letters, (items) => sendApart(items, { send }), settle, {
    clock,
    random,
    signal,
    deadlineMs,
  });
}
