/** Messages of standard queues of SQS. */
import { queue, queueArn, recorded, type Row, sqs, sqsPage, type Step, wait } from "./row.ts";
import { buried, lacks, wrongValue } from "./sqs_queues.ts";

const send = (MessageBody: string, input: Record<string, unknown> = {}, as?: string) =>
  sqs("SendMessage", { QueueUrl: "<q.QueueUrl>", MessageBody, ...input }, as);
const receive = (input: Record<string, unknown> = {}, as?: string) =>
  sqs("ReceiveMessage", { QueueUrl: "<q.QueueUrl>", ...input }, as);
const text = (StringValue: string, DataType = "String") => ({ DataType, StringValue });
const message = (Body: string, MD5OfBody: string, more: Record<string, unknown> = {}) => ({
  Messages: [{ MessageId: "<id>", ReceiptHandle: "<any>", MD5OfBody, Body, ...more }],
});

const WAITS = recorded("test_send_receive_wait_time_seconds");
const LIMITS: readonly Row[] = [
  {
    name: "MaxNumberOfMessages 11",
    source: recorded("test_send_receive_max_number_of_messages"),
    given: [queue("q")],
    ask: receive({ MaxNumberOfMessages: 11 }),
    refused: wrongValue(
      "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.",
    ),
  },
  {
    name: "MaxNumberOfMessages 0",
    source: sqsPage("ReceiveMessage"),
    given: [queue("q")],
    ask: receive({ MaxNumberOfMessages: 0 }),
    refused: wrongValue(
      "Value 0 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.",
    ),
  },
  ...[21, -1].map((WaitTimeSeconds): Row => ({
    name: `WaitTimeSeconds ${WaitTimeSeconds}`,
    source: WAITS,
    given: [queue("q")],
    ask: receive({ WaitTimeSeconds }),
    refused: wrongValue(
      `Value ${WaitTimeSeconds} for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.`,
    ),
  })),
  {
    name: "a receive without a wait",
    source: WAITS,
    given: [queue("q"), send("message")],
    ask: receive(),
    answer: message("message", "78e731027d8fd50ed642340b7c9a63b3"),
  },
  {
    name: "an empty receive without a wait",
    source: recorded("test_receive_empty_queue"),
    given: [queue("q")],
    ask: receive({ WaitTimeSeconds: 0 }),
    answer: {},
  },
  {
    name: "an empty receive with a wait",
    source: recorded("test_receive_empty_queue"),
    given: [queue("q")],
    ask: receive({ WaitTimeSeconds: 1 }),
    answer: {},
  },
  {
    name: "an empty body",
    source: recorded("test_send_empty_message"),
    given: [queue("q")],
    ask: send(""),
    refused: lacks("MessageBody"),
  },
  {
    name: "a body of one byte too much",
    source: recorded("test_send_oversized_message"),
    given: [queue("q")],
    ask: send("a".repeat(1_048_577)),
    refused: wrongValue(
      "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.",
    ),
  },
  {
    name: "attributes that make a message one byte too much",
    source: recorded("test_send_oversized_message"),
    given: [queue("q")],
    ask: send("a".repeat(1_048_576 - 7), { MessageAttributes: { k: text("xy") } }),
    refused: wrongValue(
      "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.",
    ),
  },
  {
    name: "a body longer than its queue takes",
    source: recorded("test_send_message_with_updated_maximum_message_size"),
    given: [queue("q", { MaximumMessageSize: "1024" })],
    ask: send("a".repeat(1_025)),
    refused: wrongValue(
      "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes.",
    ),
  },
  {
    name: "a body with a character that XML does not have",
    source: recorded("test_send_message_with_invalid_payload_characters"),
    given: [queue("q")],
    ask: send("Invalid-\0-\b"),
    refused: { status: 400, code: "InvalidMessageContents" },
  },
  {
    name: "DelaySeconds 901",
    source: sqsPage("SendMessage"),
    given: [queue("q")],
    ask: send("a", { DelaySeconds: 901 }),
    refused: { ...wrongValue(""), message: "Value 901 for parameter DelaySeconds is invalid. …" },
  },
];

const ATTRIBUTES = { "Help.Me": text("Me"), Hello: text("There"), General: text("Kenobi") };
const NAMES = recorded("test_receive_message_message_attribute_names_filters");
const MSG = "6e2baaf3b97dbeef01c0043275f9a0e7";
const asked = (names: readonly string[], digest?: string, kept: readonly string[] = []): Row => ({
  name: `MessageAttributeNames ${JSON.stringify(names)}`,
  source: NAMES,
  given: [queue("q"), send("msg", { MessageAttributes: ATTRIBUTES })],
  ask: receive({ MessageAttributeNames: names }),
  answer: message(
    "msg",
    MSG,
    digest === undefined ? {} : {
      MD5OfMessageAttributes: digest,
      MessageAttributes: Object.fromEntries(
        Object.entries(ATTRIBUTES).filter(([name]) => kept.includes(name)),
      ),
    },
  ),
});
const ALL = ["Help.Me", "Hello", "General"];

const NAMED: readonly Row[] = [
  {
    name: "SendMessage with attributes",
    source: NAMES,
    given: [queue("q")],
    ask: send("msg", { MessageAttributes: ATTRIBUTES }),
    answer: {
      MD5OfMessageAttributes: "4c360f3fdafd970e05fae2f149d997f5",
      MD5OfMessageBody: MSG,
      MessageId: "<id>",
    },
  },
  asked([]),
  asked(["All"], "4c360f3fdafd970e05fae2f149d997f5", ALL),
  asked(["*"], "4c360f3fdafd970e05fae2f149d997f5", ALL),
  asked([".*"], "4c360f3fdafd970e05fae2f149d997f5", ALL),
  asked(["Foo", "Help"]),
  asked(["Hello", "General"], "fca026605781cb4126a1e9044df24232", ["Hello", "General"]),
  asked(["Foo", "Hello"], "a311262e065454b75da111d535b8dacd", ["Hello"]),
  asked(["Hel.*"], "83fee93c1bcd8b9a5a923ffacdc636c7", ["Hello", "Help.Me"]),
  asked(["AWS."]),
  asked(["..foo"]),
  {
    name: "an attribute of bytes",
    source: recorded("test_send_message_with_binary_attributes"),
    given: [
      queue("q"),
      send("test", {
        MessageAttributes: {
          attr1: {
            DataType: "Binary",
            BinaryValue: btoa(
              "traceparent\x1e00-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01",
            ),
          },
        },
      }),
    ],
    ask: receive({ MessageAttributeNames: ["All"] }),
    answer: message("test", "098f6bcd4621d373cade4e832627b4f6", {
      MD5OfMessageAttributes: "8cbe4db156db8a94db8b801b7addb984",
      MessageAttributes: {
        attr1: {
          BinaryValue: btoa(
            "traceparent\x1e00-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01",
          ),
          DataType: "Binary",
        },
      },
    }),
  },
  {
    name: "an attribute with an empty text",
    source: recorded("test_send_message_with_empty_string_attribute"),
    given: [queue("q")],
    ask: send("test", { MessageAttributes: { ErrorDetails: text("") } }),
    refused: wrongValue(
      "Message (user) attribute 'ErrorDetails' must contain a non-empty value of type 'String'.",
    ),
  },
  ...[
    "aWs.-Invalid-attr",
    "AMAZON.-Invalid-attr",
    ".-Invalid-attr",
    "Invalid-!-attr",
    'Invalid-"-attr',
    "Invalid-(-attr",
    "Invalid-?-attr",
    "L".repeat(257),
    "Invalid.",
  ].map((name): Row => ({
    name: `an attribute by the name ${name.slice(0, 30)}`,
    source: recorded("test_send_message_with_invalid_string_attributes"),
    given: [queue("q")],
    ask: send("test", { MessageAttributes: { [name]: text("Valid") } }),
    refused: {
      status: 400,
      code: "InvalidParameterValue",
      shape: "InvalidParameterValueException",
    },
  })),
  ...["Invalid", `Number.${"L".repeat(256)}`].map((type): Row => ({
    name: `an attribute of the type ${type.slice(0, 30)}`,
    source: recorded("test_send_message_with_invalid_string_attributes"),
    given: [queue("q")],
    ask: send("test", { MessageAttributes: { Attribute_name: text("1", type) } }),
    refused: {
      status: 400,
      code: "InvalidParameterValue",
      shape: "InvalidParameterValueException",
    },
  })),
];

const FACTS = {
  ApproximateFirstReceiveTimestamp: "<number>",
  ApproximateReceiveCount: "1",
  SenderId: "<any>",
  SentTimestamp: "<number>",
};
const FOO = { MessageAttributes: { Foo: text("Bar") } };
const SYSTEM = recorded("test_receive_message_message_system_attribute_names_filters");

const SYSTEM_NAMED: readonly Row[] = [
  ...["AttributeNames", "MessageSystemAttributeNames"].flatMap((parameter): Row[] => [
    {
      name: `all facts by ${parameter}`,
      source: SYSTEM,
      given: [queue("q"), send("msg", FOO)],
      ask: receive({ [parameter]: ["All"] }),
      answer: message("msg", MSG, { Attributes: FACTS }),
    },
    {
      name: `all facts by ${parameter}, and all attributes`,
      source: SYSTEM,
      given: [queue("q"), send("msg", FOO)],
      ask: receive({ [parameter]: ["All"], MessageAttributeNames: ["All"] }),
      answer: message("msg", MSG, {
        Attributes: FACTS,
        MD5OfMessageAttributes: "ae7155c6026991b6d54b11589678bf9c",
        MessageAttributes: { Foo: text("Bar") },
      }),
    },
    {
      name: `facts by ${parameter}, some of which a standard queue lacks`,
      source: SYSTEM,
      given: [queue("q"), send("msg", FOO)],
      ask: receive({ [parameter]: ["SenderId", "SequenceNumber"] }),
      answer: message("msg", MSG, { Attributes: { SenderId: "<any>" } }),
    },
  ]),
  {
    name: "both parameters with different names, in JSON",
    source: recorded("test_message_system_attribute_names_with_attribute_names[sqs]"),
    given: [queue("q"), send("msg", FOO)],
    ask: receive({ MessageSystemAttributeNames: ["All"], AttributeNames: ["SenderId"] }),
    answer: message("msg", MSG, { Attributes: FACTS }),
    protocol: "json",
  },
  {
    name: "both parameters with different names, in the Query protocol",
    source: recorded("test_message_system_attribute_names_with_attribute_names[sqs_query]"),
    given: [queue("q"), send("msg", FOO)],
    ask: receive({ MessageSystemAttributeNames: ["All"], AttributeNames: ["SenderId"] }),
    answer: message("msg", MSG, { Attributes: { SenderId: "<any>" } }),
    protocol: "query",
  },
];

const TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
const received: readonly Step[] = [receive({ VisibilityTimeout: 1 }, "m")];
const handle = { QueueUrl: "<q.QueueUrl>", ReceiptHandle: "<m.Messages.0.ReceiptHandle>" };
const VISIBILITY = recorded("test_change_message_visibility_after_visibility_timeout_expiration");
const FACT_NAMES = [
  "ApproximateFirstReceiveTimestamp",
  "ApproximateReceiveCount",
  "SentTimestamp",
  "AWSTraceHeader",
  "DeadLetterQueueSourceArn",
];

const HANDLED: readonly Row[] = [
  {
    name: "a message in its dead-letter queue",
    source: recorded("test_dead_letter_queue_message_attributes"),
    given: [
      ...buried(0),
      send("message-1", {
        MessageAttributes: { MyAttribute: text("foobar") },
        MessageSystemAttributes: { AWSTraceHeader: text(TRACE) },
      }),
      receive({ VisibilityTimeout: 0 }),
      receive(),
    ],
    ask: sqs("ReceiveMessage", {
      QueueUrl: "<dlq.QueueUrl>",
      MessageSystemAttributeNames: FACT_NAMES,
      MessageAttributeNames: ["All"],
    }),
    answer: message("message-1", "3d6b824fd8c1520e9a047d21fee6fb1f", {
      Attributes: {
        ApproximateFirstReceiveTimestamp: "<number>",
        ApproximateReceiveCount: "2",
        SentTimestamp: "<number>",
        AWSTraceHeader: TRACE,
        DeadLetterQueueSourceArn: queueArn("q"),
      },
      MD5OfMessageAttributes: "adb59cd4678ea5a855436b949cd07ab6",
      MessageAttributes: { MyAttribute: text("foobar") },
    }),
  },
  {
    name: "SendMessage to a standard queue with a group",
    source: recorded("test_fair_queue_with_message_group_id"),
    given: [queue("q")],
    ask: send("message", { MessageGroupId: "test" }),
    answer: { MD5OfMessageBody: "78e731027d8fd50ed642340b7c9a63b3", MessageId: "<id>" },
  },
  {
    name: "a message of a standard queue with a group",
    source: recorded("test_fair_queue_with_message_group_id"),
    given: [queue("q"), send("message", { MessageGroupId: "test" })],
    ask: receive({ MessageSystemAttributeNames: ["All"] }),
    answer: message("message", "78e731027d8fd50ed642340b7c9a63b3", {
      Attributes: { ...FACTS, MessageGroupId: "test" },
    }),
  },
  ...Object.entries({ empty: "", "too long": "a".repeat(129), spaces: "group 123" }).map(
    ([what, MessageGroupId]): Row => ({
      name: `a group that is ${what}`,
      source: recorded("test_send_message_to_standard_queue_with_invalid_message_group_id"),
      given: [queue("q")],
      ask: send("message", { MessageGroupId }),
      refused: wrongValue(
        `Value ${MessageGroupId} for parameter MessageGroupId is invalid. Reason: MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length.`,
      ),
    }),
  ),
  {
    name: "ChangeMessageVisibility after the lock ended",
    source: VISIBILITY,
    given: [queue("q"), send("a"), ...received, wait(2)],
    ask: sqs("ChangeMessageVisibility", { ...handle, VisibilityTimeout: 2 }),
    answer: {},
  },
  {
    name: "DeleteMessage after the lock ended",
    source: recorded("test_delete_after_visibility_timeout"),
    given: [queue("q"), send("a"), ...received, wait(2)],
    ask: sqs("DeleteMessage", handle),
    answer: {},
  },
  {
    name: "a receive after such a DeleteMessage",
    source: recorded("test_delete_after_visibility_timeout"),
    given: [queue("q"), send("a"), ...received, wait(2), sqs("DeleteMessage", handle)],
    ask: receive(),
    answer: {},
  },
  {
    name: "DeleteMessage twice",
    source: sqsPage("DeleteMessage"),
    given: [queue("q"), send("a"), ...received, sqs("DeleteMessage", handle)],
    ask: sqs("DeleteMessage", handle),
    answer: {},
  },
  {
    name: "DeleteMessage with garbage",
    source: recorded("test_delete_message_with_illegal_receipt_handle"),
    given: [queue("q")],
    ask: sqs("DeleteMessage", { QueueUrl: "<q.QueueUrl>", ReceiptHandle: "garbage" }),
    refused: {
      status: 400,
      code: "ReceiptHandleIsInvalid",
      message: 'The input receipt handle "garbage" is not a valid receipt handle.',
    },
  },
  {
    name: "ChangeMessageVisibility of a deleted message",
    source: recorded("test_change_visibility_on_deleted_message_raises_invalid_parameter_value"),
    given: [queue("q"), send("a"), ...received, sqs("DeleteMessage", handle)],
    ask: sqs("ChangeMessageVisibility", { ...handle, VisibilityTimeout: 42 }),
    refused: wrongValue(
      "Value <m.Messages.0.ReceiptHandle> for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.",
    ),
  },
  {
    name: "ChangeMessageVisibility with garbage",
    source: recorded("test_invalid_receipt_handle_should_return_error_message"),
    given: [queue("q")],
    ask: sqs("ChangeMessageVisibility", {
      QueueUrl: "<q.QueueUrl>",
      ReceiptHandle: "INVALID",
      VisibilityTimeout: 60,
    }),
    refused: { status: 400, code: "ReceiptHandleIsInvalid" },
  },
  {
    name: "ChangeMessageVisibility 43201",
    source: sqsPage("ChangeMessageVisibility"),
    given: [queue("q"), send("a"), ...received],
    ask: sqs("ChangeMessageVisibility", { ...handle, VisibilityTimeout: 43_201 }),
    refused: { ...wrongValue(""), message: "Value 43201 for parameter VisibilityTimeout …" },
  },
  {
    name: "ChangeMessageVisibility beyond twelve hours in all",
    source: sqsPage("ChangeMessageVisibility"),
    given: [
      queue("q"),
      send("a"),
      receive({ VisibilityTimeout: 43_200 }, "m"),
      wait(10),
    ],
    ask: sqs("ChangeMessageVisibility", { ...handle, VisibilityTimeout: 43_200 }),
    refused: { ...wrongValue(""), message: "Value 43200 for parameter VisibilityTimeout …" },
  },
  {
    name: "counts of messages in flight",
    source: recorded("test_approximate_number_of_messages_not_visible"),
    given: [
      queue("q"),
      send("a"),
      send("b"),
      send("c", { DelaySeconds: 900 }),
      receive(),
    ],
    ask: sqs("GetQueueAttributes", {
      QueueUrl: "<q.QueueUrl>",
      AttributeNames: [
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
      ],
    }),
    answer: {
      Attributes: {
        ApproximateNumberOfMessages: "1",
        ApproximateNumberOfMessagesNotVisible: "1",
        ApproximateNumberOfMessagesDelayed: "1",
      },
    },
  },
];

export const SQS_MESSAGES: readonly Row[] = [...LIMITS, ...NAMED, ...SYSTEM_NAMED, ...HANDLED];
