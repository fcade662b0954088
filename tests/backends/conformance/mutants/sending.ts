import type { Attributes, AttributeValue } from "../../../../src/wire/message.ts";
import { type Mutant, onAttributes, onMessage, onSend } from "./mutant.ts";

const LARGEST = 1_048_576;

export const sendingMutants: Mutant[] = [
  {
    name: "loses four-byte characters",
    fails: ["send() carries characters of four bytes"],
    mutate: (good) =>
      onMessage(good, ({ body }) => ({ body: body.replace(/[\u{10000}-\u{10FFFF}]/gu, "?") })),
  },
  {
    name: "loses all but ASCII",
    fails: [
      "send() carries any text it accepts",
      "send() carries characters of four bytes",
      "send() carries a body of the largest size in bytes",
    ],
    mutate: (good) => onMessage(good, ({ body }) => ({ body: body.replace(/[^\0-\x7F]/g, "?") })),
  },
  {
    name: "send() gives its results out of order",
    fails: [
      "send() gives one result per message, in order",
      "send() refuses bad bodies and stores their neighbours",
      "send() refuses one byte too many and stores the neighbours",
    ],
    mutate: (good) => ({
      send: async (...args) => (await good.send(...args)).reverse(),
    }),
  },
  {
    name: "send() fails the neighbours of a bad message",
    fails: [
      "send() refuses bad bodies and stores their neighbours",
      "send() refuses one byte too many and stores the neighbours",
      "send() refuses bad attributes and stores the neighbours",
      "send() to FIFO refuses bad groups and ids and stores the neighbours",
      "send() to a standard queue refuses a deduplication id",
      "send() to a topic refuses a delay",
    ],
    mutate: (good) => ({
      send: async (...args) => {
        const results = await good.send(...args);
        const bad = results.find((result) => !result.ok);
        return bad ? results.map(() => bad) : results;
      },
    }),
  },
  {
    name: "sizeOf() counts UTF-16 units",
    fails: [
      "sizeOf() counts the bytes of body and attributes",
      "send() carries a body of the largest size in bytes",
    ],
    mutate: () => ({ sizeOf: ({ body }) => body.length }),
  },
  {
    name: "sizeOf() forgets the type of an attribute",
    fails: [
      "sizeOf() counts the bytes of body and attributes",
      "send() counts attributes as part of the size",
    ],
    mutate: (good) => ({
      sizeOf: (message, destination) =>
        good.sizeOf(message, destination) - 6 * Object.keys(message.attributes).length,
    }),
  },
  ...(["é", "漢", "😀"].map((character): Mutant => ({
    name: `sizeOf() miscounts ${character} by one`,
    fails: ["sizeOf() counts the bytes of body and attributes"],
    mutate: (good) => ({
      sizeOf: (message, destination) =>
        good.sizeOf(message, destination) + (message.body === `x${character}` ? 1 : 0),
    }),
  }))),
  ...(["ab", "n", "b", "c"].map((attribute): Mutant => ({
    name: `sizeOf() miscounts the attribute ${attribute} by one`,
    fails: ["sizeOf() counts the bytes of body and attributes"],
    mutate: (good) => ({
      sizeOf: (message, destination) =>
        good.sizeOf(message, destination) + (attribute in message.attributes ? 1 : 0),
    }),
  }))),
  {
    name: "loses the last message of a full batch, and says that it was sent",
    fails: ["send() takes a batch of the most messages and bytes"],
    spares: ["send() carries text attributes"],
    mutate: (good) => ({
      send: async (destination, messages, options) => {
        if (messages.length < 10) return await good.send(destination, messages, options);
        const results = await good.send(destination, messages.slice(0, 9), options);
        return [...results, { ok: true, messageId: "lost" }];
      },
    }),
  },
  {
    name: "takes more than its limit",
    fails: [
      "send() refuses one byte too many and stores the neighbours",
      "send() counts attributes as part of the size",
    ],
    limits: { queue: { messageBytes: LARGEST + 10, batchBytes: 2 * LARGEST } },
    mutate: () => ({}),
  },
  {
    name: "takes less than its limit",
    fails: [
      "send() carries a body of the largest size in bytes",
      "send() takes a batch of the most messages and bytes",
    ],
    limits: { queue: { messageBytes: LARGEST - 1, batchBytes: LARGEST - 10 } },
    mutate: () => ({}),
  },
  {
    name: "send() reads its array later",
    fails: ["send() is not affected by later changes of its arguments"],
    mutate: (good) => ({
      send: async (...args) => {
        await null;
        return await good.send(...args);
      },
    }),
  },
  {
    name: "ignores delays",
    fails: [
      "send() hides a message for its delay",
      "send() hides a message for the longest delay",
      "send() takes the longest delay and none above it",
      "send() to FIFO refuses a delay per message",
      "send() to a topic refuses a delay",
      "describeQueue() counts delayed messages",
    ],
    mutate: (good) => onSend(good, ({ delayMs: _, ...message }) => message),
  },
  {
    name: "delays for ever",
    fails: [
      "send() hides a message for its delay",
      "declareQueue() sets a delay for all messages",
    ],
    mutate: (good) => ({
      ...onSend(good, (message) => message.delayMs ? { ...message, delayMs: 900_000 } : message),
      declareQueue: (name, options) =>
        good.declareQueue(name, options?.delayMs ? { ...options, delayMs: 900_000 } : options),
    }),
  },
  {
    name: "takes a delay of 0 for none",
    fails: ["send() makes a message of delay 0 available at once"],
    mutate: (good) =>
      onSend(good, ({ delayMs, ...message }) => delayMs ? { ...message, delayMs } : message),
  },
  {
    name: "ignores the delay of the queue",
    fails: ["declareQueue() sets a delay for all messages"],
    mutate: (good) => ({
      declareQueue: (name, { delayMs: _, ...options } = {}) => good.declareQueue(name, options),
    }),
  },
  {
    name: "says that it does not delay, and delays",
    guarantees: { delays: false },
    fails: ["send() refuses a delay where there are none", "limits are usable"],
    mutate: () => ({}),
  },
  {
    name: "sends numbers as text",
    fails: [
      "send() carries number attributes",
      "send() keeps attributes of messages in a batch apart",
    ],
    mutate: (good) =>
      onAttributes(
        good,
        (all) => mapped(all, (value) => typeof value === "number" ? `${value}` : value),
      ),
  },
  {
    name: "rounds numbers of many digits",
    fails: ["send() keeps numbers of many digits as text"],
    mutate: (good) =>
      onAttributes(
        good,
        (all) => mapped(all, (value) => isTyped(value, "Number") ? Number(value.value) : value),
      ),
  },
  {
    name: "drops the labels of attribute types",
    fails: ["send() carries attributes of custom types"],
    mutate: (good) =>
      onAttributes(
        good,
        (all) =>
          mapped(all, (value) =>
            isTyped(value, "") ? { ...value, type: value.type.split(".")[0]! } : value),
      ),
  },
  {
    name: "sends bytes as text",
    fails: ["send() carries bytes as attributes"],
    mutate: (good) =>
      onAttributes(
        good,
        (all) => mapped(all, (value) => value instanceof Uint8Array ? `${value}` : value),
      ),
  },
  {
    name: "trims text attributes",
    fails: ["send() carries text attributes"],
    spares: ["send() carries number attributes"],
    mutate: (good) =>
      onAttributes(
        good,
        (all) => mapped(all, (value) => typeof value === "string" ? value.trim() : value),
      ),
  },
  {
    name: "sends nine attributes only",
    fails: [
      "send() carries ten attributes",
      "send() refuses bad attributes and stores the neighbours",
    ],
    mutate: (good) =>
      onAttributes(good, (all) => Object.fromEntries(Object.entries(all).slice(0, 9))),
  },
  {
    name: "changes the case of attribute names",
    fails: ["send() carries attribute names of any allowed form"],
    mutate: (good) =>
      onAttributes(
        good,
        (all) =>
          Object.fromEntries(
            Object.entries(all).map(([name, value]) => [name.toLowerCase(), value]),
          ),
      ),
  },
  {
    name: "adds an attribute of its own",
    fails: ["send() carries a message without attributes", "send() carries text attributes"],
    spares: [],
    mutate: (good) =>
      onMessage(good, ({ attributes }) => ({ attributes: { ...attributes, own: 1 } })),
  },
  {
    name: "mixes up the attributes of a batch",
    fails: ["send() keeps attributes of messages in a batch apart"],
    mutate: (good) => ({
      send: (destination, messages, options) => {
        const attributes = messages[0]?.attributes ?? {};
        return good.send(
          destination,
          messages.map((message) => ({ ...message, attributes })),
          options,
        );
      },
    }),
  },
];

function mapped(
  attributes: Attributes,
  change: (value: AttributeValue) => AttributeValue,
): Attributes {
  const entries = Object.entries(attributes).map(([name, value]) => [name, change(value)]);
  return Object.fromEntries(entries);
}

function isTyped(value: AttributeValue, type: string): value is { type: string; value: string } {
  return typeof value === "object" && "type" in value && value.type.startsWith(type);
}
