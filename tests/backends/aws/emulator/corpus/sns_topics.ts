/** Topics of SNS: creating, attributes, tags, permissions. */
import { recorded, type Refusal, type Row, sns, snsPage, topic, topicArn } from "./row.ts";

const ARN = topicArn("t");
const SUITE = "sns/test_sns";
const said = (test: string) => recorded(test, SUITE);

/** Why a parameter of SNS is refused. */
export function invalid(what: string): Refusal {
  return { status: 400, code: "InvalidParameter", message: `Invalid parameter: ${what}` };
}

/** Why a call about a topic is refused that does not exist. */
export const NO_TOPIC: Refusal = {
  status: 404,
  code: "NotFound",
  message: "Topic does not exist",
};

const POLICY_ACTIONS = [
  "GetTopicAttributes",
  "SetTopicAttributes",
  "AddPermission",
  "RemovePermission",
  "DeleteTopic",
  "Subscribe",
  "ListSubscriptionsByTopic",
  "Publish",
].map((action) => `SNS:${action}`);

const ownStatement = (arn: string) => ({
  Sid: "__default_statement_ID",
  Effect: "Allow",
  Principal: { AWS: "*" },
  Action: POLICY_ACTIONS,
  Resource: arn,
  Condition: { StringEquals: { "AWS:SourceOwner": "000000000000" } },
});
const policyOf = (arn: string, ...more: object[]) =>
  JSON.stringify({
    Version: "2008-10-17",
    Id: "__default_policy_ID",
    Statement: [ownStatement(arn), ...more],
  });

const RETRIES = {
  minDelayTarget: 20,
  maxDelayTarget: 20,
  numRetries: 3,
  numMaxDelayRetries: 0,
  numNoDelayRetries: 0,
  numMinDelayRetries: 0,
  backoffFunction: "linear",
};
const effective = (retries: object = {}, headerContentType = "text/plain; charset=UTF-8") =>
  JSON.stringify({
    http: {
      defaultHealthyRetryPolicy: { ...RETRIES, ...retries },
      disableSubscriptionOverrides: false,
      defaultRequestPolicy: { headerContentType },
    },
  });

const described = (arn: string, more: Record<string, string> = {}) => ({
  Attributes: {
    TopicArn: arn,
    Owner: "000000000000",
    DisplayName: "",
    Policy: policyOf(arn),
    EffectiveDeliveryPolicy: effective(),
    SubscriptionsConfirmed: "0",
    SubscriptionsDeleted: "0",
    SubscriptionsPending: "0",
    ...more,
  },
});

const create = (Name: string, input: Record<string, unknown> = {}) =>
  sns("CreateTopic", { Name, ...input });
const attributes = (TopicArn = ARN) => sns("GetTopicAttributes", { TopicArn });
const set = (AttributeName: string, AttributeValue: string, TopicArn = ARN) =>
  sns("SetTopicAttributes", { TopicArn, AttributeName, AttributeValue });

const CREATED: readonly Row[] = [
  {
    name: "CreateTopic",
    source: said("test_create_topic_test_arn"),
    given: [],
    ask: create("t"),
    answer: { TopicArn: ARN },
  },
  {
    name: "the attributes of a standard topic",
    source: said("test_create_topic_test_arn"),
    given: [topic("t")],
    ask: attributes(),
    answer: described(ARN),
  },
  {
    name: "the attributes of a FIFO topic",
    source: said("test_publish_fifo_messages_to_dlq"),
    given: [topic("t.fifo")],
    ask: attributes(topicArn("t.fifo")),
    answer: described(topicArn("t.fifo"), {
      FifoTopic: "true",
      ContentBasedDeduplication: "false",
    }),
  },
  {
    name: "the attributes that a FIFO topic was created with",
    source: said("test_create_topic_with_attributes"),
    given: [topic("t.fifo", { DisplayName: "TestTopic", SignatureVersion: "2" })],
    ask: attributes(topicArn("t.fifo")),
    answer: described(topicArn("t.fifo"), {
      FifoTopic: "true",
      ContentBasedDeduplication: "false",
      DisplayName: "TestTopic",
      SignatureVersion: "2",
    }),
  },
  {
    name: "the attributes of a topic with FifoTopic false",
    source: said("test_topic_get_attributes_with_fifo_false"),
    given: [topic("t", { FifoTopic: "false" })],
    ask: attributes(),
    answer: described(ARN),
  },
  {
    name: "the attributes of a topic that does not exist",
    source: said("test_create_topic_with_attributes"),
    given: [],
    ask: attributes(),
    refused: NO_TOPIC,
  },
  {
    name: "the attributes of no ARN",
    source: said("test_create_topic_with_attributes"),
    given: [],
    ask: attributes("test"),
    refused: invalid("TopicArn Reason: An ARN must have at least 6 elements, not 1"),
  },
  {
    name: "the attributes of a deleted topic",
    source: said("test_create_topic_test_arn"),
    given: [topic("t"), sns("DeleteTopic", { TopicArn: ARN })],
    ask: attributes(),
    refused: NO_TOPIC,
  },
  {
    name: "DeleteTopic twice",
    source: said("test_delete_topic_idempotency"),
    given: [topic("t"), sns("DeleteTopic", { TopicArn: ARN })],
    ask: sns("DeleteTopic", { TopicArn: ARN }),
    answer: {},
  },
  {
    name: "a topic name of 256 characters",
    source: said("test_create_topic_name_constraints"),
    given: [],
    ask: create("a".repeat(256)),
    answer: { TopicArn: topicArn("a".repeat(256)) },
  },
  ...[
    "",
    "a".repeat(257),
    "test.fifo",
    ...[":", ";", "!", "@", "|", "^", "%", " "].map((character) => `bad${character}name`),
  ].map((name): Row => ({
    name: `the topic name ${JSON.stringify(name.slice(0, 20))}`,
    source: said("test_create_topic_name_constraints"),
    given: [],
    ask: create(name),
    refused: invalid("Topic Name"),
  })),
  {
    name: "the name of a FIFO topic without the suffix",
    source: said("test_create_topic_name_constraints"),
    given: [],
    ask: create("test", { Attributes: { FifoTopic: "true" } }),
    refused: invalid("Topic Name"),
  },
  ...[{ DisplayName: "Value1" }, { FifoTopic: "false" }, {}].map((Attributes): Row => ({
    name: `CreateTopic again with ${JSON.stringify(Attributes)}`,
    source: said("test_create_topic_different_attrs"),
    given: [topic("t", { DisplayName: "Value1" })],
    ask: create("t", { Attributes }),
    answer: { TopicArn: ARN },
  })),
  ...[
    { DisplayName: "Value2" },
    { SignatureVersion: "2" },
    { SignatureVersion: "2", DisplayName: "Value1" },
  ].map((Attributes): Row => ({
    name: `CreateTopic again with ${JSON.stringify(Attributes)}, which differs`,
    source: said("test_create_topic_different_attrs"),
    given: [topic("t", { DisplayName: "Value1" })],
    ask: create("t", { Attributes }),
    refused: invalid("Attributes Reason: Topic already exists with different attributes"),
  })),
  {
    name: "CreateTopic again with more tags",
    source: said("test_create_duplicate_topic_with_more_tags"),
    given: [topic("t")],
    ask: create("t", { Tags: [{ Key: "key1", Value: "value1" }] }),
    refused: invalid("Tags Reason: Topic already exists with different tags"),
  },
  ...[[{ Key: "a", Value: "1" }, { Key: "b", Value: "2" }], [{ Key: "a", Value: "1" }], []].map(
    (Tags): Row => ({
      name: `CreateTopic again with ${Tags.length} of its two tags`,
      source: said("test_create_duplicate_topic_check_idempotency"),
      given: [create("t", { Tags: [{ Key: "a", Value: "1" }, { Key: "b", Value: "2" }] })],
      ask: create("t", { Tags }),
      answer: { TopicArn: ARN },
    }),
  ),
  {
    name: "ListTopics of another region",
    source: said("test_create_topic_in_multiple_regions"),
    given: [topic("t")],
    ask: { ...sns("ListTopics", {}), region: "us-east-1" },
    answer: { Topics: [] },
  },
  {
    name: "ListTopics",
    source: said("test_create_topic_in_multiple_regions"),
    given: [topic("t")],
    ask: sns("ListTopics", {}),
    answer: { Topics: [{ TopicArn: ARN }] },
  },
  ...[
    sns("SetTopicAttributes", {
      TopicArn: ARN,
      AttributeName: "DisplayName",
      AttributeValue: "xenon",
    }),
    attributes(),
    sns("Publish", { TopicArn: ARN, Message: "hello world" }),
    sns("PublishBatch", {
      TopicArn: ARN,
      PublishBatchRequestEntries: [{ Id: "1", Message: "a" }],
    }),
    sns("Subscribe", {
      TopicArn: ARN,
      Protocol: "sqs",
      Endpoint: "arn:aws:sqs:eu-west-1:000000000000:q",
    }),
    sns("ListSubscriptionsByTopic", { TopicArn: ARN }),
    sns("DeleteTopic", { TopicArn: ARN }),
  ].map((step): Row => ({
    name: `${step.action} of a topic of another region`,
    source: said("test_cross_region_access"),
    given: [topic("t")],
    ask: { ...step, region: "us-east-1" },
    refused: invalid("TopicArn"),
  })),
];

const JSON_TYPE = {
  http: { defaultRequestPolicy: { headerContentType: "application/json" } },
};
const FEW = {
  http: {
    defaultHealthyRetryPolicy: { minDelayTarget: 5, maxDelayTarget: 6, numRetries: 1 },
  },
};
const stored = (policy: { http: object }) =>
  JSON.stringify({ http: { ...policy.http, disableSubscriptionOverrides: false } });
const POLICIES = said("test_topic_delivery_policy_crud");

const CHANGED: readonly Row[] = [
  {
    name: "FifoTopic cannot be set",
    source: said("test_topic_get_attributes_with_fifo_false"),
    given: [topic("t")],
    ask: set("FifoTopic", "false"),
    refused: invalid("AttributeName"),
  },
  {
    name: "an attribute that no topic has",
    source: snsPage("SetTopicAttributes"),
    given: [topic("t")],
    ask: set("Nothing", "1"),
    refused: invalid("AttributeName"),
  },
  {
    name: "a delivery policy with a content type",
    source: POLICIES,
    given: [topic("t"), set("DeliveryPolicy", JSON.stringify(JSON_TYPE))],
    ask: attributes(),
    answer: described(ARN, {
      DeliveryPolicy: stored(JSON_TYPE),
      EffectiveDeliveryPolicy: effective({}, "application/json"),
    }),
  },
  {
    name: "a delivery policy with retries",
    source: POLICIES,
    given: [topic("t"), set("DeliveryPolicy", JSON.stringify(FEW))],
    ask: attributes(),
    answer: described(ARN, {
      DeliveryPolicy: stored(FEW),
      EffectiveDeliveryPolicy: effective(FEW.http.defaultHealthyRetryPolicy),
    }),
  },
  {
    name: "an empty delivery policy takes it away",
    source: POLICIES,
    given: [topic("t"), set("DeliveryPolicy", JSON.stringify(FEW)), set("DeliveryPolicy", "")],
    ask: attributes(),
    answer: described(ARN),
  },
  {
    name: "the role of a feedback",
    source: said("test_delivery_lambda"),
    given: [
      topic("t"),
      set("LambdaSuccessFeedbackRoleArn", "arn:aws:iam::000000000000:role/r"),
      set("LambdaSuccessFeedbackSampleRate", "100"),
    ],
    ask: attributes(),
    answer: described(ARN, {
      LambdaSuccessFeedbackRoleArn: "arn:aws:iam::000000000000:role/r",
      LambdaSuccessFeedbackSampleRate: "100",
    }),
  },
];

const tag = (...Tags: { Key: string; Value: string }[]) =>
  sns("TagResource", { ResourceArn: ARN, Tags });
const tags = sns("ListTagsForResource", { ResourceArn: ARN });
const ONE = { Key: "k1", Value: "v1" };
const TWO = { Key: "k2", Value: "v2" };

const TAGGED: readonly Row[] = [
  {
    name: "a tag twice",
    source: said("test_tags"),
    given: [topic("t")],
    ask: tag(ONE, { ...ONE, Value: "v2" }),
    refused: invalid("Duplicated keys are not allowed."),
  },
  {
    name: "the tags of a topic",
    source: said("test_tags"),
    given: [topic("t"), tag(ONE, TWO)],
    ask: tags,
    answer: { Tags: [ONE, TWO] },
  },
  {
    name: "the tags after one was taken away",
    source: said("test_tags"),
    given: [topic("t"), tag(ONE, TWO), sns("UntagResource", { ResourceArn: ARN, TagKeys: ["k1"] })],
    ask: tags,
    answer: { Tags: [TWO] },
  },
  {
    name: "the tags after one got another value",
    source: said("test_tags"),
    given: [topic("t"), tag(TWO), tag({ ...TWO, Value: "v2b" })],
    ask: tags,
    answer: { Tags: [{ ...TWO, Value: "v2b" }] },
  },
  {
    name: "the tags of a topic that was deleted and created again",
    source: said("test_tags_removed_after_deletion"),
    given: [topic("t"), tag(ONE, TWO), sns("DeleteTopic", { TopicArn: ARN }), topic("t")],
    ask: tags,
    answer: { Tags: [] },
  },
  {
    name: "the tags of a topic that does not exist",
    source: snsPage("ListTagsForResource"),
    given: [],
    ask: tags,
    refused: { status: 404, code: "ResourceNotFound", message: "Resource does not exist" },
  },
];

const permit = (ActionName: string[], Label = "test", TopicArn = ARN) =>
  sns("AddPermission", { TopicArn, Label, AWSAccountId: ["000000000000"], ActionName });
const own = (Action: unknown) => ({
  Sid: "test",
  Effect: "Allow",
  Principal: { AWS: "arn:aws:iam::000000000000:root" },
  Action,
  Resource: ARN,
});

const PERMITTED: readonly Row[] = [
  {
    name: "the policy of a topic after AddPermission",
    source: said("test_topic_add_permission"),
    given: [topic("t"), permit(["Publish"])],
    ask: attributes(),
    answer: described(ARN, { Policy: policyOf(ARN, own("SNS:Publish")) }),
  },
  {
    name: "the policy of a topic after AddPermission for two actions",
    source: said("test_topic_add_multiple_permissions"),
    given: [topic("t"), permit(["Publish", "Subscribe"])],
    ask: attributes(),
    answer: described(ARN, { Policy: policyOf(ARN, own(["SNS:Publish", "SNS:Subscribe"])) }),
  },
  {
    name: "the policy of a topic after RemovePermission",
    source: said("test_topic_remove_permission"),
    given: [
      topic("t"),
      permit(["Publish"]),
      sns("RemovePermission", { TopicArn: ARN, Label: "test" }),
    ],
    ask: attributes(),
    answer: described(ARN),
  },
  {
    name: "AddPermission of SNS with a label that is there",
    source: said("test_add_permission_errors"),
    given: [topic("t"), permit(["Publish"])],
    ask: permit(["AddPermission"]),
    refused: invalid("Statement already exists"),
  },
  {
    name: "AddPermission of SNS for a topic that does not exist",
    source: said("test_add_permission_errors"),
    given: [],
    ask: permit(["AddPermission"]),
    refused: NO_TOPIC,
  },
  {
    name: "AddPermission of SNS for an action that does not exist",
    source: said("test_add_permission_errors"),
    given: [topic("t")],
    ask: permit(["InvalidAction"]),
    refused: invalid("Policy statement action out of service scope!"),
  },
  {
    name: "RemovePermission of SNS of a topic that does not exist",
    source: said("test_remove_permission_errors"),
    given: [],
    ask: sns("RemovePermission", { TopicArn: ARN, Label: "test" }),
    refused: NO_TOPIC,
  },
];

export const SNS_TOPICS: readonly Row[] = [...CREATED, ...CHANGED, ...TAGGED, ...PERMITTED];
