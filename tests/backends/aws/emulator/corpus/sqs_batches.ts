/** The batches of SQS: what refuses a whole request, and what refuses an entry. */
import { queue, recorded, type Row, sqs, sqsPage } from "./row.ts";
import { wrongValue } from "./sqs_queues.ts";

const QueueUrl = "<q.QueueUrl>";
const send = (Entries: readonly Record<string, unknown>[]) =>
  sqs("SendMessageBatch", { QueueUrl, Entries });
const entries = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ Id: `id${n}`, MessageBody: `message-${n}` }));
const MOTO =
  "https://github.com/getmoto/moto/blob/master/tests/test_sqs/test_sqs.py test_send_message_batch_errors";
const MOTO_DELETES =
  "https://github.com/getmoto/moto/blob/master/tests/test_sqs/test_sqs.py test_delete_message_batch_with_zero_entries";
const LONG = "testLongId".repeat(10);

const BAD_ID = {
  status: 400,
  code: "AWS.SimpleQueueService.InvalidBatchEntryId",
  shape: "InvalidBatchEntryId",
  message:
    "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.",
};
const tooMany = (count: number) => ({
  status: 400,
  code: "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
  shape: "TooManyEntriesInBatchRequest",
  message: `Maximum number of entries per request are 10. You have sent ${count}.`,
});
const noEntry = (action: string) => ({
  status: 400,
  code: "AWS.SimpleQueueService.EmptyBatchRequest",
  shape: "EmptyBatchRequest",
  message: `There should be at least one ${action}RequestEntry in the request.`,
});
const tooLong = (bytes: number) => ({
  status: 400,
  code: "AWS.SimpleQueueService.BatchRequestTooLong",
  shape: "BatchRequestTooLong",
  message: `Batch requests cannot be longer than 1048576 bytes. You have sent ${bytes} bytes.`,
});

/** The three batches, with an entry for an id. */
const BATCHES: readonly (readonly [string, (Id: string) => Record<string, unknown>])[] = [
  ["SendMessageBatch", (Id) => ({ Id, MessageBody: "a" })],
  ["DeleteMessageBatch", (Id) => ({ Id, ReceiptHandle: "h" })],
  ["ChangeMessageVisibilityBatch", (Id) => ({ Id, ReceiptHandle: "h", VisibilityTimeout: 1 })],
];

const WHOLE: readonly Row[] = BATCHES.flatMap(([action, entry]): Row[] => [
  {
    name: `${action} with 20 entries`,
    source: recorded("test_delete_message_batch_with_too_large_batch"),
    given: [queue("q")],
    ask: sqs(action, { QueueUrl, Entries: entries(20).map(({ Id }) => entry(Id)) }),
    refused: tooMany(20),
  },
  {
    name: `${action} without entries`,
    source: action === "DeleteMessageBatch" ? MOTO_DELETES : MOTO,
    given: [queue("q")],
    ask: sqs(action, { QueueUrl, Entries: [] }),
    refused: noEntry(action),
  },
  ...["", LONG, "invalid:id", ".!@#$%^&*()+="].map((id): Row => ({
    name: `${action} with the id ${JSON.stringify(id.slice(0, 20))}`,
    source: recorded("test_delete_message_batch_invalid_msg_id"),
    given: [queue("q")],
    ask: sqs(action, { QueueUrl, Entries: [entry(id)] }),
    refused: BAD_ID,
  })),
  {
    name: `${action} with ids twice`,
    source: MOTO,
    given: [queue("q")],
    ask: sqs(action, { QueueUrl, Entries: ["id_1", "id_2", "id_2", "id_1"].map(entry) }),
    refused: {
      status: 400,
      code: "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
      shape: "BatchEntryIdsNotDistinct",
      message: "Id id_2 repeated.",
    },
  },
]);

const SENT: readonly Row[] = [
  {
    name: "SendMessageBatch with 11 entries",
    source: MOTO,
    given: [queue("q")],
    ask: send(entries(11)),
    refused: tooMany(11),
  },
  {
    name: "a batch of one byte too much",
    source: recorded("test_send_message_batch_with_oversized_contents"),
    given: [queue("q")],
    ask: send([
      {
        Id: "1",
        MessageBody: "a".repeat(1_048_576 - 8),
        MessageAttributes: { k: { DataType: "String", StringValue: "x" } },
      },
      { Id: "2", MessageBody: "a" },
    ]),
    refused: tooLong(1_048_577),
  },
  {
    name: "an entry longer than a batch",
    source: MOTO,
    given: [queue("q")],
    ask: send([{ Id: "id_1", MessageBody: "b".repeat(1_048_577) }]),
    refused: tooLong(1_048_577),
  },
  {
    name: "a batch longer than its queue takes of one message",
    source: recorded(
      "test_send_message_batch_with_oversized_contents_with_updated_maximum_message_size",
    ),
    given: [queue("q", { MaximumMessageSize: "2048" })],
    ask: send([
      {
        Id: "1",
        MessageBody: "a".repeat(2_048 - 8),
        MessageAttributes: { k: { DataType: "String", StringValue: "x" } },
      },
      { Id: "2", MessageBody: "a" },
    ]),
    answer: {
      Successful: [
        {
          Id: "1",
          MD5OfMessageAttributes: "a45daa70926828a2f0a1db3418e6feb4",
          MD5OfMessageBody: "f44facf5a7ee0af446ecf3e0f854441e",
          MessageId: "<id>",
        },
        { Id: "2", MD5OfMessageBody: "0cc175b9c0f1b6a831c399e269772661", MessageId: "<id>" },
      ],
    },
  },
  {
    name: "an entry longer than its queue takes",
    source: recorded("test_send_batch_message_size"),
    given: [queue("q", { MaximumMessageSize: "1024" })],
    ask: send([
      { Id: "1", MessageBody: "a".repeat(1_025) },
      { Id: "2", MessageBody: "a".repeat(1_024) },
    ]),
    answer: {
      Failed: [{
        Code: "InvalidParameterValue",
        Id: "1",
        Message:
          "One or more parameters cannot be validated. Reason: Message must be shorter than 1024 bytes.",
        SenderFault: true,
      }],
      Successful: [{
        Id: "2",
        MD5OfMessageBody: "c9a34cfc85d982698c6ac89f76071abd",
        MessageId: "<id>",
      }],
    },
  },
  {
    name: "an entry with a character that XML does not have",
    source: recorded("test_batch_send_with_invalid_char_should_succeed"),
    given: [queue("q")],
    ask: send([{ Id: "a", MessageBody: "\x01" }, { Id: "b", MessageBody: "a" }]),
    answer: {
      Failed: [{
        Code: "InvalidMessageContents",
        Id: "a",
        Message: "<any>",
        SenderFault: true,
      }],
      Successful: [{
        Id: "b",
        MD5OfMessageBody: "0cc175b9c0f1b6a831c399e269772661",
        MessageId: "<id>",
      }],
    },
  },
  {
    name: "a batch for a FIFO queue without a group",
    source: recorded("test_send_batch_missing_message_group_id_for_fifo_queue"),
    given: [queue("q.fifo")],
    ask: send([{ Id: "1", MessageBody: "a", MessageDeduplicationId: "1" }]),
    refused: wrongValue("The request must contain the parameter MessageGroupId."),
  },
  {
    name: "a batch for a FIFO queue without an id",
    source: recorded("test_send_batch_missing_deduplication_id_for_fifo_queue"),
    given: [queue("q.fifo")],
    ask: send([{ Id: "1", MessageBody: "a", MessageGroupId: "g" }]),
    refused: wrongValue(
      "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
    ),
  },
  {
    name: "DeleteMessageBatch with garbage in one entry",
    source: sqsPage("DeleteMessageBatch"),
    given: [
      queue("q"),
      send([{ Id: "1", MessageBody: "a" }]),
      sqs("ReceiveMessage", { QueueUrl }, "m"),
    ],
    ask: sqs("DeleteMessageBatch", {
      QueueUrl,
      Entries: [
        { Id: "good", ReceiptHandle: "<m.Messages.0.ReceiptHandle>" },
        { Id: "bad", ReceiptHandle: "garbage" },
      ],
    }),
    answer: {
      Successful: [{ Id: "good" }],
      Failed: [{
        Code: "ReceiptHandleIsInvalid",
        Id: "bad",
        Message: "<any>",
        SenderFault: true,
      }],
    },
  },
  {
    name: "ChangeMessageVisibilityBatch",
    source: sqsPage("ChangeMessageVisibilityBatch"),
    given: [
      queue("q"),
      send([{ Id: "1", MessageBody: "a" }]),
      sqs("ReceiveMessage", { QueueUrl }, "m"),
    ],
    ask: sqs("ChangeMessageVisibilityBatch", {
      QueueUrl,
      Entries: [{
        Id: "good",
        ReceiptHandle: "<m.Messages.0.ReceiptHandle>",
        VisibilityTimeout: 5,
      }],
    }),
    answer: { Successful: [{ Id: "good" }] },
  },
];

export const SQS_BATCHES: readonly Row[] = [...WHOLE, ...SENT];
