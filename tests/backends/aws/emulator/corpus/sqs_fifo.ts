/** FIFO queues of SQS. */
import { queue, recorded, type Row, sqs, sqsPage, type Step, wait } from "./row.ts";
import { lacks, wrongValue } from "./sqs_queues.ts";

const QueueUrl = "<q.QueueUrl>";
const send = (MessageBody: string, MessageGroupId: string, input: Record<string, unknown> = {}) =>
  sqs("SendMessage", { QueueUrl, MessageBody, MessageGroupId, ...input });
const receive = (input: Record<string, unknown> = {}, as?: string) =>
  sqs("ReceiveMessage", { QueueUrl, ...input }, as);
const remove = (place = 0) =>
  sqs("DeleteMessage", { QueueUrl, ReceiptHandle: `<m.Messages.${place}.ReceiptHandle>` });
const message = (Body: string, MD5OfBody: string) => ({
  MessageId: "<id>",
  ReceiptHandle: "<any>",
  MD5OfBody,
  Body,
});
const CONTENT = { ContentBasedDeduplication: "true" };
const dedup = (MessageDeduplicationId: string) => ({ MessageDeduplicationId });
const TEST = message("Test", "0cbc6611f5540bd0809a388dc95a615b");
const TEST_2 = message("Test2", "c454552d52d55d3ef56408742887362b");

const SENT: readonly Row[] = [
  {
    name: "SendMessage to a FIFO queue",
    source: recorded("test_fifo_message_attributes"),
    given: [queue("q.fifo", CONTENT)],
    ask: send("message-body-1", "group-1", dedup("dedup-1")),
    answer: {
      MD5OfMessageBody: "19c9e282d65f9733bc6b35d50062c7ee",
      MessageId: "<id>",
      SequenceNumber: "<number>",
    },
  },
  ...[1, 2].map((count): Row => ({
    name: `the facts about a message of a FIFO queue at its receive number ${count}`,
    source: recorded("test_fifo_message_attributes"),
    given: [
      queue("q.fifo", { ...CONTENT, VisibilityTimeout: "0" }),
      send("message-body-1", "group-1", dedup("dedup-1")),
      ...Array.from({ length: count - 1 }, () => receive()),
    ],
    ask: receive({ AttributeNames: ["All"] }),
    answer: {
      Messages: [{
        ...message("message-body-1", "19c9e282d65f9733bc6b35d50062c7ee"),
        Attributes: {
          ApproximateFirstReceiveTimestamp: "<number>",
          ApproximateReceiveCount: String(count),
          MessageDeduplicationId: "dedup-1",
          MessageGroupId: "group-1",
          SenderId: "<any>",
          SentTimestamp: "<number>",
          SequenceNumber: "<number>",
        },
      }],
    },
  })),
  {
    name: "SendMessage to a FIFO queue with a delay",
    source: recorded("test_fifo_queue_send_message_with_delay_seconds_fails"),
    given: [queue("q.fifo", CONTENT)],
    ask: send("a", "g", { DelaySeconds: 2 }),
    refused: wrongValue(
      "Value 2 for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid for this queue type.",
    ),
  },
  {
    name: "a delay of zero for a FIFO queue with a delay: too early",
    source: recorded("test_fifo_queue_send_message_with_zero_delay_defaults_to_queue_delay"),
    given: [
      queue("q.fifo", { ...CONTENT, DelaySeconds: "2" }),
      send("message-1", "1", { DelaySeconds: 0 }),
      wait(1),
    ],
    ask: receive(),
    answer: {},
  },
  {
    name: "a delay of zero for a FIFO queue with a delay: later",
    source: recorded("test_fifo_queue_send_message_with_zero_delay_defaults_to_queue_delay"),
    given: [
      queue("q.fifo", { ...CONTENT, DelaySeconds: "2" }),
      send("message-1", "1", { DelaySeconds: 0 }),
      wait(3),
    ],
    ask: receive(),
    answer: { Messages: [message("message-1", "3d6b824fd8c1520e9a047d21fee6fb1f")] },
  },
  {
    name: "SendMessage to a FIFO queue without an id",
    source: recorded("test_posting_to_fifo_requires_deduplicationid_group_id"),
    given: [queue("q.fifo")],
    ask: send("a", "g"),
    refused: wrongValue(
      "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
    ),
  },
  {
    name: "SendMessage to a FIFO queue without a group",
    source: recorded("test_posting_to_fifo_requires_deduplicationid_group_id"),
    given: [queue("q.fifo")],
    ask: sqs("SendMessage", { QueueUrl, MessageBody: "a", MessageDeduplicationId: "1" }),
    refused: lacks("MessageGroupId"),
  },
  ...Object.entries({ empty: "", "too long": "a".repeat(129), spaces: "group 123" }).map(
    ([what, id]): Row => ({
      name: `a deduplication id that is ${what}`,
      source: recorded("test_message_deduplication_id_invalid"),
      given: [queue("q.fifo")],
      ask: send("a", "g", dedup(id)),
      refused: wrongValue(
        `Value ${id} for parameter MessageDeduplicationId is invalid. Reason: MessageDeduplicationId can only include alphanumeric and punctuation characters. 1 to 128 in length.`,
      ),
    }),
  ),
  {
    name: "a deduplication id for a standard queue",
    source: sqsPage("SendMessage"),
    given: [queue("q")],
    ask: sqs("SendMessage", { QueueUrl, MessageBody: "a", MessageDeduplicationId: "1" }),
    refused: wrongValue(
      "Value 1 for parameter MessageDeduplicationId is invalid. Reason: The request includes a parameter that is not valid for this queue type.",
    ),
  },
];

const taken = (first: Step, second: Step, attributes: Record<string, string> = {}) => [
  queue("q.fifo", attributes),
  first,
  receive({}, "m"),
  remove(),
  second,
];
const SCOPED = { DeduplicationScope: "messageGroup" };
const HIGH = { ...SCOPED, FifoThroughputLimit: "perMessageGroupId" };

const DEDUPLICATED: readonly Row[] = [
  {
    name: "a duplicate after the first was deleted, by its id",
    source: recorded("test_fifo_deduplication_arrives_once_after_delete"),
    given: taken(send("a", "g", dedup("1")), send("b", "g", dedup("1"))),
    ask: receive(),
    answer: {},
  },
  {
    name: "a duplicate after the first was deleted, by its content",
    source: recorded("test_fifo_deduplication_arrives_once_after_delete"),
    given: taken(send("a", "g"), send("a", "g"), CONTENT),
    ask: receive(),
    answer: {},
  },
  {
    name: "a duplicate in another group, by its id",
    source: recorded("test_fifo_deduplication_not_on_message_group_id"),
    given: taken(send("a", "g", dedup("1")), send("b", "h", dedup("1"))),
    ask: receive(),
    answer: {},
  },
  {
    name: "a duplicate in another group, by its content",
    source: recorded("test_fifo_deduplication_not_on_message_group_id"),
    given: taken(send("a", "g"), send("a", "h"), CONTENT),
    ask: receive(),
    answer: {},
  },
  {
    name: "the same content in another group with the scope of groups",
    source: recorded("test_sqs_fifo_message_group_scope_no_throughput_setting"),
    given: taken(send("Test", "group1"), send("Test", "group2"), { ...CONTENT, ...SCOPED }),
    ask: receive(),
    answer: { Messages: [TEST] },
  },
  {
    name: "the same id in another group with high throughput",
    source: recorded("test_fifo_high_throughput_ordering"),
    given: taken(send("Test1", "group1", dedup("1")), send("Test2", "group2", dedup("1")), HIGH),
    ask: receive(),
    answer: { Messages: [TEST_2] },
  },
  {
    name: "the same id after five minutes",
    source:
      "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html",
    given: [
      queue("q.fifo"),
      send("Test", "g", dedup("1")),
      receive({}, "m"),
      remove(),
      wait(300),
      send("Test", "g", dedup("1")),
    ],
    ask: receive(),
    answer: { Messages: [TEST] },
  },
];

const FOO = message("foo", "acbd18db4cc2f85cedef654fccc4a4d8");
const BAR = message("bar", "37b51d194a7513e45b56f6524f2d51f2");
const BAZ = message("baz", "73feffa4b7f6bb68e44cf984c85f6e88");
const three = [
  queue("q.fifo", CONTENT),
  ...["foo", "bar", "baz"].map((body) => send(body, "g")),
];
const TEN = { MaxNumberOfMessages: 10 };
const change = (place: number, VisibilityTimeout: number) =>
  sqs("ChangeMessageVisibility", {
    QueueUrl,
    ReceiptHandle: `<m.Messages.${place}.ReceiptHandle>`,
    VisibilityTimeout,
  });
const EXTENDS = recorded("test_fifo_group_visibility_extends_with_change_message_visibility");
const EXPIRES = recorded("test_fifo_delete_after_visibility_timeout");
const COUNTS = [
  "ApproximateNumberOfMessages",
  "ApproximateNumberOfMessagesNotVisible",
  "ApproximateNumberOfMessagesDelayed",
];
const EMPTIED = recorded("test_fifo_empty_message_groups_added_back_to_queue");

const RECEIVED: readonly Row[] = [
  {
    name: "several messages of a group in one receive",
    source: EXTENDS,
    given: three,
    ask: receive(TEN),
    answer: { Messages: [FOO, BAR, BAZ] },
  },
  ...[0, 1, 2].map((place): Row => ({
    name: `a group of three whose locks ended, but for the one at place ${place}`,
    source: EXTENDS,
    given: [...three, receive({ ...TEN, VisibilityTimeout: 1 }, "m"), change(place, 4), wait(2)],
    ask: receive(TEN),
    answer: place === 0 ? {} : { Messages: [FOO, BAR].slice(0, place) },
  })),
  {
    name: "a group whose only message is in flight",
    source: EMPTIED,
    given: [queue("q.fifo", CONTENT), send("Message 1", "g"), receive({}, "m")],
    ask: receive(),
    answer: {},
  },
  {
    name: "a group that was empty for a while",
    source: EMPTIED,
    given: [
      queue("q.fifo", CONTENT),
      send("Message 1", "g"),
      receive({}, "m"),
      remove(),
      receive(),
      send("Message 2", "g"),
    ],
    ask: receive(),
    answer: { Messages: [message("Message 2", "88ef8f31ed540f1c4c03d5fdb06a7935")] },
  },
  {
    name: "DeleteMessage in a FIFO queue after the lock ended",
    source: EXPIRES,
    given: [
      queue("q.fifo", CONTENT),
      send("foobar", "g"),
      receive({ VisibilityTimeout: 1 }, "m"),
      wait(2),
    ],
    ask: remove(),
    refused: wrongValue(
      "Value <m.Messages.0.ReceiptHandle> for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.",
    ),
  },
  {
    name: "DeleteMessage in a FIFO queue after the lock was extended",
    source: recorded("test_fifo_delete_after_visibility_timeout_extended"),
    given: [
      queue("q.fifo", CONTENT),
      send("foobar", "g"),
      receive({ VisibilityTimeout: 1 }, "m"),
      change(0, 10),
      wait(2),
    ],
    ask: remove(),
    answer: {},
  },
  {
    name: "counts of messages in flight of a FIFO queue",
    source: recorded("test_fifo_approximate_number_of_messages_not_visible"),
    given: [
      queue("q.fifo", CONTENT),
      ...["1", "2", "3"].flatMap((group) => [send(`a${group}`, group), send(`b${group}`, group)]),
      receive({ MaxNumberOfMessages: 1 }),
      receive({ MaxNumberOfMessages: 1 }),
    ],
    ask: sqs("GetQueueAttributes", { QueueUrl, AttributeNames: COUNTS }),
    answer: {
      Attributes: {
        ApproximateNumberOfMessages: "4",
        ApproximateNumberOfMessagesNotVisible: "2",
        ApproximateNumberOfMessagesDelayed: "0",
      },
    },
  },
  {
    name: "the group of the second receive of a FIFO queue",
    source: recorded("test_fifo_approximate_number_of_messages_not_visible"),
    given: [
      queue("q.fifo", CONTENT),
      ...["1", "2"].flatMap((group) => [send(`a${group}`, group), send(`b${group}`, group)]),
      receive({ MaxNumberOfMessages: 1 }),
    ],
    ask: receive({ MaxNumberOfMessages: 1, MessageSystemAttributeNames: ["MessageGroupId"] }),
    answer: {
      Messages: [{
        ...message("a2", "693a9fdd4c2fd0700968fba0d07ff3c0"),
        Attributes: { MessageGroupId: "2" },
      }],
    },
  },
];

export const SQS_FIFO: readonly Row[] = [...SENT, ...DEDUPLICATED, ...RECEIVED];
