/** The attributes of queues of SQS. */
import { queue, queueArn, recorded, type Refusal, type Row, sqs, sqsPage } from "./row.ts";
import { wrongValue } from "./sqs_queues.ts";

const get = (...AttributeNames: string[]) =>
  sqs("GetQueueAttributes", { QueueUrl: "<q.QueueUrl>", AttributeNames });
const set = (Attributes: Record<string, string>) =>
  sqs("SetQueueAttributes", { QueueUrl: "<q.QueueUrl>", Attributes });

/** All attributes of a fresh queue. */
const FRESH = {
  ApproximateNumberOfMessages: "0",
  ApproximateNumberOfMessagesDelayed: "0",
  ApproximateNumberOfMessagesNotVisible: "0",
  CreatedTimestamp: "<number>",
  DelaySeconds: "0",
  LastModifiedTimestamp: "<number>",
  MaximumMessageSize: "1048576",
  MessageRetentionPeriod: "345600",
  QueueArn: queueArn("q"),
  ReceiveMessageWaitTimeSeconds: "0",
  SqsManagedSseEnabled: "true",
  VisibilityTimeout: "30",
};
const FRESH_FIFO = {
  ...FRESH,
  QueueArn: queueArn("q.fifo"),
  ContentBasedDeduplication: "false",
  DeduplicationScope: "queue",
  FifoQueue: "true",
  FifoThroughputLimit: "perQueue",
};
const KMS = { KmsMasterKeyId: "testKeyId", KmsDataKeyReusePeriodSeconds: "6000" };

const ANSWERS: readonly Row[] = [
  {
    name: "all attributes of a standard queue",
    source: recorded("test_set_queue_attributes_default_values"),
    given: [queue("q")],
    ask: get("All"),
    answer: { Attributes: FRESH },
  },
  {
    name: "all attributes of a FIFO queue",
    source: recorded("test_fifo_set_content_based_deduplication_strategy"),
    given: [queue("q.fifo")],
    ask: get("All"),
    answer: { Attributes: FRESH_FIFO },
  },
  {
    name: "all attributes that were created",
    source: recorded("test_create_and_update_queue_attributes"),
    given: [queue("q", {
      MessageRetentionPeriod: "604800",
      ReceiveMessageWaitTimeSeconds: "10",
      VisibilityTimeout: "20",
    })],
    ask: get("All"),
    answer: {
      Attributes: {
        ...FRESH,
        MessageRetentionPeriod: "604800",
        ReceiveMessageWaitTimeSeconds: "10",
        VisibilityTimeout: "20",
      },
    },
  },
  {
    name: "all attributes that were set",
    source: recorded("test_create_and_update_queue_attributes"),
    given: [
      queue("q"),
      set({ MaximumMessageSize: "2048", VisibilityTimeout: "69", DelaySeconds: "420" }),
    ],
    ask: get("All"),
    answer: {
      Attributes: {
        ...FRESH,
        MaximumMessageSize: "2048",
        VisibilityTimeout: "69",
        DelaySeconds: "420",
      },
    },
  },
  {
    name: "the rule of de-duplication after it was set",
    source: recorded("test_fifo_set_content_based_deduplication_strategy"),
    given: [
      queue("q.fifo", { ContentBasedDeduplication: "true" }),
      set({ ContentBasedDeduplication: "false" }),
    ],
    ask: get("All"),
    answer: { Attributes: FRESH_FIFO },
  },
  {
    name: "all attributes with high throughput",
    source: recorded("test_fifo_change_to_high_throughput_after_creation"),
    given: [
      queue("q.fifo"),
      set({ DeduplicationScope: "messageGroup", FifoThroughputLimit: "perMessageGroupId" }),
    ],
    ask: get("All"),
    answer: {
      Attributes: {
        ...FRESH_FIFO,
        DeduplicationScope: "messageGroup",
        FifoThroughputLimit: "perMessageGroupId",
      },
    },
  },
  {
    name: "encryption with a key",
    source: recorded("test_sse_queue_attributes"),
    given: [queue("q"), set({ ...KMS, SqsManagedSseEnabled: "false" })],
    ask: get("KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled"),
    answer: { Attributes: { ...KMS, SqsManagedSseEnabled: "false" } },
  },
  {
    name: "encryption without a key",
    source: recorded("test_sse_queue_attributes"),
    given: [queue("q"), set({ SqsManagedSseEnabled: "true" })],
    ask: get("KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled"),
    answer: { Attributes: { SqsManagedSseEnabled: "true" } },
  },
  {
    name: "all attributes with a key",
    source: recorded("test_set_queue_attributes_default_values"),
    given: [queue("q"), set(KMS)],
    ask: get("All"),
    answer: { Attributes: { ...FRESH, ...KMS, SqsManagedSseEnabled: "false" } },
  },
  {
    name: "all attributes after the key was taken away",
    source: recorded("test_set_queue_attributes_default_values"),
    given: [
      queue("q"),
      set(KMS),
      set({ KmsMasterKeyId: "", KmsDataKeyReusePeriodSeconds: "300" }),
    ],
    ask: get("All"),
    answer: { Attributes: { ...FRESH, SqsManagedSseEnabled: "false" } },
  },
  {
    name: "no names of attributes",
    source: sqsPage("GetQueueAttributes"),
    given: [queue("q")],
    ask: get(),
    answer: {},
  },
  {
    name: "the name of an attribute that was not set",
    source:
      "https://github.com/getmoto/moto/blob/master/tests/test_sqs/test_sqs.py test_get_queue_attributes",
    given: [queue("q")],
    ask: get("KmsMasterKeyId"),
    answer: {},
  },
  {
    name: "FifoQueue is true and stays so",
    source: recorded("test_set_unsupported_attribute_fifo"),
    given: [queue("q.fifo")],
    ask: set({ FifoQueue: "true" }),
    answer: {},
  },
  {
    name: "an empty redrive policy takes it away",
    source: recorded("test_set_empty_redrive_policy"),
    given: [
      queue("dlq"),
      queue("q", {
        RedrivePolicy: JSON.stringify({
          deadLetterTargetArn: queueArn("dlq"),
          maxReceiveCount: "1",
        }),
      }),
      set({ RedrivePolicy: "" }),
    ],
    ask: get("RedrivePolicy"),
    answer: {},
  },
];

const refusedName = (message: string): Refusal => ({
  status: 400,
  code: "InvalidAttributeName",
  message,
});
const refusedValue = (message: string): Refusal => ({
  status: 400,
  code: "InvalidAttributeValue",
  message,
});

const STANDARD = recorded("test_create_standard_queue_with_fifo_attribute_raises_error");
const create = (Attributes: Record<string, string>) =>
  sqs("CreateQueue", { QueueName: "q", Attributes });

const REFUSED: readonly Row[] = [
  {
    name: "CreateQueue with FifoQueue false",
    source: STANDARD,
    given: [],
    ask: create({ FifoQueue: "false" }),
    refused: refusedName("Unknown Attribute FifoQueue."),
  },
  {
    name: "CreateQueue of a standard queue with ContentBasedDeduplication",
    source: STANDARD,
    given: [],
    ask: create({ ContentBasedDeduplication: "false" }),
    refused: refusedName("Unknown Attribute ContentBasedDeduplication."),
  },
  ...["DeduplicationScope", "FifoThroughputLimit"].map((name): Row => ({
    name: `CreateQueue of a standard queue with ${name}`,
    source: STANDARD,
    given: [],
    ask: create({ [name]: name === "DeduplicationScope" ? "queue" : "perQueue" }),
    refused: refusedName(`You can specify the ${name} only when FifoQueue is set to true.`),
  })),
  ...["true", "false"].map((value): Row => ({
    name: `FifoQueue ${value} for a standard queue`,
    source: recorded("test_set_unsupported_attribute_standard"),
    given: [queue("q")],
    ask: set({ FifoQueue: value }),
    refused: refusedName("Unknown Attribute FifoQueue."),
  })),
  {
    name: "FifoQueue false for a FIFO queue",
    source: recorded("test_set_unsupported_attribute_fifo"),
    given: [queue("q.fifo")],
    ask: set({ FifoQueue: "false" }),
    refused: refusedValue(
      "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.",
    ),
  },
  {
    name: "encryption by a key and by SQS",
    source: recorded("test_sse_kms_and_sqs_are_mutually_exclusive"),
    given: [queue("q")],
    ask: set({ KmsMasterKeyId: "testKeyId", SqsManagedSseEnabled: "true" }),
    refused: refusedName(
      "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.",
    ),
  },
  ...["SetQueueAttributes", "GetQueueAttributes"].map((action): Row => ({
    name: `${action} with a name that no attribute has`,
    source: sqsPage(action),
    given: [queue("q")],
    ask: action === "SetQueueAttributes" ? set({ Nothing: "1" }) : get("Nothing"),
    refused: refusedName("Unknown Attribute Nothing."),
  })),
  ...Object.entries({
    DelaySeconds: "901",
    MaximumMessageSize: "1048577",
    MessageRetentionPeriod: "59",
    ReceiveMessageWaitTimeSeconds: "21",
    VisibilityTimeout: "43201",
    KmsDataKeyReusePeriodSeconds: "59",
    Policy: "{",
  }).map(([name, value]): Row => ({
    name: `the value ${value} for ${name}`,
    source: sqsPage("SetQueueAttributes"),
    given: [queue("q")],
    ask: set({ [name]: value }),
    refused: refusedValue(`Invalid value for the parameter ${name}.`),
  })),
  {
    name: "the limit for each group with the scope of the queue",
    source: sqsPage("SetQueueAttributes"),
    given: [queue("q.fifo")],
    ask: set({ DeduplicationScope: "queue", FifoThroughputLimit: "perMessageGroupId" }),
    refused: { status: 400, code: "InvalidAttributeValue" },
  },
];

const redrive = (policy: Record<string, unknown> | string) =>
  set({ RedrivePolicy: typeof policy === "string" ? policy : JSON.stringify(policy) });
const VALIDITY = recorded("test_redrive_policy_attribute_validity");
const wrongPolicy: readonly (readonly [string, Record<string, unknown> | string])[] = [
  ["that is no JSON", "{"],
  ["without a count", { deadLetterTargetArn: queueArn("dlq") }],
  ["without a target", { maxReceiveCount: "42" }],
  ["whose count is no number", {
    deadLetterTargetArn: queueArn("dlq"),
    maxReceiveCount: "invalid",
  }],
  ["whose target is no ARN", { deadLetterTargetArn: "dummy", maxReceiveCount: 42 }],
  ["to a queue that does not exist", {
    deadLetterTargetArn: queueArn("other"),
    maxReceiveCount: 42,
  }],
];

const REDRIVES: readonly Row[] = [
  ...wrongPolicy.map(([what, policy]): Row => ({
    name: `a redrive policy ${what}`,
    source: VALIDITY,
    given: [queue("dlq"), queue("q")],
    ask: redrive(policy),
    refused: { ...wrongValue(""), message: "Value …" },
  })),
  {
    name: "a redrive policy whose count is a text of digits",
    source: VALIDITY,
    given: [queue("dlq"), queue("q")],
    ask: redrive({ deadLetterTargetArn: queueArn("dlq"), maxReceiveCount: "42" }),
    answer: {},
  },
  {
    name: "a redrive policy to a queue of the other type",
    source: sqsPage("SetQueueAttributes"),
    given: [queue("dlq.fifo"), queue("q")],
    ask: redrive({ deadLetterTargetArn: queueArn("dlq.fifo"), maxReceiveCount: 1 }),
    refused: { ...wrongValue(""), message: "Value …" },
  },
];

export const SQS_ATTRIBUTES: readonly Row[] = [...ANSWERS, ...REFUSED, ...REDRIVES];
