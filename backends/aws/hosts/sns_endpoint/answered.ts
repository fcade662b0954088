import type { Clock } from "../../../../src/support/clock.ts";

/**
 * Runs the function that answers a message, unless the message has a final answer, and returns the
 * status.
 */
export type AnswerOnce = (
  message: { id: string; expiresAt: number },
  answer: () => Promise<number>,
) => Promise<number>;

/**
 * Remembers the answer to each message until the timestamp of the message is too old anyway. A
 * repeated message gets the same answer and is not handled again: SNS repeats a message after a
 * lost answer, and an attacker repeats an overheard message. Answers that ask for a repetition
 * (5xx) are not remembered. Repetitions share an answer under way. Beyond `max` messages the oldest
 * are forgotten.
 */
export function createAnswerOnce({ clock, max }: { clock: Clock; max: number }): AnswerOnce {
  const answered = new Map<string, { status: number; expiresAt: number }>();
  const running = new Map<string, Promise<number>>();

  const forget = () => {
    for (const [id, { expiresAt }] of answered) {
      if (expiresAt >= clock.now() && answered.size <= max) return;
      answered.delete(id);
    }
  };
  const run = async (
    { id, expiresAt }: { id: string; expiresAt: number },
    answer: () => Promise<number>,
  ) => {
    try {
      const status = await answer();
      if (status < 500) answered.set(id, { status, expiresAt });
      forget();
      return status;
    } finally {
      running.delete(id);
    }
  };

  return async (message, answer) => {
    const known = answered.get(message.id);
    if (known) return known.status;
    const started = running.get(message.id) ?? run(message, answer);
    running.set(message.id, started);
    return await started;
  };
}
