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
import { checkItems } from "../checked_items.ts";
import { assertEntries } from "./api/batch.ts";

/** Wraps a sender. The wrapped sender refuses messages that break the rules, and sends the rest. */
export function withChecks(sender: Sender): Sender {
  const { topic, queue } = sender.limits;
  return {
    ...sender,
    async send(destination, messages, options) {
      assertEntries("send", messages.length);
      const limits = "topic" in destination ? topic : queue;
      const checked = checkItems(messages, (message) => {
        const known = checkedFor.get(message);
        // By the objects: a publisher has one of each for all messages to a destination.
        const isChecked = known?.destination === destination && known.limits === limits;
        const refused = isChecked ? undefined : refusal(message, destination, limits);
        return refused ?? message;
      });
      try {
        return checked.merge(await sender.send(destination, checked.accepted, options));
      } catch (error) {
        throw withHint(error, destination, checked.accepted);
      }
    },
  };
}

/** Adds a hint: SQS and SNS refuse the whole request where one message lacks a needed id. */
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
