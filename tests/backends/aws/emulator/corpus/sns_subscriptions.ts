/** Subscriptions of SNS: subscribing, attributes, confirming, ending. */
import {
  queue,
  queueArn,
  recorded,
  type Row,
  sns,
  snsPage,
  type Step,
  topic,
  topicArn,
} from "./row.ts";
import { invalid, NO_TOPIC } from "./sns_topics.ts";

const said = (test: string) => recorded(test, "sns/test_sns");
const ARN = topicArn("t");
const FIFO_ARN = topicArn("f.fifo");

/** Subscribes a queue to a topic. */
export function subscribe(input: Record<string, unknown> = {}, as = "s"): Step {
  return sns(
    "Subscribe",
    {
      TopicArn: ARN,
      Protocol: "sqs",
      Endpoint: queueArn("q"),
      ReturnSubscriptionArn: true,
      ...input,
    },
    as,
  );
}

const set = (AttributeName: string, AttributeValue: string) =>
  sns("SetSubscriptionAttributes", {
    SubscriptionArn: "<s.SubscriptionArn>",
    AttributeName,
    AttributeValue,
  });
const get = (SubscriptionArn = "<s.SubscriptionArn>") =>
  sns("GetSubscriptionAttributes", { SubscriptionArn });
const subscribed = [topic("t"), queue("q"), subscribe()];
const described = (more: Record<string, string> = {}) => ({
  Attributes: {
    ConfirmationWasAuthenticated: "true",
    Endpoint: queueArn("q"),
    Owner: "000000000000",
    PendingConfirmation: "false",
    Protocol: "sqs",
    RawMessageDelivery: "false",
    SubscriptionArn: "<s.SubscriptionArn>",
    SubscriptionPrincipal: "arn:aws:iam::000000000000:user/…",
    TopicArn: ARN,
    ...more,
  },
});
const HTTP = { Protocol: "http", Endpoint: "http://example.com/", ReturnSubscriptionArn: false };
const SAME = said("test_subscribe_idempotency");

const SUBSCRIBED: readonly Row[] = [
  {
    name: "Subscribe with a protocol that SNS does not have",
    source: said("test_subscribe_with_invalid_protocol"),
    given: [topic("t")],
    ask: subscribe({ Protocol: "test-protocol", Endpoint: "localstack@yopmail.com" }),
    refused: invalid("Amazon SNS does not support this protocol string: test-protocol"),
  },
  {
    name: "Subscribe to a topic that does not exist",
    source: said("test_subscribe_unknown_topic"),
    given: [],
    ask: subscribe(),
    refused: NO_TOPIC,
  },
  ...["randomstring", "arn:aws:sns:us-east-1:random"].map((TopicArn): Row => ({
    name: `Subscribe to ${TopicArn}`,
    source: said("test_subscribe_with_invalid_topic"),
    given: [],
    ask: subscribe({ TopicArn }),
    refused: invalid(
      `TopicArn Reason: An ARN must have at least 6 elements, not ${TopicArn.split(":").length}`,
    ),
  })),
  {
    name: "Subscribe with the URL of a queue",
    source: said("test_subscribe_to_sqs_with_queue_url"),
    given: [topic("t"), queue("q")],
    ask: subscribe({ Endpoint: "<q.QueueUrl>" }),
    refused: invalid("SQS endpoint ARN"),
  },
  {
    name: "Subscribe with a queue that does not exist",
    source: said("test_subscribe_unknown_sqs_queue"),
    given: [topic("t")],
    ask: subscribe(),
    answer: { SubscriptionArn: `${ARN}:…` },
  },
  {
    name: "Subscribe a FIFO queue to a standard topic",
    source: said("test_validations_for_fifo"),
    given: [topic("t"), queue("q.fifo")],
    ask: subscribe({ Endpoint: queueArn("q.fifo") }),
    refused: invalid(
      "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics",
    ),
  },
  {
    name: "Subscribe a standard queue to a FIFO topic",
    source: said("test_validations_for_fifo"),
    given: [topic("f.fifo"), queue("q")],
    ask: subscribe({ TopicArn: FIFO_ARN }),
    answer: { SubscriptionArn: `${FIFO_ARN}:…` },
  },
  {
    name: "Subscribe twice",
    source: said("test_double_subscription"),
    given: subscribed,
    ask: subscribe(),
    answer: { SubscriptionArn: "<s.SubscriptionArn>" },
  },
  ...[
    { RawMessageDelivery: "true" },
    { RawMessageDelivery: "true", FilterPolicyScope: "MessageAttributes" },
    {},
    { FilterPolicyScope: "MessageAttributes" },
  ].map((Attributes): Row => ({
    name: `Subscribe again with ${JSON.stringify(Attributes)}`,
    source: SAME,
    given: [topic("t"), queue("q"), subscribe({ Attributes: { RawMessageDelivery: "True" } })],
    ask: subscribe({ Attributes }),
    answer: { SubscriptionArn: "<s.SubscriptionArn>" },
  })),
  {
    name: "Subscribe again with other attributes",
    source: SAME,
    given: [topic("t"), queue("q"), subscribe({ Attributes: { RawMessageDelivery: "True" } })],
    ask: subscribe({
      Attributes: { RawMessageDelivery: "false", FilterPolicyScope: "MessageBody" },
    }),
    refused: invalid("Attributes Reason: Subscription already exists with different attributes"),
  },
  {
    name: "Subscribe with a wrong value",
    source: said("test_create_subscriptions_with_attributes"),
    given: [topic("t"), queue("q")],
    ask: subscribe({ Attributes: { RawMessageDelivery: "wrongvalue" } }),
    refused: invalid(
      "Attributes Reason: RawMessageDelivery: Invalid value [wrongvalue]. Must be true or false.",
    ),
  },
  {
    name: "Subscribe an address that must confirm",
    source: said("test_http_subscription_response"),
    given: [topic("t")],
    ask: subscribe(HTTP),
    answer: { SubscriptionArn: "pending confirmation" },
  },
  {
    name: "Subscribe an address that must confirm, with its ARN",
    source: said("test_http_subscription_response"),
    given: [topic("t")],
    ask: subscribe({ ...HTTP, ReturnSubscriptionArn: true }),
    answer: { SubscriptionArn: `${ARN}:…` },
  },
];

const SCOPES = recorded("test_set_subscription_filter_policy_scope", "sns/test_sns_filter_policy");

const DESCRIBED: readonly Row[] = [
  {
    name: "the attributes of a subscription",
    source: said("test_subscribe_attributes"),
    given: subscribed,
    ask: get(),
    answer: described(),
  },
  {
    name: "the attributes of a raw subscription",
    source: said("test_creating_subscription_with_attributes"),
    given: [topic("t"), queue("q"), subscribe({ Attributes: { RawMessageDelivery: "True" } })],
    ask: get(),
    answer: described({ RawMessageDelivery: "true" }),
  },
  {
    name: "the attributes of a subscription with a filter",
    source: said("test_subscribe_sqs_queue"),
    given: [
      topic("t"),
      queue("q"),
      subscribe({ Attributes: { FilterPolicy: '{"attr1":[{"numeric":[">",0,"<=",100]}]}' } }),
    ],
    ask: get(),
    answer: described({
      FilterPolicy: '{"attr1":[{"numeric":[">",0,"<=",100]}]}',
      FilterPolicyScope: "MessageAttributes",
    }),
  },
  {
    name: "the attributes of a subscription with a scope and no filter",
    source: SCOPES,
    given: [...subscribed, set("FilterPolicyScope", "MessageBody")],
    ask: get(),
    answer: described(),
  },
  {
    name: "the attributes of a subscription with a scope, and then a filter",
    source: SCOPES,
    given: [
      ...subscribed,
      set("FilterPolicyScope", "MessageBody"),
      set("FilterPolicy", '{"attr":["match-this"]}'),
    ],
    ask: get(),
    answer: described({
      FilterPolicy: '{"attr":["match-this"]}',
      FilterPolicyScope: "MessageBody",
    }),
  },
  {
    name: "the attributes of a subscription with a dead-letter queue",
    source: said("test_subscription_after_failure_to_deliver"),
    given: [
      ...subscribed,
      queue("dlq"),
      set("RedrivePolicy", JSON.stringify({ deadLetterTargetArn: queueArn("dlq") })),
    ],
    ask: get(),
    answer: described({
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn: queueArn("dlq") }),
    }),
  },
  {
    name: "the attributes of a subscription that does not exist",
    source: said("test_get_subscription_attributes_error_not_exists"),
    given: [topic("t")],
    ask: get(`${ARN}:11111111-1111-1111-1111-111111111111`),
    refused: { status: 404, code: "NotFound", message: "Subscription does not exist" },
  },
  {
    name: "ListSubscriptionsByTopic",
    source: said("test_getting_subscriptions_by_topic"),
    given: subscribed,
    ask: sns("ListSubscriptionsByTopic", { TopicArn: ARN }),
    answer: {
      Subscriptions: [{
        SubscriptionArn: "<s.SubscriptionArn>",
        Owner: "000000000000",
        Protocol: "sqs",
        Endpoint: queueArn("q"),
        TopicArn: ARN,
      }],
    },
  },
  {
    name: "ListSubscriptionsByTopic after Unsubscribe",
    source: said("test_not_found_error_on_set_subscription_attributes"),
    given: [...subscribed, sns("Unsubscribe", { SubscriptionArn: "<s.SubscriptionArn>" })],
    ask: sns("ListSubscriptionsByTopic", { TopicArn: ARN }),
    answer: { Subscriptions: [] },
  },
];

const redrive = (deadLetterTargetArn: string) =>
  set("RedrivePolicy", JSON.stringify({ deadLetterTargetArn }));
const WRONG = said("test_validate_set_sub_attributes");

const CHANGED: readonly Row[] = [
  {
    name: "an attribute that no subscription has",
    source: WRONG,
    given: subscribed,
    ask: set("FakeAttribute", "test-value"),
    refused: invalid("AttributeName"),
  },
  ...["test-ValUe", ""].map((value): Row => ({
    name: `the value ${JSON.stringify(value)} for RawMessageDelivery`,
    source: WRONG,
    given: subscribed,
    ask: set("RawMessageDelivery", value),
    refused: invalid(
      `RawMessageDelivery: Invalid value [${value}]. Must be true or false.`,
    ),
  })),
  {
    name: "a redrive policy to no ARN",
    source: WRONG,
    given: subscribed,
    ask: redrive("fake-arn"),
    refused: invalid("RedrivePolicy: deadLetterTargetArn is an invalid arn"),
  },
  ...["RedrivePolicy", "FilterPolicy"].map((name): Row => ({
    name: `a ${name} that is no JSON`,
    source: WRONG,
    given: subscribed,
    ask: set(name, "{invalidjson}"),
    refused: invalid(`${name}: failed to parse JSON.…`),
  })),
  {
    name: "a scope that no filter has",
    source: SCOPES,
    given: subscribed,
    ask: set("FilterPolicyScope", "RandomValue"),
    refused: invalid(
      "FilterPolicyScope: Invalid value [RandomValue]. Please use either MessageBody or MessageAttributes",
    ),
  },
  {
    name: "a standard dead-letter queue for a FIFO queue",
    source: said("test_validations_for_fifo"),
    given: [
      topic("f.fifo"),
      queue("q.fifo"),
      queue("dlq"),
      subscribe({ TopicArn: FIFO_ARN, Endpoint: queueArn("q.fifo") }),
    ],
    ask: redrive(queueArn("dlq")),
    refused: invalid(
      "RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic.",
    ),
  },
  {
    name: "a standard dead-letter queue for a standard queue of a FIFO topic",
    source: said("test_validations_for_fifo"),
    given: [
      topic("f.fifo"),
      queue("q"),
      queue("dlq"),
      subscribe({ TopicArn: FIFO_ARN }),
    ],
    ask: redrive(queueArn("dlq")),
    answer: {},
  },
  {
    name: "an attribute of a subscription that was ended",
    source: said("test_not_found_error_on_set_subscription_attributes"),
    given: [...subscribed, sns("Unsubscribe", { SubscriptionArn: "<s.SubscriptionArn>" })],
    ask: set("RawMessageDelivery", "true"),
    refused: { status: 404, code: "NotFound", message: "Subscription does not exist" },
  },
];

const unsubscribe = (input: Record<string, unknown>) => sns("Unsubscribe", input);
const ENDS = said("test_unsubscribe_wrong_arn_format");
const TOKEN = "51b2ff3edb475b7d91550e0ab6edf0c1".repeat(8);
const confirm = (TopicArn: string, Token: string) =>
  sns("ConfirmSubscription", { TopicArn, Token });
const TOKENS = said("test_sns_confirm_subscription_wrong_token");

const ENDED: readonly Row[] = [
  {
    name: "Unsubscribe from what is no subscription",
    source: said("test_unsubscribe_from_non_existing_subscription"),
    given: [topic("t")],
    ask: unsubscribe({ SubscriptionArn: `${ARN}:11111111-1111-1111-1111-111111111111` }),
    answer: {},
  },
  {
    name: "Unsubscribe twice",
    source: said("test_unsubscribe_idempotency"),
    given: [...subscribed, unsubscribe({ SubscriptionArn: "<s.SubscriptionArn>" })],
    ask: unsubscribe({ SubscriptionArn: "<s.SubscriptionArn>" }),
    answer: {},
  },
  ...["randomstring", "arn:aws:sns:us-east-1:random"].map((SubscriptionArn): Row => ({
    name: `Unsubscribe from ${SubscriptionArn}`,
    source: ENDS,
    given: [],
    ask: unsubscribe({ SubscriptionArn }),
    refused: invalid(
      `SubscriptionArn Reason: An ARN must have at least 6 elements, not ${
        SubscriptionArn.split(":").length
      }`,
    ),
  })),
  {
    name: "Unsubscribe from the ARN of a topic",
    source: ENDS,
    given: [],
    ask: unsubscribe({ SubscriptionArn: topicArn("random") }),
    refused: invalid("SubscriptionId"),
  },
  {
    name: "Unsubscribe without an ARN",
    source: ENDS,
    given: [],
    ask: unsubscribe({}),
    refused: invalid("SubscriptionArn Reason: no value for required parameter"),
  },
  {
    name: "Unsubscribe from a pending subscription by what Subscribe answered",
    source: said("test_unsubscribe_from_deleted_topic"),
    given: [topic("t"), subscribe(HTTP)],
    ask: unsubscribe({ SubscriptionArn: "<s.SubscriptionArn>" }),
    refused: invalid("SubscriptionArn Reason: An ARN must have at least 6 elements, not 1"),
  },
  {
    name: "ConfirmSubscription of a topic that does not exist",
    source: TOKENS,
    given: [],
    ask: confirm(ARN, TOKEN),
    refused: invalid("Token"),
  },
  {
    name: "ConfirmSubscription with garbage",
    source: TOKENS,
    given: [topic("t")],
    ask: confirm(ARN, "randomtoken"),
    refused: {
      status: 400,
      code: "InvalidParameter",
      message: "Invalid token",
    },
  },
  {
    name: "ConfirmSubscription with a token that does not exist",
    source: TOKENS,
    given: [topic("t")],
    ask: confirm(ARN, TOKEN),
    refused: invalid("Token"),
  },
  {
    name: "ConfirmSubscription with no ARN",
    source: said("test_subscribe_external_http_endpoint"),
    given: [topic("t")],
    ask: confirm("not-an-arn", TOKEN),
    refused: invalid("Topic"),
  },
  {
    name: "ListSubscriptionsByTopic with a pending subscription",
    source: snsPage("ListSubscriptionsByTopic"),
    given: [topic("t"), subscribe(HTTP)],
    ask: sns("ListSubscriptionsByTopic", { TopicArn: ARN }),
    answer: {
      Subscriptions: [{
        SubscriptionArn: "PendingConfirmation",
        Owner: "000000000000",
        Protocol: "http",
        Endpoint: "http://example.com/",
        TopicArn: ARN,
      }],
    },
  },
];

export const SNS_SUBSCRIPTIONS: readonly Row[] = [
  ...SUBSCRIBED,
  ...DESCRIBED,
  ...CHANGED,
  ...ENDED,
];
