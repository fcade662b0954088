/**
 * A Lambda function behind an SQS queue, with the same handlers as the worker.
 *
 *     npx -y deno bundle --platform=browser --output index.mjs examples/lambda.ts
 *
 * The event source mapping needs `ReportBatchItemFailures`: without it Lambda deletes what failed.
 */
import { sqsHandler } from "@melange/melange/lambda";
import { dispatcher } from "./handlers.ts";

// With { sender: awsSender(), deadLetterQueue: "billing-dlq" } what a handler gives up is copied
// there at once. Without, it is received until the redrive policy of the queue moves it.
export const handler = sqsHandler(dispatcher);

// Run as a program, it shows what it makes of an event.
if (import.meta.main) {
  const record = (messageId: string, total: number) => ({
    messageId,
    body: JSON.stringify({ orderId: `o-${messageId}`, total }),
    attributes: { ApproximateReceiveCount: "1", SentTimestamp: "1780315200000" },
    messageAttributes: { manifest: { dataType: "String", stringValue: "OrderPlaced" } },
    eventSource: "aws:sqs",
    eventSourceARN: "arn:aws:sqs:eu-west-1:123456789012:billing",
  });
  const event = { Records: [record("1", 42), record("2", -1), record("3", 7)] };
  const { batchItemFailures } = await handler(event, { getRemainingTimeInMillis: () => 30_000 });
  console.log("failed:", batchItemFailures.map(({ itemIdentifier }) => itemIdentifier).join());
}

// Prints:
// charge 42 for o-1 (attempt 1)
// charge 7 for o-3 (attempt 1)
// failed: 2
