import type { Clock } from "../../../../src/support/clock.ts";

/** Runs what answers a message, unless it has been answered for good, and gives the status. */
export type AnswerOnce = (
  message: { id: string; expiresAt: number },
  answer: () => Promise<number>,
) => Promise<number>;

/**
 * Remembers how each message was answered until its timestamp is too old anyway. A message that
 * comes again gets the same answer, without being handled: SNS repeats what it lost the answer of,
 * and an attacker what he overheard. An answer that asks for a repetition (5xx) is not remembered;
 * one that is under way is shared. Beyond `max` messages the oldest are forgotten.
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
