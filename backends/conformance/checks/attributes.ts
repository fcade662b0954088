import type { Bench } from "../bench.ts";
import type { Check } from "../check.ts";
import { expect, expectCount, expectFailed, expectSame } from "../expect.ts";
import { bodiesOf } from "../messages.ts";
import type { Attributes, AttributeValue } from "../../../src/wire/message.ts";

/** The promises of `send` about attributes. */
export const attributeChecks: readonly Check[] = [
  { name: "send() carries text attributes", run: carries(textAttributes) },
  { name: "send() carries number attributes", run: carries(numberAttributes) },
  { name: "send() keeps numbers of many digits as text", run: carries(bigNumbers) },
  { name: "send() carries attributes of custom types", run: carries(customTypes) },
  { name: "send() carries bytes as attributes", run: carries(byteAttributes) },
  { name: "send() carries ten attributes", run: carries(tenAttributes) },
  { name: "send() carries attribute names of any allowed form", run: carries(names) },
  { name: "send() carries a message without attributes", run: carries(() => ({})) },
  { name: "send() keeps attributes of messages in a batch apart", run: keepsApart },
  { name: "send() refuses bad attributes and stores the neighbours", run: refusesAttributes },
];

/** Makes a check that sends a message with these attributes and compares the received message. */
function carries(attributesOf: () => Attributes): Check["run"] {
  return async (bench) => {
    const queue = await bench.createQueue();
    const attributes = attributesOf();
    await queue.fill([{ body: "with attributes", attributes }]);
    const [delivery] = await queue.collect(1);
    expectSame(delivery?.message.attributes, attributes, "send() must carry attributes unchanged");
  };
}

function textAttributes(): Attributes {
  return {
    plain: "text",
    unicode: "ünïcödé 漢字 😀",
    white: " \t line\r\nfeed ",
    markup: `<a> & "quotes" 'single' ]]> \\ %20 +`,
    digits: "42",
    json: '{"a":1}',
  };
}

function numberAttributes(): Attributes {
  return { zero: 0, whole: 42, negative: -7, fraction: 3.25, large: 9007199254740991 };
}

function bigNumbers(): Attributes {
  return {
    digits: { type: "Number", value: "12345678901234567890123456789" },
    zeros: { type: "Number", value: "1.50" },
  };
}

function customTypes(): Attributes {
  return {
    float: { type: "Number.float", value: "1.5" },
    label: { type: "String.country", value: "CH" },
    image: { type: "Binary.png", value: new Uint8Array([137, 80, 78, 71]) },
  };
}

function byteAttributes(): Attributes {
  return { all: Uint8Array.from({ length: 256 }, (_, byte) => byte), one: new Uint8Array([0]) };
}

function tenAttributes(): Attributes {
  const entries = Array.from({ length: 10 }, (_, index) => [`name${index}`, `value ${index}`]);
  return Object.fromEntries(entries);
}

function names(): Attributes {
  return {
    ["n".repeat(256)]: "longest",
    x: "shortest",
    "with.dots-and_lines": "inside",
    UPPER: "upper",
    upper: "lower",
    "0": "digit",
    awsome: "no reserved prefix",
  };
}

async function keepsApart(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  await queue.fill([
    { body: "a", attributes: { only: "a" } },
    { body: "b", attributes: {} },
    { body: "c", attributes: { only: "c", more: 1 } },
  ]);
  const received = await queue.collect(3);
  const byBody = Object.fromEntries(
    received.map(({ message }) => [message.body, message.attributes]),
  );
  const expected = { a: { only: "a" }, b: {}, c: { only: "c", more: 1 } };
  expectSame(byBody, expected, "send() must keep the attributes of each message");
}

async function refusesAttributes(bench: Bench): Promise<void> {
  const queue = await bench.createQueue();
  const bad = badAttributes();
  for (const [what, attributes] of bad) {
    const results = await queue.send(["before", { attributes }, "after", "last"]);
    expectCount(results, 4, "send()");
    const [before, refused, after, last] = results;
    expectFailed(refused, `send() must refuse ${what}`, "INVALID_MESSAGE");
    expect(before?.ok && after?.ok && last?.ok, `send() must store the neighbours of ${what}`);
  }
  const bodies = bodiesOf(await queue.collect(3 * bad.length));
  const expected = bad.flatMap(() => ["after", "before", "last"]).sort();
  expectSame(bodies.sort(), expected, "send() must store the neighbours of a bad message");
}

function badAttributes(): [what: string, attributes: Attributes][] {
  const named = (name: string): Attributes => ({ [name]: "value" });
  const valued = (value: AttributeValue): Attributes => ({ name: value });
  return [
    ["eleven attributes", { ...tenAttributes(), eleventh: "x" }],
    ["an empty attribute name", named("")],
    ["an attribute name of 257 characters", named("n".repeat(257))],
    ["an attribute name with a space", named("a b")],
    ["an attribute name that begins with a dot", named(".a")],
    ["an attribute name with two dots in a row", named("a..b")],
    ["an attribute name with the prefix AWS.", named("AWS.a")],
    ["an empty attribute", valued("")],
    ["an attribute with a control character", valued("a\u0002")],
    ["an attribute of an unknown type", valued({ type: "Date", value: "now" })],
    ["a number that is none", valued({ type: "Number", value: "many" })],
    ["bytes that are text", valued({ type: "Binary", value: "text" })],
  ];
}
