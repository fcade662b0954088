import type { Sender } from "../../src/backend.ts";
import { MelangeError } from "../../src/support/errors.ts";
import {
  checkedFor,
  type Destination,
  isFifo,
  nameOf,
  type OutgoingMessage,
  refusal,
} from "../../src/wire/message.ts";
import { assertEntries } from "./api/batch.ts";

/** The same sender, which refuses what breaks the rules of messages and sends the others. */
export function withChecks(sender: Sender): Sender {
  const { topic, queue } = sender.limits;
  return {
    ...sender,
    async send(destination, messages, options) {
      assertEntries("send", messages.length);
      const limits = "topic" in destination ? topic : queue;
      const refused = messages.map((message) => {
        const known = checkedFor.get(message);
        // By the objects: a publisher has one of each for all that it sends to a destination.
        const isChecked = known?.destination === destination && known.limits === limits;
        return isChecked ? undefined : refusal(message, destination, limits);
      });
      const kept = messages.filter((_, index) => !refused[index]);
      try {
        const sent = (await sender.send(destination, kept, options)).values();
        return refused.map((error) => error ? { ok: false, error } : sent.next().value!);
      } catch (error) {
        throw withHint(error, destination, kept);
      }
    },
  };
}

/** SQS and SNS refuse the whole request where one message needs an id and has none. */
function withHint(
  error: unknown,
  destination: Destination,
  messages: readonly OutgoingMessage[],
): unknown {
  const lacksId = isFifo(nameOf(destination)) &&
    messages.some(({ deduplicationId }) => deduplicationId === undefined);
  if (!lacksId || !(error instanceof MelangeError) || error.code !== "INVALID_MESSAGE") {
    return error;
  }
  const hint =
    "a message has no deduplication id: declare contentBasedDeduplication, or give it one";
  return new MelangeError(error.code, `${error.message}; ${hint}`, { cause: error });
}
