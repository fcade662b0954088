import { assertEquals, assertMatch, assertStrictEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  type Attributes,
  type AttributeValue,
  attributeValue,
  byteLength,
  type Destination,
  isFifo,
  MAX_ATTRIBUTES,
  messageSize,
  nameOf,
  type OutgoingMessage,
  refusal,
  typedAttribute,
} from "../../../src/wire/message.ts";

const LIMITS = { messageBytes: 1_000, delayMs: 900_000 };
const QUEUE: Destination = { queue: "billing" };
const FIFO: Destination = { queue: "billing.fifo" };
const TOPIC: Destination = { topic: "orders" };

/** The message of the refusal, or `undefined` where the message may be sent. */
function refused(message: Partial<OutgoingMessage>, destination = QUEUE): string | undefined {
  return refusal({ body: "a", attributes: {}, ...message }, destination, LIMITS)?.message;
}

function refusedAttribute(value: unknown): string | undefined {
  return refused({ attributes: { a: value as AttributeValue } });
}

describe("isFifo()", () => {
  it("goes by the end of the name, the ARN or the URL", () => {
    const names = ["a.fifo", "arn:aws:sqs:eu-west-1:1:a.fifo", "https://sqs/1/a.fifo"];
    assertEquals(names.map(isFifo), [true, true, true]);
    assertEquals(["a", "fifo", "a.fifo.b", "a.FIFO", ""].map(isFifo), [
      false,
      false,
      false,
      false,
      false,
    ]);
  });
});

describe("nameOf()", () => {
  it("is the name as it was given", () => {
    assertEquals([nameOf({ topic: "arn:a:b" }), nameOf({ queue: "q" })], ["arn:a:b", "q"]);
  });
});

describe("typedAttribute() and attributeValue()", () => {
  it("are inverse for what plain JavaScript holds", () => {
    const values: AttributeValue[] = [
      "",
      "a",
      "5",
      0,
      5,
      -1.5,
      1e21,
      1e-7,
      new Uint8Array([0, 255]),
    ];
    for (const value of values) assertEquals(attributeValue(typedAttribute(value)), value);
  });

  it("are inverse for what only a typed attribute holds", () => {
    const typed = [
      { type: "Number", value: "12345678901234567890" },
      { type: "Number", value: "1.50" },
      { type: "Number", value: "007" },
      { type: "Number", value: "-0" },
      { type: "Number", value: "" },
      { type: "Number.float", value: "1" },
      { type: "String.Array", value: "[]" },
      { type: "Binary.gzip", value: new Uint8Array([1]) },
    ];
    for (const attribute of typed) {
      assertStrictEquals(attributeValue(typedAttribute(attribute)), attribute);
    }
  });

  it("name the types of the wire", () => {
    assertEquals(typedAttribute("a"), { type: "String", value: "a" });
    assertEquals(typedAttribute(5), { type: "Number", value: "5" });
    assertEquals(typedAttribute(new Uint8Array([1])).type, "Binary");
  });
});

describe("messageSize()", () => {
  it("counts the bytes of the body in UTF-8", () => {
    assertEquals(["", "a", "é", "€", "😀"].map(byteLength), [0, 1, 2, 3, 4]);
    assertEquals(messageSize({ body: "€😀", attributes: {} }), 7);
  });

  it("counts a lone surrogate as what is sent in its place", () => {
    assertEquals(byteLength("\uD800"), 3);
  });

  it("counts name, type and value of each attribute", () => {
    const attributes = { é: "€", n: 12, b: new Uint8Array(5), t: { type: "Number.x", value: "1" } };
    const expected = (2 + 6 + 3) + (1 + 6 + 2) + (1 + 6 + 5) + (1 + 8 + 1);
    assertEquals(messageSize({ body: "", attributes }), expected);
  });
});

describe("refusal()", () => {
  it("is undefined for what can be sent", () => {
    assertEquals(refused({}), undefined);
    assertEquals(refused({}, TOPIC), undefined);
    assertEquals(refused({ group: "g", deduplicationId: "d" }, FIFO), undefined);
    assertEquals(refused({ group: "tenant" }), undefined);
  });

  it("is an INVALID_MESSAGE that names the destination and is not retried", () => {
    const error = refusal({ body: "", attributes: {} }, TOPIC, LIMITS);
    assertEquals([error?.code, error?.retryable], ["INVALID_MESSAGE", false]);
    assertStringIncludes(error?.message ?? "", `topic "orders"`);
  });

  describe("of the body", () => {
    it("refuses an empty one and what is no text", () => {
      for (const body of ["", undefined, null, 5, {}]) {
        assertStringIncludes(refused({ body: body as string }) ?? "", "body");
      }
    });

    const BAD = ["\u0000", "\u0008", "\u000B", "\u000C", "\u001F", "\uFFFE", "\uFFFF"];
    it("refuses control characters, halves of surrogate pairs and non-characters", () => {
      for (const bad of [...BAD, "\uD800", "\uDFFF", "\uDC00\uD800", "😀\uD83D"]) {
        for (const body of [bad, `a${bad}b`]) {
          assertStringIncludes(refused({ body }) ?? "", "base64");
        }
      }
    });

    it("takes everything else, tabs and line breaks too", () => {
      for (
        const body of ["\t\n\r ", "\u007F\u0085", "é€😀", "\uE000\uFFFD", "]]>&<", "__proto__"]
      ) {
        assertEquals(refused({ body }), undefined);
      }
    });
  });

  describe("of the size", () => {
    it("takes the limit and refuses one byte more, attributes included", () => {
      assertEquals(refused({ body: "a".repeat(1_000) }), undefined);
      assertStringIncludes(refused({ body: "a".repeat(1_001) }) ?? "", "current value is 1001");
      assertStringIncludes(refused({ body: "é".repeat(501) }) ?? "", "current value is 1002");
      const attributes = { n: "v" };
      assertEquals(refused({ body: "a".repeat(992), attributes }), undefined);
      assertStringIncludes(refused({ body: "a".repeat(993), attributes }) ?? "", "1001");
    });
  });

  describe("of attributes", () => {
    const some = (count: number): Attributes =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`a${index}`, "v"]));

    it("takes ten and refuses eleven", () => {
      assertEquals(refused({ attributes: some(MAX_ATTRIBUTES) }), undefined);
      assertStringIncludes(refused({ attributes: some(11) }) ?? "", "current value is 11");
    });

    const named = (name: string) => refused({ attributes: Object.fromEntries([[name, "v"]]) });

    it("takes the names that the service takes", () => {
      const names = [
        "a",
        "A-b_c.9",
        "a".repeat(256),
        "awsome",
        "amazonia.x",
        "x.AWS.y",
        "__proto__",
      ];
      for (const name of [...names, "constructor", "hasOwnProperty", "9"]) {
        assertEquals(named(name), undefined);
      }
    });

    it("refuses other names, and does not print what is not printable", () => {
      const names = ["", ".a", "a.", "a..b", "AWS.a", "aws.a", "Aws.a", "AMAZON.a", "amazon.a"];
      const hostile = ["a b", "é", "a\n", "a\u0000", "\uD800", "a:b", "a/b", "a".repeat(257)];
      for (const name of [...names, ...hostile]) {
        const message = named(name) ?? "";
        assertStringIncludes(message, "its name must match");
        assertMatch(message, /^[\x20-\x7e]{1,400}$/);
      }
    });

    it("takes own keys of every name for attributes, and nothing inherited", () => {
      const own = JSON.parse(`{ "__proto__": "" }`) as Attributes;
      assertStringIncludes(
        refused({ attributes: own }) ?? "",
        `"__proto__" is not valid: its value must be text and not empty`,
      );
      const inherited = Object.create({ "bad name": "v" }) as Attributes;
      assertEquals(refused({ attributes: inherited }), undefined);
    });

    it("takes text, numbers, bytes and typed attributes", () => {
      const values = ["v", 0, -1.5, 1e-7, new Uint8Array(1), "\t\n\r"];
      const typed = [
        { type: "String.Array", value: "[1]" },
        { type: "Number.float", value: "1.50" },
        { type: "Number", value: "12345678901234567890123456789012345678" },
        { type: "Number", value: "-.5E+3" },
        { type: "Binary.gzip", value: new Uint8Array(1) },
      ];
      for (const value of [...values, ...typed]) assertEquals(refusedAttribute(value), undefined);
    });

    it("refuses values of any other kind", () => {
      for (const value of [null, undefined, true, 5n, {}, [], () => {}, new Date()]) {
        assertStringIncludes(refusedAttribute(value) ?? "", `attribute "a"`);
      }
    });

    it("refuses types that the service does not know", () => {
      const types = ["", "string", "Text", "String.", "Stringy", "Number.\n", "Binary.\u0000", 5];
      for (const type of [...types, "String.\uD800", `String.${"x".repeat(250)}`]) {
        assertStringIncludes(refusedAttribute({ type, value: "1" }) ?? "", `attribute "a"`);
      }
    });

    it("refuses a value that is not what its type says", () => {
      const bytes = new Uint8Array(1);
      assertStringIncludes(refusedAttribute({ type: "Binary", value: "a" }) ?? "", "bytes");
      assertStringIncludes(refusedAttribute({ type: "String", value: bytes }) ?? "", "text");
      assertStringIncludes(refusedAttribute({ type: "Number.x", value: bytes }) ?? "", "text");
      for (const value of [undefined, null, 5, {}]) {
        assertStringIncludes(refusedAttribute({ type: "String", value }) ?? "", "text");
      }
    });

    it("refuses empty values", () => {
      for (const value of ["", new Uint8Array(0), { type: "String.x", value: "" }]) {
        assertStringIncludes(refusedAttribute(value) ?? "", "not empty");
      }
    });

    it("refuses characters that the service refuses, and does not print them", () => {
      for (const value of ["\u0000", "a\u001Fb", "\uD800", "\uFFFF"]) {
        const message = refusedAttribute(value) ?? "";
        assertStringIncludes(message, "character");
        assertMatch(message, /^[\x20-\x7e]+$/);
      }
    });

    it("refuses numbers that are none, or that the service does not hold", () => {
      for (const value of [NaN, Infinity, -Infinity, 1e127, -1e129]) {
        assertStringIncludes(refusedAttribute(value) ?? "", "number");
      }
      for (const value of ["a", " ", "1 ", "0x10", "1_000", "1e400", "Infinity", "--1", "."]) {
        assertStringIncludes(refusedAttribute({ type: "Number", value }) ?? "", "number");
      }
    });

    it("never says a value", () => {
      const secrets = ["s3cret\u0000", { type: "Number", value: "s3cret" }, { type: "s3cret" }];
      for (const value of secrets) {
        assertEquals(refusedAttribute(value)?.includes("s3cret"), false);
      }
    });
  });

  describe("of FIFO and delays", () => {
    it("requires a group for a FIFO queue or topic", () => {
      assertStringIncludes(refused({}, FIFO) ?? "", "message group");
      assertStringIncludes(refused({}, { topic: "a.fifo" }) ?? "", "message group");
    });

    it("refuses a group or deduplication id that is no text", () => {
      for (const value of [5, null, {}] as unknown as string[]) {
        assertStringIncludes(refused({ group: value }, FIFO) ?? "", "message group");
        const message = refused({ group: "g", deduplicationId: value }, FIFO) ?? "";
        assertStringIncludes(message, "deduplication id");
      }
    });

    it("takes tokens of 1 to 128 printable characters as group and deduplication id", () => {
      const good = ["a", "!", "~", "a".repeat(128), "a/b:c;d", "__proto__"];
      const bad = ["", "a b", "é", "a\n", "\u0000", "a".repeat(129)];
      for (const token of good) {
        assertEquals(refused({ group: token, deduplicationId: token }, FIFO), undefined);
      }
      for (const token of bad) {
        assertStringIncludes(refused({ group: token }, FIFO) ?? "", "message group");
        assertStringIncludes(refused({ group: token }) ?? "", "message group");
        const message = refused({ group: "g", deduplicationId: token }, FIFO) ?? "";
        assertStringIncludes(message, "deduplication id");
      }
    });

    it("takes a deduplication id for FIFO only", () => {
      assertStringIncludes(refused({ deduplicationId: "d" }) ?? "", "only FIFO");
    });

    it("takes a delay from none to the limit, for standard queues only", () => {
      for (const delayMs of [0, 1, 900_000]) assertEquals(refused({ delayMs }), undefined);
      for (const delayMs of [-1, 900_001, NaN, Infinity]) {
        assertStringIncludes(refused({ delayMs }) ?? "", `current value is ${delayMs}`);
      }
      assertStringIncludes(refused({ delayMs: 0 }, TOPIC) ?? "", "only standard queues");
      assertStringIncludes(refused({ delayMs: 0, group: "g" }, FIFO) ?? "", "only standard");
    });
  });

  it("quotes 256 characters of a name at the most, and those that can be printed", () => {
    const message = (topic: string) =>
      refusal({ body: "", attributes: {} }, { topic }, LIMITS)?.message ?? "";
    assertStringIncludes(message("a".repeat(256)), `topic "${"a".repeat(256)}"`);
    assertStringIncludes(message("a".repeat(257)), `topic "${"a".repeat(256)}"`);
    assertStringIncludes(message("a\nb\u007f~ é"), 'topic "a?b?~ ?"');
  });
});
