/** Filter policies of SNS: what is refused, and what passes. */
import { queue, recorded, type Row, sns, sqs, type Step, topic, topicArn } from "./row.ts";
import { subscribe } from "./sns_subscriptions.ts";
import { invalid } from "./sns_topics.ts";

const said = (test: string) => recorded(test, "sns/test_sns_filter_policy");
const STRINGS = said("test_validate_policy_string_operators");
const NUMBERS = said("test_validate_policy_numeric_operator");
const CASES = said("test_validate_policy");
const NESTED = said("test_validate_policy_nested_anything_but_operator");
const EXISTS = said("test_validate_policy_exists_operator");
const COMPLEX = said("test_policy_complexity");

const withPolicy = (policy: unknown, scope = "MessageAttributes"): Step =>
  subscribe({
    Attributes: {
      FilterPolicy: JSON.stringify(policy),
      ...(scope === "MessageAttributes" ? {} : { FilterPolicyScope: scope }),
    },
  });

const list = (length: number) => Array.from({ length }, (_, n) => `v${n}`);

/** Conditions of one key that SNS refuses, and why. */
const CONDITIONS: readonly (readonly [condition: unknown, reason: string, source: string])[] = [
  [[["value"]], "Match value must be String, number, true, false, or null", CASES],
  [[{ "wrong-operator": true }], "Unrecognized match type wrong-operator", CASES],
  [
    [{ suffix: "value", prefix: "value2" }],
    "Only one key allowed in match expression",
    CASES,
  ],
  [[], "Empty arrays are not allowed", STRINGS],
  [[{ suffix: 100 }], "suffix match pattern must be a string", STRINGS],
  [[{ suffix: null }], "suffix match pattern must be a string", STRINGS],
  [{ suffix: "value" }, '"suffix" must be an object or an array', STRINGS],
  [[{ suffix: [] }], "suffix match pattern must be a string", STRINGS],
  [[{ suffix: ["test", "test2"] }], "suffix match pattern must be a string", STRINGS],
  [{ suffix: "value", prefix: "value" }, '"suffix" must be an object or an array', STRINGS],
  [
    { "not-an-operator": "value" },
    '"not-an-operator" must be an object or an array',
    STRINGS,
  ],
  [[{ cidr: ["bad-filter"] }], "prefix match pattern must be a string", STRINGS],
  [[{ cidr: "bad-filter" }], "Malformed CIDR, one '/' required", STRINGS],
  [[{ cidr: "bad-filter/64" }], "Nonstandard IP address: bad-filter", STRINGS],
  [
    [{ cidr: "bad-filter/bad-filter" }],
    "Malformed CIDR, mask bits must be an integer",
    STRINGS,
  ],
  [[{ cidr: "xx.11.xx/8" }], "Nonstandard IP address: xx.11.xx", STRINGS],
  [
    [{ cidr: "xxxx:db8:1234:1a00::/64" }],
    "Nonstandard IP address: xxxx:db8:1234:1a00::",
    STRINGS,
  ],
  [[{ numeric: [] }], "Invalid member in numeric match: ]", NUMBERS],
  [[{ numeric: ["operator"] }], "Unrecognized numeric range operator: operator", NUMBERS],
  [[{ numeric: [1, "<="] }], "Invalid member in numeric match: 1", NUMBERS],
  [[{ numeric: ["=", "000"] }], "Value of equals must be numeric", NUMBERS],
  [[{ numeric: [">="] }], "Value of >= must be numeric", NUMBERS],
  [[{ numeric: ["<", 100, ">", 10] }], "Too many elements in numeric expression", NUMBERS],
  [[{ numeric: [">=", 1, ">", 2] }], "Bad numeric range operator: >", NUMBERS],
  [[{ numeric: [">", 3, "<", 1] }], "Bottom must be less than top", NUMBERS],
  [[{ numeric: [">", 20, "<="] }], "Value of <= must be numeric", NUMBERS],
  [[{ numeric: [">", 20, 30] }], "Bad value in numeric range: 30", NUMBERS],
  [[{ numeric: [">", 20, "test"] }], "Bad numeric range operator: test", NUMBERS],
  [[{ numeric: [">", "20", "<", "30"] }], "Value of > must be numeric", NUMBERS],
  [[{ numeric: [">", 20, "<", "30"] }], "Value of < must be numeric", NUMBERS],
  [
    [{ numeric: [">", 20, "<", 30, "<", 50] }],
    "Too many terms in numeric range expression",
    NUMBERS,
  ],
  [[{ exists: null }], "exists match pattern must be either true or false.", EXISTS],
  [[{ exists: "no" }], "exists match pattern must be either true or false.", EXISTS],
  [
    [{ "anything-but": { "wrong-operator": null } }],
    "Unsupported anything-but pattern: wrong-operator",
    NESTED,
  ],
  [
    [{ "anything-but": { exists: false } }],
    "Unsupported anything-but pattern: exists",
    NESTED,
  ],
  [
    [{ "anything-but": { prefix: false } }],
    "prefix match pattern must be a string",
    NESTED,
  ],
];

const REFUSED: readonly Row[] = [
  ...CONDITIONS.map(([condition, reason, source]): Row => ({
    name: `a filter policy with ${JSON.stringify(condition)}`,
    source,
    given: [topic("t"), queue("q")],
    ask: withPolicy(
      { key: condition },
      Array.isArray(condition) ? "MessageAttributes" : "MessageBody",
    ),
    refused: invalid(`Attributes Reason: FilterPolicy: ${reason}…`),
  })),
  {
    name: "a filter policy with 151 values",
    source: COMPLEX,
    given: [topic("t"), queue("q")],
    ask: withPolicy({ key_a: list(151) }),
    refused: invalid("Attributes Reason: FilterPolicy: Filter policy is too complex"),
  },
  {
    name: "a filter policy with 6 keys",
    source: COMPLEX,
    given: [topic("t"), queue("q")],
    ask: withPolicy(Object.fromEntries(list(6).map((key) => [key, ["a"]]))),
    refused: invalid(
      "Attributes Reason: FilterPolicy: Filter policy can not have more than 5 keys",
    ),
  },
  {
    name: "a nested filter policy for attributes",
    source: said("test_sub_filter_policy_nested_property"),
    given: [topic("t"), queue("q"), subscribe()],
    ask: sns("SetSubscriptionAttributes", {
      SubscriptionArn: "<s.SubscriptionArn>",
      AttributeName: "FilterPolicy",
      AttributeValue: JSON.stringify({ object: { key: [{ prefix: "auto-" }] } }),
    }),
    refused: invalid("Filter policy scope MessageAttributes does not support nested filter policy"),
  },
  {
    name: "a nested filter policy with 216 combinations",
    source: said("test_sub_filter_policy_nested_property_constraints"),
    given: [topic("t"), queue("q")],
    ask: withPolicy({
      key_a: { key_b: { key_c: list(4) } },
      key_d: { key_e: list(3) },
      key_f: list(3),
    }, "MessageBody"),
    refused: invalid("Attributes Reason: FilterPolicy: Filter policy is too complex"),
  },
];

/** Whether a message passes a policy. */
const passing = (
  name: string,
  source: string,
  { policy, scope, published, passes }: {
    policy: unknown;
    scope?: string;
    published: Record<string, unknown>;
    passes: boolean;
  },
): Row => ({
  name,
  source,
  given: [
    topic("t"),
    queue("q"),
    withPolicy(policy, scope),
    sns("Publish", { TopicArn: topicArn("t"), Message: "m", ...published }),
  ],
  ask: sqs("GetQueueAttributes", {
    QueueUrl: "<q.QueueUrl>",
    AttributeNames: ["ApproximateNumberOfMessages"],
  }),
  answer: { Attributes: { ApproximateNumberOfMessages: passes ? "1" : "0" } },
});

const withNumber = (name: string, StringValue: string) => ({
  MessageAttributes: { [name]: { DataType: "Number", StringValue } },
});
const withArray = (StringValue: string) => ({
  MessageAttributes: { store: { DataType: "String.Array", StringValue } },
});

const ON_ATTRIBUTES: readonly Row[] = [
  ...[["99", true], ["111", false]].map(([value, passes]) =>
    passing(`the number ${value} in a range up to 100`, said("test_filter_policy"), {
      policy: { attr1: [{ numeric: [">", 0, "<=", 100] }] },
      published: withNumber("attr1", String(value)),
      passes: Boolean(passes),
    })
  ),
  passing("an absent attribute, with null and anything-but", said("test_filter_policy"), {
    policy: { attr1: [null, { "anything-but": "whatever" }] },
    published: {},
    passes: false,
  }),
  ...[true, false].flatMap((exists) =>
    ["store", "def"].map((key) =>
      passing(`exists ${exists} with the attribute ${key}`, said("test_exists_filter_policy"), {
        policy: { store: [{ exists }] },
        published: withNumber(key, "99"),
        passes: exists === (key === "store"),
      })
    )
  ),
  ...[['["value1","value2"]', true], ['["value2","value3"]', false]].map(([array, passes]) =>
    passing(
      `the list ${array} for the value value1`,
      said("test_exists_filter_policy_attributes_array"),
      {
        policy: { store: ["value1"] },
        published: withArray(String(array)),
        passes: Boolean(passes),
      },
    )
  ),
];

const BODY = {
  object: { key: [{ prefix: "auto-" }, "hardcodedvalue"], nested_key: [{ exists: false }] },
  test: [{ exists: false }],
};
const OR = {
  $or: [
    { metricName: ["CPUUtilization", "ReadLatency"] },
    { namespace: ["AWS/EC2", "AWS/ES"] },
  ],
  detail: {
    scope: ["Service"],
    $or: [{ source: ["aws.cloudwatch"] }, { type: ["CloudWatch Alarm State Change"] }],
  },
};
const record = (eventName: string, object: unknown) => ({ eventName, s3: { object } });
const RECORDS = {
  Records: {
    s3: { object: { key: [{ prefix: "auto-" }] } },
    eventName: [{ prefix: "ObjectCreated:" }],
  },
};
const IP = {
  detail: {
    $or: [
      { sourceIPAddress: [{ cidr: "10.0.0.0/24" }] },
      { sourceIPAddressV6: [{ cidr: "2001:db8:1234:1a00::/64" }] },
    ],
  },
};
const DOTS = { "object.nested.test": ["string.value"] };
const TYPE = "CloudWatch Alarm State Change";

/** Bodies, and whether each passes a policy. */
const BODIES: readonly (readonly [
  test: string,
  policy: unknown,
  bodies: readonly (readonly [body: unknown, passes: boolean])[],
])[] = [
  ["test_filter_policy_on_message_body", BODY, [
    [{ object: { key: "auto-test" } }, true],
    [{ object: { key: "hardcodedvalue" } }, true],
    [{ object: { key: "test-auto" } }, false],
    [{ object: { key: "auto-test" }, test: "just-exists" }, false],
    [{ object: { key: "auto-test", nested_key: "just-exists" } }, false],
    [{ object: { test: "auto-test" } }, false],
    [{ test: "auto-test" }, false],
    ["Regular string message", false],
  ]],
  ["test_filter_policy_on_message_body_dot_attribute", { "object.nested": ["string.value"] }, [
    [{ object: { nested: "string.value" } }, true],
    [{ "object.nested": "string.value" }, true],
    [{ object: { nested: "test-auto" } }, false],
  ]],
  ["test_filter_policy_on_message_body_dot_attribute", DOTS, [
    [{ object: { nested: { test: "string.value" } } }, true],
    [{ "object.nested.test": "string.value" }, true],
    [{ "object.nested": { test: "string.value" } }, true],
    [{ object: { "nested.test": "string.value" } }, true],
    [{ object: { nested: { test: "string.notvalue" } } }, false],
  ]],
  ["test_filter_policy_on_message_body_array_attributes", {
    headers: { "route-to": ["queue1"] },
  }, [
    [{ headers: { "route-to": ["queue3"] } }, false],
    [{ headers: { "route-to": ["queue1"] } }, true],
    [{ headers: { "route-to": ["queue1", "queue2"] } }, true],
  ]],
  ["test_filter_policy_on_message_body_array_of_object_attributes", RECORDS, [
    [{ Records: [record("ObjectCreated:Put", { key: "auto-1" })] }, true],
    [{ Records: [record("ObjectRemoved:Delete", { key: "auto-1" })] }, false],
    [{ Records: [record("ObjectCreated:Put", { key: "home-1" })] }, false],
    [{
      Records: [
        record("ObjectCreated:Put", [[{ key: "auto-1" }]]),
        record("ObjectRemoved:Delete", { key: "home-1" }),
      ],
    }, true],
  ]],
  ["test_filter_policy_on_message_body_or_attribute", OR, [
    [{ metricName: "CPUUtilization", detail: { scope: "aws.cloudwatch", type: TYPE } }, false],
    [{ metricName: "CPUUtilization", detail: { scope: "Service", type: "x" } }, false],
    [{ metricName: "CPUUtilization", detail: { type: TYPE } }, false],
    [{ metricName: "CPUUtilization", detail: { scope: "Service" } }, false],
    [{ metricName: "AWS/EC2", detail: { scope: "Service", type: TYPE } }, false],
    [{ namespace: "CPUUtilization", detail: { scope: "Service", type: TYPE } }, false],
    [{ metricName: "ReadLatency", detail: { scope: "Service", source: "aws.cloudwatch" } }, true],
    [{ namespace: "AWS/ES", detail: { scope: "Service", source: "aws.cloudwatch" } }, true],
    [{ metricName: "CPUUtilization", detail: { scope: "Service", type: TYPE } }, true],
  ]],
  ["test_filter_policy_empty_array_payload", { detail: { eventVersion: [""] } }, [
    [{ resources: [], detail: { eventVersion: "", responseElements: null } }, true],
  ]],
  ["test_filter_policy_ip_address_condition", IP, [
    [{ detail: { sourceIPAddress: "10.0.0.255" } }, true],
    [{ detail: { sourceIPAddress: "10.0.0.256" } }, false],
    [{ detail: { sourceIPAddressV6: "2001:0db8:1234:1a00:0000:0000:0000:0000" } }, true],
    [{ detail: { sourceIPAddressV6: "2001:0db8:123f:1a01:0000:0000:0000:0000" } }, false],
  ]],
];

const ON_BODIES: readonly Row[] = BODIES.flatMap(([test, policy, bodies]) =>
  bodies.map(([body, passes]) =>
    passing(`${JSON.stringify(body)} for ${Object.keys(policy as object)}`, said(test), {
      policy,
      scope: "MessageBody",
      published: { Message: JSON.stringify(body) },
      passes,
    })
  )
);

export const SNS_FILTERS: readonly Row[] = [...REFUSED, ...ON_ATTRIBUTES, ...ON_BODIES];
