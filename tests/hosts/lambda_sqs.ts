import { sqsHandler } from "../../backends/aws/hosts/lambda/mod.ts";
import { MemoryBackend } from "../../backends/memory/mod.ts";
import type { Dispatcher } from "../../src/handle/dispatcher.ts";
import { type OutgoingMessage, typedAttribute } from "../../src/wire/message.ts";
import { factsOn, FOLLOWER, type Host, OTHER } from "./host.ts";

/** Options of {@linkcode lambdaSqsHost}. */
export interface LambdaSqsHostOptions {
  fifo: boolean;
  /** Whether the function has a sender for dead letters. */
  sender: boolean;
}

/** A function behind a queue. What it does not report, Lambda deletes. */
export function lambdaSqsHost({ fifo, sender }: LambdaSqsHostOptions): Host {
  const kind = `Lambda, ${fifo ? "FIFO" : "SQS"}${sender ? ", with sender" : ""}` as const;
  return {
    name: kind,
    kind,
    open: (dispatcher) =>
      Promise.resolve({
        deliver: (message) => invoke(message, { fifo, sender, dispatcher }),
        close: () => Promise.resolve(),
      }),
  };
}

async function invoke(
  message: OutgoingMessage,
  { fifo, sender, dispatcher }: LambdaSqsHostOptions & { dispatcher: Dispatcher },
): Promise<string> {
  const backend = new MemoryBackend();
  const deadLetterQueue = fifo ? "dead.fifo" : "dead";
  await backend.declareQueue(deadLetterQueue);
  const handler = sqsHandler(dispatcher, sender ? { sender: backend, deadLetterQueue } : {});
  const group = [
    record(message, { messageId: "it", fifo, group: "o-1" }),
    record(FOLLOWER, { messageId: "its follower", fifo, group: "o-1" }),
  ];
  const other = record(OTHER, { messageId: "another", fifo, group: "o-2" });
  const Records = [...fifo ? group : group.slice(0, 1), other];
  const { batchItemFailures } = await handler({ Records });
  const failed = batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
  const call = { max: 10, waitMs: 0, visibilityMs: 30_000 };
  const copies = await backend.receive(deadLetterQueue, call);
  await backend.close();
  return [
    failed.length > 0 ? `in batchItemFailures: ${failed.join(", ")}` : "batchItemFailures is empty",
    ...copies.map((copy) => `copied to the DLQ: ${factsOn(copy.message)}`),
  ].join("; ");
}

function record(
  { body, attributes }: OutgoingMessage,
  { messageId, fifo, group }: { messageId: string; fifo: boolean; group: string },
) {
  const messageAttributes = Object.entries(attributes).map(([name, value]) => {
    const { type: dataType, value: stringValue } = typedAttribute(value);
    return [name, { dataType, stringValue }];
  });
  return {
    messageId,
    body,
    attributes: {
      ApproximateReceiveCount: "1",
      SentTimestamp: "1780315200000",
      ...fifo ? { MessageGroupId: group, MessageDeduplicationId: messageId } : {},
    },
    messageAttributes: Object.fromEntries(messageAttributes),
    eventSource: "aws:sqs",
    eventSourceARN: `arn:aws:sqs:eu-west-1:123456789012:billing${fifo ? ".fifo" : ""}`,
  };
}
