/**
 * The differences from other brokers that are known: who is right, and how that is known. The page
 * docs/emulator_differences.md is made of them.
 */
import { recorded, snsPage, sqsPage } from "../corpus/row.ts";

/** A known difference. */
export interface Known {
  /** The brokers that differ. */
  readonly brokers: readonly string[];
  /** The signatures of the difference. */
  readonly pattern: RegExp;
  /** What differs. */
  readonly what: string;
  /** `emulator`, or `open` where no answer of AWS is known. */
  readonly right: "emulator" | "open";
  readonly why: string;
  /** Where it is written. */
  readonly source?: string;
}

const EVERY = ["elasticmq", "fauxqs", "localstack", "ministack", "moto"];
const sns = (test: string) => recorded(test, "sns/test_sns");
const filters = (test: string) => recorded(test, "sns/test_sns_filter_policy");

/** The rows of the page, in its order. A difference belongs to the first that fits. */
export const KNOWN: readonly Known[] = [
  {
    brokers: ["fauxqs"],
    pattern:
      /(AddPermission|RemovePermission|\w*MessageMoveTasks?|ListDeadLetterSourceQueues|Nonsense): .* 400 InvalidAction there/,
    what: "Actions that the broker lacks: permissions, move tasks, the sources of dead letters",
    right: "emulator",
    why: "SQS has 23 actions.",
    source:
      "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Operations.html",
  },
  {
    brokers: ["ministack"],
    pattern: /(\w*MessageMoveTasks?|ListDeadLetterSourceQueues): .* 400 InvalidAction there/,
    what: "Actions that the broker lacks: move tasks, the sources of dead letters",
    right: "emulator",
    why: "SQS has 23 actions.",
    source:
      "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Operations.html",
  },
  {
    brokers: EVERY,
    pattern: /here, 500 /,
    what: "The broker fails with status 500",
    right: "emulator",
    why: "A request that makes no sense is the fault of the caller, and is refused.",
    source:
      "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html",
  },
  {
    brokers: EVERY,
    pattern: /^Nonsense: /,
    what: "The code for an action that does not exist",
    right: "open",
    why: "The documentation names InvalidAction; newer services answer UnknownOperationException.",
    source:
      "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html",
  },
  {
    brokers: EVERY,
    pattern:
      /^(Send|Delete|ChangeVisibility|ChangeMessage)\w*Batch: 400 (InvalidBatchEntryId|BatchEntryIdsNotDistinct|EmptyBatchRequest|TooManyEntriesInBatchRequest) here/,
    what:
      "A batch with bad, equal, too many or no entries is accepted, or refused for something else",
    right: "emulator",
    why: "The four rules refuse the whole request.",
    source: recorded("test_delete_message_batch_invalid_msg_id"),
  },
  {
    brokers: ["moto"],
    pattern:
      /^(Delete|ChangeMessageVisibility)\w*Batch: done here, 400 BatchEntryIdsNotDistinct there/,
    what: "Two entries with one receipt handle are refused as equal",
    right: "emulator",
    why: "Only the ids of entries must differ.",
    source: sqsPage("DeleteMessageBatch"),
  },
  {
    brokers: EVERY,
    pattern:
      /^PublishBatch: 400 (InvalidBatchEntryId|BatchEntryIdsNotDistinct|EmptyBatchRequest|TooManyEntriesInBatchRequest) here/,
    what:
      "A batch of SNS with bad, equal, too many or no entries is accepted, or refused for something else",
    right: "emulator",
    why: "The four rules refuse the whole request.",
    source: sns("test_publish_batch_exceptions"),
  },
  {
    brokers: EVERY,
    pattern: /^PublishBatch: 400 (InvalidParameter|ParameterValueInvalid|ValidationError) here/,
    what:
      "A batch of SNS with one invalid message is published in part, or refused with another code",
    right: "emulator",
    why: "One invalid entry refuses the whole request.",
    source: sns("test_empty_or_wrong_message_attributes"),
  },
  {
    brokers: EVERY,
    pattern: /^SendMessageBatch: 400 InvalidParameterValue here/,
    what:
      "A batch for a FIFO queue with an entry without a group or an id is accepted, or refused with another code",
    right: "emulator",
    why: "Such an entry refuses the whole request with InvalidParameterValue.",
    source: recorded("test_send_batch_missing_message_group_id_for_fifo_queue"),
  },
  {
    brokers: EVERY,
    pattern: /^SendMessageBatch: done here, 400 /,
    what: "One message with a wrong attribute or body refuses a whole batch of SQS",
    right: "emulator",
    why: "An invalid message is a failed entry; the others are stored.",
    source: recorded("test_batch_send_with_invalid_char_should_succeed"),
  },
  {
    brokers: ["fauxqs"],
    pattern:
      /^SendMessage(Batch)?: .*(InvalidMessageContents there|Failed only there|Failed.Code differs|Successful only here)|^SendMessageBatch: Failed/,
    what: "Characters beyond U+FFFF, such as emoji, are refused",
    right: "emulator",
    why: "SQS takes #x10000 to #x10FFFF.",
    source: sqsPage("SendMessage"),
  },
  {
    brokers: EVERY,
    pattern:
      /^SendMessage: 400 MissingParameter here, done there|^SendMessageBatch: (Failed only here|Failed.Code differs|Failed of another|Failed.Id)/,
    what:
      "An empty body, or a wrong attribute, is stored, or fails with a code that SQS does not have",
    right: "emulator",
    why: "An empty body is a missing parameter, an empty or unknown attribute an invalid value.",
    source: recorded("test_send_empty_message"),
  },
  {
    brokers: EVERY,
    pattern: /^SendMessage: 400 (InvalidParameterValue|MissingParameter) here/,
    what:
      "Groups with spaces, ids for standard queues, attributes with two dots or no number are stored",
    right: "emulator",
    why: "The reference of SendMessage has these rules.",
    source: sqsPage("SendMessage"),
  },
  {
    brokers: EVERY,
    pattern: /^(SendMessage|Publish)(Batch)?: .*SequenceNumber only here/,
    what: "A message in a FIFO queue or topic has no sequence number",
    right: "emulator",
    why: "The answer carries it.",
    source: sns("test_publish_fifo_messages_to_dlq"),
  },
  {
    brokers: EVERY,
    pattern: /^(SendMessage|Publish)(Batch)?: .*MessageId differs/,
    what: "A duplicate gets an id of its own, or de-duplicates otherwise",
    right: "emulator",
    why: "AWS answers a duplicate with the id of the first message.",
    source: sns("test_publish_batch_messages_from_fifo_topic_to_fifo_queue"),
  },
  {
    brokers: EVERY,
    pattern:
      /^(Delete|ChangeVisibility|ChangeMessage)\w*: .*(ReceiptHandleIsInvalid here|InvalidParameterValue here, done there)/,
    what:
      "Handles that no receive gave, expired handles of FIFO queues, or more than twelve hours are accepted",
    right: "emulator",
    why:
      "A handle that is none is ReceiptHandleIsInvalid, an expired one of a FIFO queue an invalid value, 43,201 seconds as well.",
    source: recorded("test_fifo_delete_after_visibility_timeout"),
  },
  {
    brokers: EVERY,
    pattern: /^(Delete|ChangeMessageVisibility)\w*Batch: .*(Failed|Successful)/,
    what:
      "Entries with such handles succeed, or fail by the fault of the service, or with another code",
    right: "emulator",
    why: "They fail by the fault of the sender.",
    source: sqsPage("DeleteMessageBatch"),
  },
  {
    brokers: EVERY,
    pattern: /^(Delete|ChangeVisibility|ChangeMessage)\w*: .* here, \d+ \w+ there/,
    what: "Of two faults in one request, the other is told",
    right: "open",
    why: "No answer of AWS tells which of two faults it names.",
  },
  {
    brokers: EVERY,
    pattern: /^ReceiveMessage: 400 \w+ here, done there/,
    what: "A visibility timeout of more than twelve hours, or 0 or 11 messages, is accepted",
    right: "emulator",
    why: "The values are from 0 to 43,200, and from 1 to 10.",
    source: recorded("test_send_receive_max_number_of_messages"),
  },
  {
    brokers: EVERY,
    pattern: /^ReceiveMessage: Messages.Attributes only here/,
    what: "MessageSystemAttributeNames means nothing in the Query protocol",
    right: "emulator",
    why: "It means the same in both protocols.",
    source: recorded("test_receive_message_message_system_attribute_names_filters"),
  },
  {
    brokers: ["fauxqs"],
    pattern: /^ReceiveMessage: .*(MessageAttributes|MD5OfMessageAttributes)/,
    what: "Attributes come without being asked for, or with the digest of all",
    right: "emulator",
    why: "A receive without names has none; the digest is over what is returned.",
    source: recorded("test_receive_message_message_attribute_names_filters"),
  },
  {
    brokers: EVERY,
    pattern: /^ReceiveMessage: /,
    what: "What a queue holds after refused duplicates, dead letters and settled groups",
    right: "emulator",
    why:
      "A dead letter leaves its queue when it would be received once too often; a FIFO queue de-duplicates for five minutes, also after a delete.",
    source: recorded("test_fifo_deduplication_arrives_once_after_delete"),
  },
  {
    brokers: ["elasticmq"],
    pattern:
      /: 400 (NonExistentQueue|QueueAlreadyExists) here, 400 (QueueDoesNotExist|QueueNameExists) there/,
    what: "In JSON, the header x-amzn-query-error names the shape of an error",
    right: "emulator",
    why: "It names the code of the Query protocol, which older programs know.",
    source: recorded("test_non_existent_queue"),
  },
  {
    brokers: ["elasticmq"],
    pattern: /^SetQueueAttributes: done here, 400 |^GetQueueAttributes: Attributes only here/,
    what:
      "Attributes that the broker does not have: Policy, encryption, content-based de-duplication set later, an empty redrive policy",
    right: "emulator",
    why: "SQS has them.",
    source: sqsPage("SetQueueAttributes"),
  },
  {
    brokers: ["elasticmq"],
    pattern:
      /^(CreateQueue|SendMessage|ReceiveMessage): 400 \w+ here, 400 InvalidAttribute\w+ there/,
    what: "Wrong parameters are called attributes",
    right: "emulator",
    why: "They are InvalidParameterValue and MissingParameter.",
    source: recorded("test_send_receive_max_number_of_messages"),
  },
  {
    brokers: EVERY,
    pattern: /^CreateQueue: 400 InvalidParameterValue here, done there/,
    what:
      "Queues with names that SQS does not take: spaces, or the suffix of FIFO queues on the wrong type",
    right: "emulator",
    why: "Both are refused.",
    source: recorded("test_standard_queue_cannot_have_fifo_suffix"),
  },
  {
    brokers: EVERY,
    pattern: /^CreateQueue: 400 QueueAlreadyExists here/,
    what: "The code for a queue that has other attributes",
    right: "emulator",
    why: "QueueAlreadyExists is the code, QueueNameExists the shape.",
    source: recorded("test_create_queue_with_different_attributes_raises_exception"),
  },
  {
    brokers: EVERY,
    pattern: /^(Set|Get)QueueAttributes: 400 Invalid\w+ here/,
    what:
      "Unknown attributes, or values out of their range, are accepted, or refused with another code",
    right: "emulator",
    why:
      "They are InvalidAttributeName and InvalidAttributeValue; a wrong redrive policy is InvalidParameterValue.",
    source: recorded("test_set_unsupported_attribute_standard"),
  },
  {
    brokers: EVERY,
    pattern:
      /^GetQueueAttributes: (.*(SqsManagedSseEnabled|DeduplicationScope|FifoThroughputLimit|RedrivePolicy|KmsMasterKeyId)|Attributes only there)/,
    what: "Attributes that every queue has are missing, or refused values were kept",
    right: "emulator",
    why: "SQS encrypts by default, and says so.",
    source: recorded("test_set_queue_attributes_default_values"),
  },
  {
    brokers: ["localstack"],
    pattern: /^GetQueueAttributes: Attributes.ApproximateNumberOfMessages differs/,
    what: "A topic delivers a moment after its answer",
    right: "open",
    why: "SNS promises no time; the emulator delivers before it answers.",
    source: snsPage("Publish"),
  },
  {
    brokers: EVERY,
    pattern: /^PurgeQueue: 403 PurgeQueueInProgress here, done there/,
    what: "A queue is purged twice within a minute",
    right: "emulator",
    why: "The second purge is refused.",
    source: recorded("test_successive_purge_calls_fail"),
  },
  {
    brokers: EVERY,
    pattern: /^GetQueueAttributes: .*Policy/,
    what: "The policy that AddPermission writes",
    right: "emulator",
    why:
      "Its version is 2008-10-17, its actions begin with SQS:, and one member stands without a list.",
    source: recorded("test_sqs_permission_lifecycle"),
  },
  {
    brokers: EVERY,
    pattern: /^(AddPermission|RemovePermission): /,
    what: "Which code a label that is not there, or is there already, has",
    right: "emulator",
    why: "It is an invalid value.",
    source: recorded("test_sqs_permission_lifecycle"),
  },
  {
    brokers: EVERY,
    pattern: /^\w*MessageMoveTasks?: /,
    what: "Handles and queues of move tasks",
    right: "emulator",
    why: "A task needs a dead-letter queue, and a handle that is none is an invalid value.",
    source: recorded("test_source_needs_redrive_policy", "sqs/test_sqs_move_task"),
  },
  {
    brokers: EVERY,
    pattern: /^CreateTopic: /,
    what: "Topics with other attributes, or names that SNS does not take, are created",
    right: "emulator",
    why: "Both are an InvalidParameter.",
    source: sns("test_create_topic_different_attrs"),
  },
  {
    brokers: EVERY,
    pattern: /^Subscribe: 400 InvalidParameter here/,
    what:
      "FIFO queues on standard topics, filters without values, unknown protocols and ARNs are accepted, or have another code",
    right: "emulator",
    why: "They are refused with InvalidParameter.",
    source: filters("test_validate_policy_string_operators"),
  },
  {
    brokers: EVERY,
    pattern: /^Subscribe: (done here|404 NotFound here)/,
    what: "Subscribing again without attributes is refused",
    right: "emulator",
    why: "No attributes differ from none.",
    source: sns("test_subscribe_idempotency"),
  },
  {
    brokers: EVERY,
    pattern:
      /^Publish: 400 InvalidParameter here, 400 ParameterValueInvalid there|^Publish: 400 ParameterValueInvalid here, 400 InvalidParameter there/,
    what: "Of two faults in one message, the other is told",
    right: "open",
    why: "No answer of AWS tells which of two faults it names.",
  },
  {
    brokers: EVERY,
    pattern: /^Publish: (400 \w+|404 \w+) here/,
    what:
      "Empty messages and subjects, subjects with line breaks, wrong attributes, structures and groups are published, or have another code",
    right: "emulator",
    why: "They are InvalidParameter, and ParameterValueInvalid for attributes.",
    source: sns("test_publish_with_empty_subject"),
  },
  {
    brokers: EVERY,
    pattern:
      /^(GetSubscriptionAttributes|SetSubscriptionAttributes): 400 InvalidParameter here, 404 NotFound there/,
    what: "A subscription is named by a text that is no ARN",
    right: "open",
    why: "For Unsubscribe, AWS answers InvalidParameter; for these two, no answer is known.",
    source: sns("test_unsubscribe_wrong_arn_format"),
  },
  {
    brokers: EVERY,
    pattern:
      /^(Unsubscribe|ConfirmSubscription|SetSubscriptionAttributes|SetTopicAttributes|\w*Topic\w*): (400|404) \w+ here/,
    what:
      "Unknown attributes, texts that are no ARN, and tokens that are none are accepted, or have another code",
    right: "emulator",
    why: "They are an InvalidParameter.",
    source: sns("test_validate_set_sub_attributes"),
  },
  {
    brokers: EVERY,
    pattern: /^(TagResource|UntagResource|ListTagsForResource): /,
    what: "Tags of a topic that does not exist",
    right: "emulator",
    why: "It is a ResourceNotFound.",
    source: snsPage("ListTagsForResource"),
  },
  {
    brokers: EVERY,
    pattern:
      /^(GetTopicAttributes|GetSubscriptionAttributes|ListSubscriptionsByTopic): Attributes|^ListSubscriptionsByTopic/,
    what: "The policies of a topic, its counts, and the principal of a subscription",
    right: "emulator",
    why:
      "Every topic has a policy and an effective delivery policy, every subscription a principal.",
    source: sns("test_create_topic_with_attributes"),
  },
];

/** Returns the row of the page that a difference belongs to; `undefined` if there is none. */
export function knownAs(broker: string, signature: string): Known | undefined {
  return KNOWN.find(({ brokers, pattern }) => brokers.includes(broker) && pattern.test(signature));
}

/** The table of the page. */
export function table(): string {
  const rows = KNOWN.map(({ what, brokers, right, why, source }) => {
    const link = source === undefined ? "" : ` ([source](${source.split(" ")[0]}))`;
    const test = source?.split(" ")[1];
    const named = test === undefined ? "" : ` \`${test}\``;
    const whose = brokers.length === EVERY.length ? "one or more" : brokers.join(", ");
    return `| ${what} | ${whose} | ${right} | ${why}${link}${named} |`;
  });
  return ["| difference | brokers | who is right | why |", "| --- | --- | --- | --- |", ...rows]
    .join(
      "\n",
    );
}
