import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  addressOf,
  formatArn,
  parseArn,
  regionOf,
  serviceUrl,
  shortName,
} from "../../../../backends/aws/api/names.ts";
import { MelangeError } from "../../../../src/support/errors.ts";

describe("parseArn() and formatArn()", () => {
  const arns = [
    "arn:aws:sns:eu-west-1:123456789012:orders",
    "arn:aws:sqs:us-east-1:000000000000:orders-dlq_1.fifo",
    "arn:aws-cn:sns:cn-north-1:123456789012:orders",
    "arn:aws-us-gov:sqs:us-gov-west-1:123456789012:orders",
    "arn:aws-eusc:sns:eusc-de-east-1:123456789012:orders",
  ];
  for (const arn of arns) {
    it(`keep ${arn}`, () => assertEquals(formatArn(parseArn(arn)!), arn));
  }

  const others = [
    "orders",
    "arn:aws:s3:::bucket",
    "arn:aws:sns:eu-west-1:123:orders",
    "arn:aws:sns:eu-west-1:123456789012:",
    "arn:aws:sns:eu-west-1:123456789012:a/b",
    "arn:aws:sns:eu-west-1:123456789012:orders:0b1c",
    "arn:aws:sns:eu west:123456789012:orders",
    "",
  ];
  for (const text of others) {
    it(`refuse "${text}"`, () => assertEquals(parseArn(text), undefined));
  }
});

describe("serviceUrl()", () => {
  it("knows the domains of the partitions", () => {
    assertEquals(serviceUrl("sqs", "eu-west-1"), "https://sqs.eu-west-1.amazonaws.com");
    assertEquals(serviceUrl("sns", "cn-north-1"), "https://sns.cn-north-1.amazonaws.com.cn");
    assertEquals(serviceUrl("sns", "us-gov-east-1"), "https://sns.us-gov-east-1.amazonaws.com");
    assertEquals(serviceUrl("sqs", "eusc-de-east-1"), "https://sqs.eusc-de-east-1.amazonaws.eu");
  });
});

describe("regionOf()", () => {
  const regions: Record<string, string | undefined> = {
    "arn:aws:sns:eu-west-1:123456789012:orders": "eu-west-1",
    "https://sqs.eu-west-1.amazonaws.com/123456789012/orders": "eu-west-1",
    "https://sqs-fips.us-gov-west-1.amazonaws.com/123456789012/orders": "us-gov-west-1",
    "https://vpce-1.sqs.eu-west-3.vpce.amazonaws.com/123456789012/orders": "eu-west-3",
    "https://eu-west-2.queue.amazonaws.com/123456789012/orders": "eu-west-2",
    "http://127.0.0.1:4566/000000000000/orders": undefined,
    "orders": undefined,
  };
  for (const [address, region] of Object.entries(regions)) {
    it(`finds ${region} in ${address}`, () => assertEquals(regionOf(address), region));
  }
});

describe("shortName()", () => {
  it("is the name in an ARN, a URL or a name", () => {
    assertEquals(shortName("arn:aws:sqs:eu-west-1:123456789012:orders.fifo"), "orders.fifo");
    assertEquals(shortName("https://sqs.eu-west-1.amazonaws.com/123456789012/orders"), "orders");
    assertEquals(shortName("orders"), "orders");
  });
});

describe("addressOf()", () => {
  it("takes names up to the limit, ARNs, and URLs of queues", () => {
    const names = ["q".repeat(80), `${"q".repeat(75)}.fifo`];
    for (const queue of names) assertEquals(addressOf({ queue }).name, queue);
    const topic = "t".repeat(256);
    assertEquals(addressOf({ topic }).name, topic);
    const url = "http://127.0.0.1:4566/000000000000/";
    const known = [
      addressOf({ queue: `${url}orders` }),
      addressOf({ queue: "arn:aws:sqs:eu-west-1:123456789012:orders" }),
      addressOf({ topic: "arn:aws:sns:eu-west-1:123456789012:orders.fifo" }),
    ];
    assertEquals(known.map((address) => address.name), ["orders", "orders", "orders.fifo"]);
    assertEquals(known.map((address) => address.url ?? address.service), [url, "sqs", "sns"]);
  });

  const refused: [kind: "queue" | "topic", name: string][] = [
    ["queue", ""],
    ["queue", "q".repeat(81)],
    ["queue", `${"q".repeat(76)}.fifo`],
    ["queue", "orders.other"],
    ["queue", ".fifo"],
    ["queue", "a/b"],
    ["queue", "örders"],
    ["queue", "orders\n"],
    ["queue", "arn:aws:sns:eu-west-1:123456789012:orders"],
    ["topic", "t".repeat(257)],
    ["topic", "a b"],
    ["topic", "https://sqs.eu-west-1.amazonaws.com/123456789012/orders"],
    ["topic", "arn:aws:sqs:eu-west-1:123456789012:orders"],
  ];
  for (const [kind, name] of refused) {
    it(`refuses the ${kind} ${JSON.stringify(name.slice(0, 60))} (${name.length})`, () => {
      const destination = kind === "queue" ? { queue: name } : { topic: name };
      const error = assertThrows(() => addressOf(destination), MelangeError);
      assertEquals(error.code, "INVALID_MESSAGE");
    });
  }
});
