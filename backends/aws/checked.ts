import type { Sender } from "../../src/backend.ts";
import { refusal } from "../../src/message.ts";
import { assertEntries } from "./batch.ts";

/** The same sender, which refuses what breaks the rules of messages and sends the others. */
export function withChecks(sender: Sender): Sender {
  const { topic, queue } = sender.limits;
  return {
    ...sender,
    async send(destination, messages, options) {
      assertEntries("send", messages.length);
      const limits = "topic" in destination ? topic : queue;
      const refused = messages.map((message) => refusal(message, destination, limits));
      const kept = messages.filter((_, index) => !refused[index]);
      const sent = (await sender.send(destination, kept, options)).values();
      return refused.map((error) => error ? { ok: false, error } : sent.next().value!);
    },
  };
}
