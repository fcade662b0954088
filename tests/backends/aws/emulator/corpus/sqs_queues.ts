/** Queues of SQS: creating, finding, deleting, purging, tags, permissions, and move tasks. */
import {
  queue,
  queueArn,
  recorded,
  type Refusal,
  type Row,
  sqs,
  sqsPage,
  type Step,
  wait,
} from "./row.ts";

/** An answer of AWS that moto's suite checks against AWS (tests marked `aws_verified`). */
const verified = (test: string) =>
  `https://github.com/getmoto/moto/blob/master/tests/test_sqs/test_sqs.py ${test}`;

const UNKNOWN = "http://aws.test/000000000000/unknown";
const DOES_NOT_EXIST: Refusal = {
  status: 400,
  code: "AWS.SimpleQueueService.NonExistentQueue",
  shape: "QueueDoesNotExist",
  message: {
    json: "The specified queue does not exist.",
    query: "The specified queue does not exist for this wsdl version.",
  },
};

/** Why a value is refused. */
export function wrongValue(message: string): Refusal {
  return {
    status: 400,
    code: "InvalidParameterValue",
    shape: "InvalidParameterValueException",
    message,
  };
}

/** Why a request is refused that lacks a parameter. */
export function lacks(parameter: string): Refusal {
  return {
    status: 400,
    code: "MissingParameter",
    shape: "MissingRequiredParameterException",
    message: `The request must contain the parameter ${parameter}.`,
  };
}

const everyCall: readonly (readonly [string, Record<string, unknown>])[] = [
  ["AddPermission", { Label: "l", AWSAccountIds: ["111122223333"], Actions: ["SendMessage"] }],
  ["ChangeMessageVisibility", { ReceiptHandle: "h", VisibilityTimeout: 1 }],
  ["ChangeMessageVisibilityBatch", {
    Entries: [{ Id: "a", ReceiptHandle: "h", VisibilityTimeout: 1 }],
  }],
  ["DeleteMessage", { ReceiptHandle: "h" }],
  ["DeleteMessageBatch", { Entries: [{ Id: "a", ReceiptHandle: "h" }] }],
  ["DeleteQueue", {}],
  ["GetQueueAttributes", { AttributeNames: ["All"] }],
  ["ListDeadLetterSourceQueues", {}],
  ["ListQueueTags", {}],
  ["PurgeQueue", {}],
  ["ReceiveMessage", {}],
  ["RemovePermission", { Label: "l" }],
  ["SendMessage", { MessageBody: "b" }],
  ["SendMessageBatch", { Entries: [{ Id: "a", MessageBody: "b" }] }],
  ["SetQueueAttributes", { Attributes: { VisibilityTimeout: "1" } }],
  ["TagQueue", { Tags: { a: "b" } }],
  ["UntagQueue", { TagKeys: ["a"] }],
];

const MISSING: readonly Row[] = everyCall.map(([action, input]) => ({
  name: `${action} of a queue that does not exist`,
  source: recorded("test_non_existent_queue"),
  given: [],
  ask: sqs(action, { QueueUrl: UNKNOWN, ...input }),
  refused: DOES_NOT_EXIST,
}));

const differs = (
  name: string,
  first: Record<string, string>,
  then: Record<string, string>,
): Row => ({
  name: `CreateQueue with another ${name} for the same name`,
  source: recorded("test_create_queue_with_different_attributes_raises_exception"),
  given: [queue("q", first)],
  ask: sqs("CreateQueue", { QueueName: "q", Attributes: then }),
  refused: {
    status: 400,
    code: "QueueAlreadyExists",
    shape: "QueueNameExists",
    message:
      `A queue already exists with the same name and a different value for attribute ${name}`,
  },
});

const CREATED: readonly Row[] = [
  {
    name: "CreateQueue again with the same attributes",
    source: sqsPage("CreateQueue"),
    given: [queue("q", { DelaySeconds: "1" })],
    ask: sqs("CreateQueue", { QueueName: "q", Attributes: { DelaySeconds: "1" } }),
    answer: { QueueUrl: "<q.QueueUrl>" },
  },
  differs("DelaySeconds", { DelaySeconds: "1" }, { DelaySeconds: "2" }),
  {
    name: "CreateQueue of a FIFO queue with another ContentBasedDeduplication",
    source: recorded("test_create_fifo_queue_with_different_attributes_raises_error"),
    given: [queue("q.fifo", { ContentBasedDeduplication: "true" })],
    ask: sqs("CreateQueue", {
      QueueName: "q.fifo",
      Attributes: { FifoQueue: "true", ContentBasedDeduplication: "false" },
    }),
    refused: {
      status: 400,
      code: "QueueAlreadyExists",
      shape: "QueueNameExists",
      message:
        "A queue already exists with the same name and a different value for attribute ContentBasedDeduplication",
    },
  },
  {
    name: "CreateQueue within a minute after the deletion",
    source: sqsPage("CreateQueue"),
    given: [queue("q"), sqs("DeleteQueue", { QueueUrl: "<q.QueueUrl>" }), wait(59)],
    ask: sqs("CreateQueue", { QueueName: "q" }),
    refused: {
      status: 400,
      code: "AWS.SimpleQueueService.QueueDeletedRecently",
      shape: "QueueDeletedRecently",
    },
  },
  {
    name: "CreateQueue a minute after the deletion",
    source: sqsPage("DeleteQueue"),
    given: [queue("q"), sqs("DeleteQueue", { QueueUrl: "<q.QueueUrl>" }), wait(60)],
    ask: sqs("CreateQueue", { QueueName: "q" }),
    answer: { QueueUrl: "<q.QueueUrl>" },
  },
  {
    name: "CreateQueue of a FIFO queue without the suffix",
    source: recorded("test_fifo_queue_requires_suffix"),
    given: [],
    ask: sqs("CreateQueue", { QueueName: "q", Attributes: { FifoQueue: "true" } }),
    refused: {
      status: 400,
      code: "InvalidParameterValue",
      shape: "InvalidParameterValueException",
    },
  },
  {
    name: "CreateQueue of a standard queue with the suffix",
    source: recorded("test_standard_queue_cannot_have_fifo_suffix"),
    given: [],
    ask: sqs("CreateQueue", { QueueName: "q.fifo" }),
    refused: {
      status: 400,
      code: "InvalidParameterValue",
      shape: "InvalidParameterValueException",
    },
  },
  {
    name: "CreateQueue with a name of 81 characters",
    source: sqsPage("CreateQueue"),
    given: [],
    ask: sqs("CreateQueue", { QueueName: "q".repeat(81) }),
    refused: wrongValue(
      "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
    ),
  },
  {
    name: "GetQueueUrl",
    source: sqsPage("GetQueueUrl"),
    given: [queue("q")],
    ask: sqs("GetQueueUrl", { QueueName: "q" }),
    answer: { QueueUrl: "<q.QueueUrl>" },
  },
  {
    name: "GetQueueUrl of a queue that does not exist",
    source: verified("test_get_queue_url_error_not_exists"),
    given: [],
    ask: sqs("GetQueueUrl", { QueueName: "unknown" }),
    refused: DOES_NOT_EXIST,
  },
  {
    name: "GetQueueAttributes of an address that is no queue",
    source: verified("test_get_queue_url_error_not_exists"),
    given: [],
    ask: sqs("GetQueueAttributes", { QueueUrl: "http://whatever-incorrect-queue-address" }),
    refused: DOES_NOT_EXIST,
  },
  {
    name: "ListQueues without a queue",
    source: sqsPage("ListQueues"),
    given: [],
    ask: sqs("ListQueues", {}),
    answer: {},
  },
  {
    name: "ListQueues with more queues than MaxResults",
    source: recorded("test_list_queues_pagination"),
    given: [queue("q-0"), queue("q-1"), queue("q-2")],
    ask: sqs("ListQueues", { QueueNamePrefix: "q-", MaxResults: 2 }),
    answer: {
      QueueUrls: ["http://aws.test/000000000000/q-0", "http://aws.test/000000000000/q-1"],
      NextToken: "<any>",
    },
  },
  {
    name: "ListQueues of the rest",
    source: recorded("test_list_queues_pagination"),
    given: [
      queue("q-0"),
      queue("q-1"),
      queue("q-2"),
      sqs("ListQueues", { MaxResults: 2 }, "first"),
    ],
    ask: sqs("ListQueues", { MaxResults: 10, NextToken: "<first.NextToken>" }),
    answer: { QueueUrls: ["http://aws.test/000000000000/q-2"] },
  },
];

const KEPT: readonly Row[] = [
  {
    name: "PurgeQueue twice within a minute",
    source: recorded("test_successive_purge_calls_fail"),
    given: [queue("q"), sqs("PurgeQueue", { QueueUrl: "<q.QueueUrl>" })],
    ask: sqs("PurgeQueue", { QueueUrl: "<q.QueueUrl>" }),
    refused: {
      status: 403,
      code: "AWS.SimpleQueueService.PurgeQueueInProgress",
      shape: "PurgeQueueInProgress",
      message: "Only one PurgeQueue operation on q is allowed every 60 seconds.",
    },
  },
  {
    name: "PurgeQueue again after a minute",
    source: sqsPage("PurgeQueue"),
    given: [queue("q"), sqs("PurgeQueue", { QueueUrl: "<q.QueueUrl>" }), wait(60)],
    ask: sqs("PurgeQueue", { QueueUrl: "<q.QueueUrl>" }),
    answer: {},
  },
  {
    name: "ListQueueTags",
    source: recorded("test_tag_untag_queue"),
    given: [
      queue("q"),
      sqs("TagQueue", {
        QueueUrl: "<q.QueueUrl>",
        Tags: { tag1: "value1", tag2: "value2", tag3: "" },
      }),
    ],
    ask: sqs("ListQueueTags", { QueueUrl: "<q.QueueUrl>" }),
    answer: { Tags: { tag1: "value1", tag2: "value2", tag3: "" } },
  },
  {
    name: "ListQueueTags after UntagQueue",
    source: recorded("test_tag_untag_queue"),
    given: [
      queue("q"),
      sqs("TagQueue", { QueueUrl: "<q.QueueUrl>", Tags: { tag1: "value1", tag2: "value2" } }),
      sqs("UntagQueue", { QueueUrl: "<q.QueueUrl>", TagKeys: ["tag1", "tag3"] }),
    ],
    ask: sqs("ListQueueTags", { QueueUrl: "<q.QueueUrl>" }),
    answer: { Tags: { tag2: "value2" } },
  },
  {
    name: "ListQueueTags of a queue without tags",
    source: recorded("test_tag_untag_queue"),
    given: [queue("q")],
    ask: sqs("ListQueueTags", { QueueUrl: "<q.QueueUrl>" }),
    answer: {},
  },
];

const permit = (Label: string, AWSAccountIds: string[]): Step =>
  sqs("AddPermission", {
    QueueUrl: "<q.QueueUrl>",
    Label,
    AWSAccountIds,
    Actions: ["ReceiveMessage"],
  });
const ME = "000000000000";
const OTHER = "668614515564";
const policyOf = (...statements: readonly [Sid: string, AWS: unknown][]) => ({
  Attributes: {
    Policy: JSON.stringify({
      Version: "2008-10-17",
      Id: `${queueArn("q")}/SQSDefaultPolicy`,
      Statement: statements.map(([Sid, AWS]) => ({
        Sid,
        Effect: "Allow",
        Principal: { AWS },
        Action: "SQS:ReceiveMessage",
        Resource: queueArn("q"),
      })),
    }),
  },
});
const getPolicy = sqs("GetQueueAttributes", {
  QueueUrl: "<q.QueueUrl>",
  AttributeNames: ["Policy"],
});
const unpermit = (Label: string) => sqs("RemovePermission", { QueueUrl: "<q.QueueUrl>", Label });
const root = (account: string) => `arn:aws:iam::${account}:root`;
const LIFE = recorded("test_sqs_permission_lifecycle");

const PERMISSIONS: readonly Row[] = [
  {
    name: "the policy after AddPermission for two accounts",
    source: LIFE,
    given: [queue("q"), permit("crossaccountpermission", [OTHER, ME])],
    ask: getPolicy,
    answer: policyOf(["crossaccountpermission", [root(OTHER), root(ME)]]),
  },
  {
    name: "the policy after AddPermission for one account",
    source: LIFE,
    given: [queue("q"), permit("crossaccountpermission", [ME])],
    ask: getPolicy,
    answer: policyOf(["crossaccountpermission", root(ME)]),
  },
  {
    name: "AddPermission with a label that is there",
    source: LIFE,
    given: [queue("q"), permit("crossaccountpermission", [ME])],
    ask: permit("crossaccountpermission", [OTHER]),
    refused: wrongValue(
      "Value crossaccountpermission for parameter Label is invalid. Reason: Already exists.",
    ),
  },
  {
    name: "the policy after two permissions",
    source: LIFE,
    given: [queue("q"), permit("one", [ME]), permit("two", [ME])],
    ask: getPolicy,
    answer: policyOf(["one", root(ME)], ["two", root(ME)]),
  },
  {
    name: "the policy after RemovePermission",
    source: LIFE,
    given: [queue("q"), permit("one", [ME]), permit("two", [ME]), unpermit("one")],
    ask: getPolicy,
    answer: policyOf(["two", root(ME)]),
  },
  {
    name: "the policy after RemovePermission of the last one",
    source: LIFE,
    given: [queue("q"), permit("one", [ME]), unpermit("one")],
    ask: getPolicy,
    answer: {},
  },
  {
    name: "RemovePermission of a label that is not there",
    source: LIFE,
    given: [queue("q"), permit("one", [ME]), unpermit("one")],
    ask: unpermit("one"),
    refused: wrongValue("Value one for parameter Label is invalid. Reason: can't find label."),
  },
];

/** A queue `q` with a dead-letter queue `dlq`, and so many messages in the latter. */
export function buried(count: number): Step[] {
  const RedrivePolicy = JSON.stringify({
    deadLetterTargetArn: queueArn("dlq"),
    maxReceiveCount: 1,
  });
  const receive = sqs("ReceiveMessage", {
    QueueUrl: "<q.QueueUrl>",
    MaxNumberOfMessages: 10,
    VisibilityTimeout: 0,
  });
  return [
    queue("dlq"),
    queue("q", { RedrivePolicy }),
    ...Array.from(
      { length: count },
      (_, n) => sqs("SendMessage", { QueueUrl: "<q.QueueUrl>", MessageBody: `message-${n}` }),
    ),
    receive,
    receive,
  ];
}

const move = (input: Record<string, unknown> = {}, as?: string) =>
  sqs("StartMessageMoveTask", { SourceArn: queueArn("dlq"), ...input }, as);
const tasks = sqs("ListMessageMoveTasks", { SourceArn: queueArn("dlq") });
const moves = (test: string) => recorded(test, "sqs/test_sqs_move_task");
const handleOf = (sourceArn: string) => btoa(JSON.stringify({ taskId: "10f57157", sourceArn }));
const slow = { DestinationArn: queueArn("other"), MaxNumberOfMessagesPerSecond: 1 };

const MOVED: readonly Row[] = [
  {
    name: "ListMessageMoveTasks after a move to another queue",
    source: moves("test_basic_move_task_workflow"),
    given: [...buried(2), queue("other"), move({ DestinationArn: queueArn("other") }), wait(1)],
    ask: tasks,
    answer: {
      Results: [{
        Status: "COMPLETED",
        SourceArn: queueArn("dlq"),
        DestinationArn: queueArn("other"),
        ApproximateNumberOfMessagesMoved: 2,
        ApproximateNumberOfMessagesToMove: 2,
        StartedTimestamp: "<number>",
      }],
    },
  },
  {
    name: "ListMessageMoveTasks after a move back",
    source: moves("test_move_task_workflow_with_default_destination"),
    given: [...buried(2), move(), wait(1)],
    ask: tasks,
    answer: {
      Results: [{
        Status: "COMPLETED",
        SourceArn: queueArn("dlq"),
        ApproximateNumberOfMessagesMoved: 2,
        ApproximateNumberOfMessagesToMove: 2,
        StartedTimestamp: "<number>",
      }],
    },
  },
  {
    name: "StartMessageMoveTask out of a queue that is no dead-letter queue",
    source: moves("test_source_needs_redrive_policy"),
    given: [queue("dlq"), queue("other")],
    ask: move({ DestinationArn: queueArn("other") }),
    refused: wrongValue("Source queue must be configured as a Dead Letter Queue."),
  },
  {
    name: "StartMessageMoveTask to a queue that does not exist",
    source: moves("test_destination_needs_to_exist"),
    given: buried(1),
    ask: move({ DestinationArn: queueArn("other") }),
    refused: {
      status: 404,
      code: "ResourceNotFoundException",
      message: "The resource that you specified for the DestinationArn parameter doesn't exist.",
    },
  },
  {
    name: "StartMessageMoveTask while one runs",
    source: moves("test_start_multiple_move_tasks"),
    given: [...buried(2), queue("other"), move(slow)],
    ask: move(slow),
    refused: wrongValue(
      "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
    ),
  },
  {
    name: "ListMessageMoveTasks while one runs",
    source: moves("test_move_task_cancel"),
    given: [...buried(4), queue("other"), move(slow, "task"), wait(1)],
    ask: tasks,
    answer: {
      Results: [{
        TaskHandle: "<task.TaskHandle>",
        Status: "RUNNING",
        SourceArn: queueArn("dlq"),
        DestinationArn: queueArn("other"),
        MaxNumberOfMessagesPerSecond: 1,
        ApproximateNumberOfMessagesMoved: 2,
        ApproximateNumberOfMessagesToMove: 4,
        StartedTimestamp: "<number>",
      }],
    },
  },
  {
    name: "CancelMessageMoveTask",
    source: moves("test_move_task_cancel"),
    given: [...buried(4), queue("other"), move(slow, "task"), wait(1)],
    ask: sqs("CancelMessageMoveTask", { TaskHandle: "<task.TaskHandle>" }),
    answer: { ApproximateNumberOfMessagesMoved: 2 },
  },
  {
    name: "ListMessageMoveTasks after the destination was deleted",
    source: moves("test_move_task_delete_destination_queue_while_running"),
    given: [
      ...buried(4),
      queue("other"),
      move(slow),
      wait(1),
      sqs("DeleteQueue", { QueueUrl: "<other.QueueUrl>" }),
      wait(1),
    ],
    ask: tasks,
    answer: {
      Results: [{
        Status: "FAILED",
        FailureReason: "AWS.SimpleQueueService.NonExistentQueue",
        SourceArn: queueArn("dlq"),
        DestinationArn: queueArn("other"),
        MaxNumberOfMessagesPerSecond: 1,
        ApproximateNumberOfMessagesMoved: 2,
        ApproximateNumberOfMessagesToMove: 4,
        StartedTimestamp: "<number>",
      }],
    },
  },
  {
    name: "CancelMessageMoveTask with garbage",
    source: moves("test_cancel_with_invalid_task_handle"),
    given: [],
    ask: sqs("CancelMessageMoveTask", { TaskHandle: "foobared" }),
    refused: wrongValue("Value for parameter TaskHandle is invalid."),
  },
  {
    name: "CancelMessageMoveTask of a queue that does not exist",
    source: moves("test_cancel_with_invalid_source_arn_in_task_handle"),
    given: [],
    ask: sqs("CancelMessageMoveTask", { TaskHandle: handleOf(queueArn("q")) }),
    refused: {
      status: 404,
      code: "ResourceNotFoundException",
      message: "The resource that you specified for the SourceArn parameter doesn't exist.",
    },
  },
  {
    name: "CancelMessageMoveTask of a task that does not exist",
    source: moves("test_cancel_with_invalid_task_id_in_task_handle"),
    given: [queue("q")],
    ask: sqs("CancelMessageMoveTask", { TaskHandle: handleOf(queueArn("q")) }),
    refused: {
      status: 404,
      code: "ResourceNotFoundException",
      message: "Task does not exist.",
    },
  },
  {
    name: "ListDeadLetterSourceQueues",
    source: sqsPage("ListDeadLetterSourceQueues"),
    given: buried(0),
    ask: sqs("ListDeadLetterSourceQueues", { QueueUrl: "<dlq.QueueUrl>" }),
    answer: { queueUrls: ["<q.QueueUrl>"] },
    protocol: "json",
  },
];

const NEEDED: readonly (readonly [string, Record<string, unknown>, string])[] = [
  ["CancelMessageMoveTask", {}, "TaskHandle"],
  ["CreateQueue", {}, "QueueName"],
  ["GetQueueUrl", {}, "QueueName"],
  ["ListMessageMoveTasks", {}, "SourceArn"],
  ["StartMessageMoveTask", {}, "SourceArn"],
  ["DeleteQueue", {}, "QueueUrl"],
  ["DeleteMessage", { QueueUrl: "<q.QueueUrl>" }, "ReceiptHandle"],
  ["AddPermission", {
    QueueUrl: "<q.QueueUrl>",
    AWSAccountIds: [OTHER],
    Actions: ["SendMessage"],
  }, "Label"],
  ["RemovePermission", { QueueUrl: "<q.QueueUrl>" }, "Label"],
];

const LACKING: readonly Row[] = NEEDED.map(([action, input, parameter]) => ({
  name: `${action} without ${parameter}`,
  source: sqsPage(action),
  given: [queue("q")],
  ask: sqs(action, input),
  refused: lacks(parameter),
}));

export const SQS_QUEUES: readonly Row[] = [
  ...MISSING,
  ...CREATED,
  ...KEPT,
  ...PERMISSIONS,
  ...MOVED,
  ...LACKING,
];
