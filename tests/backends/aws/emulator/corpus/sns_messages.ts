/** Messages of SNS: publishing, batches, and what arrives in queues. */
import {
  type Pause,
  queue,
  queueArn,
  recorded,
  type Refusal,
  type Row,
  sns,
  sqs,
  type Step,
  topic,
  topicArn,
} from "./row.ts";
import { subscribe } from "./sns_subscriptions.ts";
import { invalid, NO_TOPIC } from "./sns_topics.ts";

const said = (test: string) => recorded(test, "sns/test_sns");
const ARN = topicArn("t");
const FIFO_ARN = topicArn("f.fifo");
const publish = (input: Record<string, unknown>, as?: string) =>
  sns("Publish", { TopicArn: ARN, ...input }, as);
const batch = (PublishBatchRequestEntries: readonly Record<string, unknown>[], TopicArn = ARN) =>
  sns("PublishBatch", { TopicArn, PublishBatchRequestEntries });
const text = (StringValue: string, DataType = "String") => ({ DataType, StringValue });

const JSON_RULES = said("test_message_structure_json_exc");
const NO_DEFAULT = "Message Structure - No default entry in JSON message body";

const PUBLISHED: readonly Row[] = [
  {
    name: "Publish",
    source: said("test_unknown_topic_publish"),
    given: [topic("t")],
    ask: publish({ Message: "a" }),
    answer: { MessageId: "<id>" },
  },
  {
    name: "Publish to a topic that does not exist",
    source: said("test_unknown_topic_publish"),
    given: [],
    ask: publish({ Message: "a" }),
    refused: NO_TOPIC,
  },
  ...["randomstring", "randomstring:1", ""].map((TopicArn): Row => ({
    name: `Publish to ${JSON.stringify(TopicArn)}`,
    source: said("test_publish_wrong_arn_format"),
    given: [],
    ask: publish({ TopicArn, Message: "a" }),
    refused: invalid(
      `TopicArn Reason: An ARN must have at least 6 elements, not ${TopicArn.split(":").length}`,
    ),
  })),
  {
    name: "an empty subject",
    source: said("test_publish_with_empty_subject"),
    given: [topic("t")],
    ask: publish({ Subject: "", Message: "a" }),
    refused: invalid("Subject"),
  },
  {
    name: "an empty message",
    source: said("test_empty_sns_message"),
    given: [topic("t")],
    ask: publish({ Message: "" }),
    refused: invalid("Empty message"),
  },
  {
    name: "a message of one byte too much",
    source: said("test_publish_too_long_message"),
    given: [topic("t")],
    ask: publish({ Message: "a".repeat(262_145) }),
    refused: invalid("Message too long"),
  },
  {
    name: "a message that its attributes make too long",
    source: said("test_publish_too_long_message"),
    given: [topic("t")],
    ask: publish({
      Message: "a".repeat(262_144 - 7),
      MessageAttributes: { k: text("xy") },
    }),
    refused: invalid("Message too long"),
  },
  {
    name: "a structured message without a default",
    source: JSON_RULES,
    given: [topic("t")],
    ask: publish({ MessageStructure: "json", Message: '{"email":"a"}' }),
    refused: invalid(NO_DEFAULT),
  },
  {
    name: "a structured message that is no JSON",
    source: JSON_RULES,
    given: [topic("t")],
    ask: publish({ MessageStructure: "json", Message: '{"default": "a}' }),
    refused: invalid("Message Structure - JSON message body failed to parse"),
  },
  {
    name: "a structured message with a default that is no text",
    source: JSON_RULES,
    given: [topic("t")],
    ask: publish({ MessageStructure: "json", Message: '{"default": {"object": "test"}}' }),
    refused: invalid(NO_DEFAULT),
  },
  {
    name: "a structured message with two defaults",
    source: JSON_RULES,
    given: [topic("t")],
    ask: publish({ MessageStructure: "json", Message: '{"default": "a", "default": "b"}' }),
    answer: { MessageId: "<id>" },
  },
  {
    name: "a deduplication id for a standard topic",
    source: said("test_validations_for_fifo"),
    given: [topic("t")],
    ask: publish({ Message: "a", MessageDeduplicationId: "1" }),
    refused: invalid(
      "MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid for this topic type",
    ),
  },
  {
    name: "Publish to a FIFO topic without a group",
    source: said("test_validations_for_fifo"),
    given: [topic("f.fifo")],
    ask: publish({ TopicArn: FIFO_ARN, Message: "a" }),
    refused: invalid("The MessageGroupId parameter is required for FIFO topics"),
  },
  {
    name: "Publish to a FIFO topic without an id",
    source: said("test_validations_for_fifo"),
    given: [topic("f.fifo")],
    ask: publish({ TopicArn: FIFO_ARN, Message: "a", MessageGroupId: "g" }),
    refused: invalid(
      "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
    ),
  },
  {
    name: "Publish to a FIFO topic",
    source: said("test_publish_fifo_messages_to_dlq"),
    given: [topic("f.fifo")],
    ask: publish({
      TopicArn: FIFO_ARN,
      Message: "a",
      MessageGroupId: "g",
      MessageDeduplicationId: "1",
    }),
    answer: { MessageId: "<id>", SequenceNumber: "<number>" },
  },
];

const wrong = (message: string): Refusal => ({
  status: 400,
  code: "ParameterValueInvalid",
  message,
});
const noValue = (type: string) =>
  wrong(
    `The message attribute 'attr1' must contain non-empty message attribute value for message attribute type '${type}'.`,
  );
const otherField = (type: string, field: string) =>
  wrong(`The message attribute 'attr1' with type '${type}' must use field '${field}'.`);
const unknownType = wrong(
  "The message attribute 'attr1' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.",
);
const BYTES = btoa("123");

const ATTRIBUTES: readonly (readonly [string, Record<string, unknown>, Refusal])[] = [
  ["an empty text", { attr1: text("") }, noValue("String")],
  ["no text", { attr1: { DataType: "String" } }, noValue("String")],
  ["no bytes", { attr1: { DataType: "Binary", BinaryValue: "" } }, noValue("Binary")],
  [
    "bytes for a text",
    { attr1: { DataType: "String", BinaryValue: BYTES } },
    otherField("String", "String"),
  ],
  [
    "bytes for a number",
    { attr1: { DataType: "Number", BinaryValue: BYTES } },
    otherField("Number", "String"),
  ],
  [
    "a text for bytes",
    { attr1: { DataType: "Binary", StringValue: "123" } },
    otherField("Binary", "Binary"),
  ],
  ["an unknown type", { attr1: text("123", "InvalidType") }, unknownType],
  ["a type that ends in a dot", { attr1: text("123", "String.") }, unknownType],
  ["a type without a dot", { attr1: text("123", "Stringprefixed") }, unknownType],
  [
    "a name of 257 characters",
    { ["a".repeat(257)]: text("123") },
    wrong("Length of message attribute name must be less than 256 bytes."),
  ],
  [
    "a name with another character",
    { "a^*?": text("123") },
    wrong(
      "Invalid non-alphanumeric character '#x5E' was found in the message attribute name. Can only include alphanumeric characters, hyphens, underscores, or dots.",
    ),
  ],
  [
    "a name that begins with a dot",
    { ".abc": text("123") },
    wrong("Invalid message attribute name starting with character '.' was found."),
  ],
  [
    "a name that ends in a dot",
    { "abc.": text("123") },
    wrong("Invalid message attribute name ending with character '.' was found."),
  ],
  [
    "a name with two dots",
    { "a..bc": text("123") },
    wrong("Message attribute name can not have successive '.' character."),
  ],
];
const EMPTY_OR_WRONG = said("test_empty_or_wrong_message_attributes");

const noType = (path: string): Refusal => ({
  status: 400,
  code: "ValidationError",
  message:
    `1 validation error detected: Value null at '${path}messageAttributes.attr1.member.dataType' failed to satisfy constraint: Member must not be null`,
});

const ATTRIBUTED: readonly Row[] = [
  ...ATTRIBUTES.flatMap(([what, MessageAttributes, refused]): Row[] => [
    {
      name: `Publish with ${what}`,
      source: EMPTY_OR_WRONG,
      given: [topic("t")],
      ask: publish({ Message: "test message", MessageAttributes }),
      refused,
    },
    {
      name: `PublishBatch with ${what}`,
      source: EMPTY_OR_WRONG,
      given: [topic("t")],
      ask: batch([
        { Id: "1", Message: "test-batch", MessageAttributes },
        { Id: "3", Message: "valid-batch" },
      ]),
      refused,
    },
  ]),
  {
    name: "Publish with an attribute without a type",
    source: EMPTY_OR_WRONG,
    given: [topic("t")],
    ask: publish({ Message: "a", MessageAttributes: { attr1: { StringValue: "value" } } }),
    refused: noType(""),
  },
  {
    name: "PublishBatch with an attribute without a type",
    source: EMPTY_OR_WRONG,
    given: [topic("t")],
    ask: batch([
      { Id: "1", Message: "a", MessageAttributes: { attr1: { StringValue: "value" } } },
      { Id: "3", Message: "valid-batch" },
    ]),
    refused: noType("publishBatchRequestEntries.1.member."),
  },
  ...["String.prefixed", "String.  prefixed."].map((type): Row => ({
    name: `Publish with an attribute of the type ${JSON.stringify(type)}`,
    source: said("test_message_attributes_prefixes"),
    given: [topic("t")],
    ask: publish({ Message: "a", MessageAttributes: { attr1: text("prefixed-1", type) } }),
    answer: { MessageId: "<id>" },
  })),
];

const entries = (count: number, more: Record<string, unknown> = {}) =>
  Array.from({ length: count }, (_, n) => ({ Id: `Id_${n}`, Message: "a", ...more }));
const IDS = said("test_publish_batch_invalid_entry_id");
const badId = (message: string): Refusal => ({
  status: 400,
  code: "InvalidBatchEntryId",
  message,
});
const BATCH_RULES = said("test_publish_batch_exceptions");

const BATCHED: readonly Row[] = [
  {
    name: "PublishBatch",
    source: said("test_publish_batch_messages_from_sns_to_sqs"),
    given: [topic("t")],
    ask: batch(entries(2)),
    answer: {
      Failed: [],
      Successful: [{ Id: "Id_0", MessageId: "<id>" }, { Id: "Id_1", MessageId: "<id>" }],
    },
  },
  {
    name: "PublishBatch to a topic that does not exist",
    source: said("test_publish_batch_messages_without_topic"),
    given: [],
    ask: batch(entries(1)),
    refused: NO_TOPIC,
  },
  {
    name: "PublishBatch with 11 entries",
    source: BATCH_RULES,
    given: [topic("t")],
    ask: batch(entries(11)),
    refused: {
      status: 400,
      code: "TooManyEntriesInBatchRequest",
      message: "The batch request contains more entries than permissible.",
    },
  },
  {
    name: "PublishBatch with an id twice",
    source: BATCH_RULES,
    given: [topic("t")],
    ask: batch([{ Id: "1", Message: "a" }, { Id: "1", Message: "b" }]),
    refused: {
      status: 400,
      code: "BatchEntryIdsNotDistinct",
      message: "Two or more batch entries in the request have the same Id.",
    },
  },
  {
    name: "PublishBatch to a FIFO topic without a group",
    source: BATCH_RULES,
    given: [topic("f.fifo")],
    ask: batch(entries(1), FIFO_ARN),
    refused: invalid("The MessageGroupId parameter is required for FIFO topics"),
  },
  {
    name: "PublishBatch to a FIFO topic without an id",
    source: BATCH_RULES,
    given: [topic("f.fifo")],
    ask: batch(entries(1, { MessageGroupId: "g" }), FIFO_ARN),
    refused: invalid(
      "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
    ),
  },
  {
    name: "PublishBatch with a structured message without a default",
    source: BATCH_RULES,
    given: [topic("t")],
    ask: batch(entries(1, { MessageStructure: "json", Message: '{"email":"a"}' })),
    refused: invalid(NO_DEFAULT),
  },
  {
    name: "PublishBatch that is too long",
    source: said("test_publish_batch_too_long_message"),
    given: [topic("t")],
    ask: batch([
      { Id: "1", Message: "a".repeat(262_144) },
      { Id: "2", Message: "a" },
    ]),
    refused: {
      status: 400,
      code: "BatchRequestTooLong",
      message: "The length of all the messages put together is more than the limit.",
    },
  },
  ...["message.id", "msg@123#test"].map((Id): Row => ({
    name: `PublishBatch with the id ${Id}`,
    source: IDS,
    given: [topic("t")],
    ask: batch([{ Id, Message: "a" }]),
    refused: badId(
      `The Id of a batch entry in the batch request contains an impermissible character: ${Id}`,
    ),
  })),
  {
    name: "PublishBatch with an id of 81 characters",
    source: IDS,
    given: [topic("t")],
    ask: batch([{ Id: "a".repeat(81), Message: "a" }]),
    refused: badId(
      `The Id of a batch entry in the batch request is too long: ${"a".repeat(81)}`,
    ),
  },
  ...["a".repeat(80), "valid-message_123"].map((Id): Row => ({
    name: `PublishBatch with the id ${Id.slice(0, 20)}`,
    source: IDS,
    given: [topic("t")],
    ask: batch([{ Id, Message: "a" }]),
    answer: { Failed: [], Successful: [{ Id, MessageId: "<id>" }] },
  })),
];

const RAW = { Attributes: { RawMessageDelivery: "true" } };
const receive = (input: Record<string, unknown> = {}, url = "<q.QueueUrl>") =>
  sqs("ReceiveMessage", { QueueUrl: url, MaxNumberOfMessages: 10, ...input });
const message = (Body: string, more: Record<string, unknown> = {}) => ({
  MessageId: "<id>",
  ReceiptHandle: "<any>",
  MD5OfBody: "<any>",
  Body,
  ...more,
});
const envelope = (fields: Record<string, unknown>, subscription = "<s.SubscriptionArn>") =>
  JSON.stringify({
    Type: "Notification",
    MessageId: "<id>",
    TopicArn: ARN,
    Timestamp: "<any>",
    SignatureVersion: "1",
    Signature: "<any>",
    SigningCertURL: "<any>",
    UnsubscribeURL: `http://aws.test/?Action=Unsubscribe&SubscriptionArn=${subscription}`,
    ...fields,
  });
const fifoEnvelope = (fields: Record<string, unknown>) =>
  JSON.stringify({
    Type: "Notification",
    MessageId: "<id>",
    SequenceNumber: "<number>",
    TopicArn: FIFO_ARN,
    Timestamp: "<any>",
    UnsubscribeURL: "http://aws.test/?Action=Unsubscribe&SubscriptionArn=<s.SubscriptionArn>",
    ...fields,
  });

const delivered = (
  published: Step,
  options: { raw?: boolean; attributes?: Record<string, string> } = {},
): readonly (Step | Pause)[] => [
  topic("t", options.attributes ?? {}),
  queue("q"),
  subscribe(options.raw ? RAW : {}),
  published,
];
const ALL = { MessageAttributeNames: ["All"] };
const SYSTEM = { MessageSystemAttributeNames: ["All"] };
const FACTS = {
  ApproximateFirstReceiveTimestamp: "<number>",
  ApproximateReceiveCount: "1",
  SenderId: "<any>",
  SentTimestamp: "<number>",
};
const N = { attr1: text("99.12", "Number") };

const DELIVERED: readonly Row[] = [
  {
    name: "the envelope of a message",
    source: said("test_publish_message_by_target_arn"),
    given: delivered(sns("Publish", { TargetArn: ARN, Message: "test-msg-2" })),
    ask: receive(),
    answer: { Messages: [message(envelope({ Message: "test-msg-2" }))] },
  },
  {
    name: "the envelope of a message with a subject",
    source: said("test_publish_message_before_subscribe_topic"),
    given: delivered(publish({ Subject: "test-subject-after-sub", Message: "after" })),
    ask: receive(),
    answer: {
      Messages: [message(envelope({ Subject: "test-subject-after-sub", Message: "after" }))],
    },
  },
  {
    name: "a message that was published before the subscription",
    source: said("test_publish_message_before_subscribe_topic"),
    given: [topic("t"), queue("q"), publish({ Message: "before" }), subscribe()],
    ask: receive(),
    answer: {},
  },
  {
    name: "a message with many characters",
    source: said("test_publish_unicode_chars"),
    given: delivered(publish({ Message: 'ö§a1"_!?,. £$-' })),
    ask: receive(),
    answer: { Messages: [message(envelope({ Message: 'ö§a1"_!?,. £$-' }))] },
  },
  {
    name: "the envelope of a message with attributes",
    source: said("test_message_attributes_not_missing"),
    given: delivered(publish({
      Message: "text",
      MessageAttributes: {
        "an-attribute-key": text("an-attribute-value"),
        "binary-attribute": { DataType: "Binary", BinaryValue: "AgME" },
      },
    })),
    ask: receive(ALL),
    answer: {
      Messages: [message(envelope({
        Message: "text",
        MessageAttributes: {
          "an-attribute-key": { Type: "String", Value: "an-attribute-value" },
          "binary-attribute": { Type: "Binary", Value: "AgME" },
        },
      }))],
    },
  },
  {
    name: "a raw message with an attribute",
    source: said("test_publish_sqs_from_sns"),
    given: delivered(publish({ Message: "Test msg", MessageAttributes: N }), { raw: true }),
    ask: receive(ALL),
    answer: {
      Messages: [message("Test msg", {
        MD5OfMessageAttributes: "d302007e9aa062660afc85fd0a482472",
        MessageAttributes: N,
      })],
    },
  },
  {
    name: "a raw message with two attributes",
    source: said("test_publish_batch_messages_from_sns_to_sqs"),
    given: delivered(
      publish({
        Message: "Test Message with two attributes",
        MessageAttributes: { ...N, attr2: text("109.12", "Number") },
      }),
      { raw: true },
    ),
    ask: receive({ ...ALL, ...SYSTEM }),
    answer: {
      Messages: [message("Test Message with two attributes", {
        Attributes: FACTS,
        MD5OfMessageAttributes: "9b720b3af309c1c4b0d395c53b08c502",
        MessageAttributes: { ...N, attr2: text("109.12", "Number") },
      })],
    },
  },
  {
    name: "a raw message with bytes",
    source: said("test_attribute_raw_subscribe"),
    given: delivered(
      publish({
        Message: "This is a test message",
        MessageAttributes: { store: { DataType: "Binary", BinaryValue: "AgME" } },
      }),
      { raw: true },
    ),
    ask: receive(ALL),
    answer: {
      Messages: [message("This is a test message", {
        MD5OfMessageAttributes: "<any>",
        MessageAttributes: { store: { DataType: "Binary", BinaryValue: "AgME" } },
      })],
    },
  },
  ...[["sqs", '{"field": "value"}'], ["lambda", "default field"]].map((
    [key = "", Message],
  ): Row => ({
    name: `the text of a structured message with an entry for ${key}`,
    source: said("test_message_structure_json_to_sqs"),
    given: delivered(publish({
      MessageStructure: "json",
      Message: JSON.stringify({ default: "default field", [key]: '{"field": "value"}' }),
    })),
    ask: receive(),
    answer: { Messages: [message(envelope({ Message }))] },
  })),
  ...["1", "2"].map((SignatureVersion): Row => ({
    name: `the envelope of a topic with version ${SignatureVersion} of signatures`,
    source: said("test_publish_sqs_verify_signature"),
    given: delivered(
      publish({ Message: "a", MessageAttributes: { attr1: text("1", "Number") } }),
      { attributes: { SignatureVersion } },
    ),
    ask: receive(SYSTEM),
    answer: {
      Messages: [message(
        envelope({
          Message: "a",
          SignatureVersion,
          MessageAttributes: { attr1: { Type: "Number", Value: "1" } },
        }),
        { Attributes: FACTS },
      )],
    },
  })),
  {
    name: "the group of a message of a standard topic",
    source: said("test_publish_message_group_id"),
    given: delivered(publish({ Message: "a", MessageGroupId: "my-group-id-1" })),
    ask: receive(SYSTEM),
    answer: {
      Messages: [message(envelope({ Message: "a" }), {
        Attributes: { ...FACTS, MessageGroupId: "my-group-id-1" },
      })],
    },
  },
];

const fifo = (
  queueName: string,
  published: readonly Step[],
  options: { raw?: boolean; content?: boolean } = {},
): readonly Step[] => [
  topic("f.fifo", options.content ? { ContentBasedDeduplication: "true" } : {}),
  queue(queueName),
  subscribe({
    TopicArn: FIFO_ARN,
    Endpoint: queueArn(queueName),
    ...(options.raw ? RAW : {}),
  }),
  ...published,
];
const inGroup = (input: Record<string, unknown> = {}) =>
  publish({ TopicArn: FIFO_ARN, Message: "Test", MessageGroupId: "message-group-id-1", ...input });
const FIFO_FACTS = { ...FACTS, SequenceNumber: "<number>", MessageGroupId: "message-group-id-1" };

const IN_ORDER: readonly Row[] = [
  {
    name: "a message of a FIFO topic in a FIFO queue, by content",
    source: said("test_message_to_fifo_sqs"),
    given: fifo("q.fifo", [inGroup()], { content: true }),
    ask: receive(SYSTEM),
    answer: {
      Messages: [message(fifoEnvelope({ Message: "Test" }), {
        Attributes: {
          ...FIFO_FACTS,
          MessageDeduplicationId:
            "532eaabd9574880dbf76b9b8cc00832c20a6ec113d682299550d7a6e0f345e25",
        },
      })],
    },
  },
  {
    name: "a message of a FIFO topic in a FIFO queue, by id",
    source: said("test_message_to_fifo_sqs"),
    given: fifo("q.fifo", [inGroup({ MessageDeduplicationId: "message-deduplication-id-1" })]),
    ask: receive(SYSTEM),
    answer: {
      Messages: [message(fifoEnvelope({ Message: "Test" }), {
        Attributes: { ...FIFO_FACTS, MessageDeduplicationId: "message-deduplication-id-1" },
      })],
    },
  },
  {
    name: "a message of a FIFO topic in a standard queue",
    source: said("test_fifo_topic_to_regular_sqs"),
    given: fifo("q", [inGroup({ MessageDeduplicationId: "1" })]),
    ask: receive(SYSTEM),
    answer: { Messages: [message(fifoEnvelope({ Message: "Test" }), { Attributes: FACTS })] },
  },
  {
    name: "a duplicate of a FIFO topic in a standard queue",
    source: said("test_fifo_topic_to_regular_sqs"),
    given: fifo("q", [
      inGroup({ MessageDeduplicationId: "1" }),
      receive(),
      inGroup({ MessageDeduplicationId: "1" }),
    ]),
    ask: receive(),
    answer: {},
  },
  {
    name: "a raw message of a FIFO topic in a FIFO queue",
    source: said("test_publish_to_fifo_topic_to_sqs_queue_no_content_dedup"),
    given: fifo("q.fifo", [inGroup({ Message: "Test single" })], { raw: true, content: true }),
    ask: receive(SYSTEM),
    answer: {
      Messages: [message("Test single", {
        Attributes: {
          ...FIFO_FACTS,
          MessageDeduplicationId:
            "2591186cff6c740cb9e0cfce1653a7e6998d57da12e1da13d85344b1c08be4cb",
        },
      })],
    },
  },
  {
    name: "PublishBatch to a FIFO topic",
    source: said("test_publish_batch_messages_from_fifo_topic_to_fifo_queue"),
    given: fifo("q.fifo", [], { raw: true }),
    ask: batch(
      [1, 2].map((n) => ({
        Id: `${n}`,
        Message: `Test ${n}`,
        MessageGroupId: "complexMessageGroupId",
        MessageDeduplicationId: `MessageDeduplicationId-${n}`,
      })),
      FIFO_ARN,
    ),
    answer: {
      Failed: [],
      Successful: ["1", "2"].map((Id) => ({
        Id,
        MessageId: "<id>",
        SequenceNumber: "<number>",
      })),
    },
  },
];

const redrive = sns("SetSubscriptionAttributes", {
  SubscriptionArn: "<s.SubscriptionArn>",
  AttributeName: "RedrivePolicy",
  AttributeValue: JSON.stringify({ deadLetterTargetArn: queueArn("dlq") }),
});
const undeliverable = (raw: boolean): readonly Step[] => [
  topic("t"),
  queue("q"),
  queue("dlq"),
  subscribe(raw ? RAW : {}),
  redrive,
  sqs("DeleteQueue", { QueueUrl: "<q.QueueUrl>" }),
  publish({
    Message: "test_dlq_after_sqs_endpoint_deleted",
    MessageAttributes: {
      attr1: text("111", "Number"),
      attr2: { DataType: "Binary", BinaryValue: "AgME" },
    },
  }),
];
const LOST = said("test_redrive_policy_sqs_queue_subscription");

const UNDELIVERABLE: readonly Row[] = [
  {
    name: "a raw message for a deleted queue, in the dead-letter queue",
    source: LOST,
    given: undeliverable(true),
    ask: receive({ ...ALL, ...SYSTEM }, "<dlq.QueueUrl>"),
    answer: {
      Messages: [message("test_dlq_after_sqs_endpoint_deleted", {
        Attributes: FACTS,
        MD5OfMessageAttributes: "<any>",
        MessageAttributes: {
          attr1: text("111", "Number"),
          attr2: { DataType: "Binary", BinaryValue: "AgME" },
        },
      })],
    },
  },
  {
    name: "a message for a deleted queue, in the dead-letter queue",
    source: LOST,
    given: undeliverable(false),
    ask: receive({ ...ALL, ...SYSTEM }, "<dlq.QueueUrl>"),
    answer: {
      Messages: [message(
        envelope({
          Message: "test_dlq_after_sqs_endpoint_deleted",
          MessageAttributes: {
            attr1: { Type: "Number", Value: "111" },
            attr2: { Type: "Binary", Value: "AgME" },
          },
        }),
        { Attributes: FACTS },
      )],
    },
  },
];

export const SNS_MESSAGES: readonly Row[] = [
  ...PUBLISHED,
  ...ATTRIBUTED,
  ...BATCHED,
  ...DELIVERED,
  ...IN_ORDER,
  ...UNDELIVERABLE,
];
