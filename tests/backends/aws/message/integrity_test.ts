import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { comparison, type Integrity } from "../../../../backends/aws/message/integrity.ts";
import { md5, md5OfAttributes } from "../../../../backends/aws/message/md5.ts";
import { AwsBackend, awsSender } from "../../../../backends/aws/mod.ts";
import type { Attributes } from "../../../../src/wire/message.ts";
import { type Call, fakeAws, json, QUEUE } from "../fake_aws.ts";

const LABELLED: Attributes = { price: { type: "Number.float", value: "1.50" }, plain: "x" };

/** What a broker makes of a message: it leaves custom labels out of its digest of attributes. */
function digestsOf(body: string) {
  const withoutLabels = md5OfAttributes({ ...LABELLED, price: { type: "Number", value: "1.50" } });
  return { body: md5(body), attributes: withoutLabels };
}

/** A backend at a service whose digests are those. */
function backendAt(digests: { body: string; attributes: string }, integrity?: Integrity) {
  const { options } = fakeAws(({ action, input }: Call) => {
    if (action === "SendMessageBatch") {
      const stored = { MD5OfMessageBody: digests.body, MD5OfMessageAttributes: digests.attributes };
      const Successful = input.Entries.map(({ Id }: { Id: string }) => ({
        Id,
        MessageId: "m",
        ...stored,
      }));
      return json({ Successful });
    }
    const MessageAttributes = {
      price: { DataType: "Number.float", StringValue: "1.50" },
      plain: { DataType: "String", StringValue: "x" },
    };
    const message = { MessageId: "m", ReceiptHandle: "r", Body: "{}", MessageAttributes };
    const said = { MD5OfBody: digests.body, MD5OfMessageAttributes: digests.attributes };
    return json({ Messages: [{ ...message, ...said }] });
  });
  const nothing = () => {};
  const logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
  return new AwsBackend({ ...options, logger, ...(integrity ? { integrity } : {}) });
}

async function isSent(backend: AwsBackend): Promise<boolean> {
  const [result] = await backend.send({ queue: QUEUE }, [{ body: "{}", attributes: LABELLED }]);
  return result!.ok;
}

async function isReceived(backend: AwsBackend): Promise<boolean> {
  const call = { max: 10, waitMs: 0, visibilityMs: 30_000 };
  return await backend.receive(QUEUE, call).then((all) => all.length === 1, () => false);
}

describe("the option integrity of AwsBackend", () => {
  const rows: [Integrity | undefined, body: boolean, attributes: boolean][] = [
    [undefined, false, true],
    ["body", false, true],
    ["all", false, false],
    ["none", true, true],
  ];
  for (const [integrity, body, attributes] of rows) {
    it(`${integrity ?? "by default"} compares what it says, both ways`, async () => {
      const good = { body: md5("{}"), attributes: md5OfAttributes(LABELLED) };
      for (
        const [digests, expected] of [
          [good, true],
          [digestsOf("{}"), attributes],
          [{ ...good, body: md5("else") }, body],
          [{ ...good, attributes: "00" }, attributes],
        ] as const
      ) {
        const backend = backendAt(digests, integrity);
        assertEquals([await isSent(backend), await isReceived(backend)], [expected, expected]);
      }
    });
  }

  it("is one of three: anything else is a TypeError", () => {
    for (const wrong of ["full", "", true, null, ["all"], "toString"]) {
      assertThrows(() => new AwsBackend({ integrity: wrong as Integrity }), TypeError, "integrity");
    }
  });

  it("a message that was stored damaged is not sent again", async () => {
    const backend = backendAt({ body: md5("else"), attributes: "" });
    const [result] = await backend.send({ queue: QUEUE }, [{ body: "{}", attributes: {} }]);
    assert(!result!.ok);
    assertEquals([result!.error.code, result!.error.retryable], ["OUTCOME_UNKNOWN", false]);
  });

  it("awsSender compares nothing", async () => {
    const { options } = fakeAws(() =>
      json({ Successful: [{ Id: "0", MessageId: "m", MD5OfMessageBody: "00" }] })
    );
    const sent = await awsSender(options).send({ queue: QUEUE }, [{ body: "{}", attributes: {} }]);
    assertEquals(sent, [{ ok: true, messageId: "m" }]);
  });

  it("a receive of nothing but damage says so", async () => {
    const backend = backendAt({ body: md5("else"), attributes: "" });
    const call = { max: 10, waitMs: 0, visibilityMs: 30_000 };
    await assertRejects(() => backend.receive(QUEUE, call), Error, "damaged");
  });
});

describe("comparison()", () => {
  const message = { body: "abc", attributes: { attr1: 99.12 } };
  const digests = { body: md5("abc"), attributes: "d302007e9aa062660afc85fd0a482472" };

  it("compares body and attributes", () => {
    const isIntact = comparison("all");
    assert(isIntact(message, digests));
    assert(!isIntact(message, { ...digests, body: md5("abd") }));
    assert(!isIntact(message, { ...digests, attributes: md5("abd") }));
  });

  it("does not miss a digest that an answer lacks", () => {
    for (const integrity of ["all", "body"] as const) {
      assert(comparison(integrity)(message, { body: undefined, attributes: "" }));
    }
  });
});
