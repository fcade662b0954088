import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  arnOf,
  parseArn,
  parseQueueUrl,
  queueUrl,
} from "../../../../backends/aws/emulator/addresses.ts";

describe("parseArn()", () => {
  it("reads partition, service, region, account and all that follows", () => {
    assertEquals(parseArn("arn:aws-cn:lambda:cn-north-1:000000000000:function:f"), {
      partition: "aws-cn",
      service: "lambda",
      region: "cn-north-1",
      account: "000000000000",
      resource: "function:f",
    });
    assertEquals(parseArn("arn:aws:s3:::bucket")?.resource, "bucket");
  });

  it("reads nothing else", () => {
    const others = ["", "q", "arn:aws:sqs:eu-west-1:123:q", "arn:aws:sqs:eu-west-1:000000000000:"];
    const more = ["x arn:aws:sqs:eu-west-1:000000000000:q", "arn:gcp:sqs:eu:000000000000:q"];
    assertEquals([...others, ...more].map(parseArn), Array(6).fill(undefined));
  });
});

describe("arnOf()", () => {
  it("names the partition of the region", () => {
    const account = "000000000000";
    const arn = arnOf("sns", "t", { region: "us-gov-west-1", account });
    assertEquals(arn, "arn:aws-us-gov:sns:us-gov-west-1:000000000000:t");
  });
});

describe("parseQueueUrl()", () => {
  it("reads what queueUrl() writes, behind any path", () => {
    const queue = { account: "000000000000", name: "q-1_a.fifo" };
    for (const origin of ["https://sqs.eu-west-1.amazonaws.com", "http://localhost:80/queue/x"]) {
      assertEquals(parseQueueUrl(queueUrl(queue, origin)), queue);
    }
  });

  it("reads nothing else", () => {
    const others = [
      "q",
      "https://host/q",
      "https://host/123/q",
      "https://host/000000000000/",
      "ftp://host/000000000000/q",
      "https://host/000000000000/q?a",
      "https://host?/000000000000/q",
      "https://host/a?b/000000000000/q",
    ];
    assertEquals(others.map(parseQueueUrl), others.map(() => undefined));
  });
});
