import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Content } from "../../../backends/broadcast_channel/frame.ts";
import type { Want } from "../../../backends/broadcast_channel/operation.ts";
import type { Operation } from "../../../backends/broadcast_channel/operation.ts";
import { readFrame } from "../../../backends/broadcast_channel/read_frame.ts";
import { fromRows, toRows } from "../../../backends/broadcast_channel/rows.ts";

const ENVELOPE = { version: 1, from: "x" };
const ATTRIBUTES = { text: "t", number: 1, bytes: new Uint8Array([1]), ["__proto__"]: "own" };
const OPERATIONS: readonly Operation[] = [
  {
    kind: "send",
    destination: { topic: "orders" },
    messages: [{ body: "plain", attributes: ATTRIBUTES }, { body: "", attributes: {} }],
    id: "id",
    create: true,
  },
  {
    kind: "send",
    destination: { queue: "billing.fifo" },
    messages: [{ body: "b", attributes: {}, group: "g", deduplicationId: "d" }],
    id: "id",
    create: false,
  },
  {
    kind: "send",
    destination: { queue: "billing" },
    messages: [{ body: "later", attributes: {}, delayMs: 5 }],
    id: "id",
    create: false,
  },
  { kind: "receive", queue: "billing", max: 10, visibilityMs: 30_000 },
  { kind: "acknowledge", queue: "billing", receipts: ["q1:1:1:1", ""] },
  { kind: "release", queue: "billing", releases: [{ receipt: "r", delayMs: 5 }] },
  { kind: "describeQueue", name: "billing" },
];
const WANTS: readonly Want[] = [
  { number: 1, queue: "billing", max: 10, visibilityMs: 30_000, wait: true },
  { number: 2, queue: "billing", max: 1, visibilityMs: 0, wait: false },
];
const REQUEST: Content = {
  kind: "request",
  to: "me",
  ack: 1,
  done: [1, 2],
  first: 1,
  operations: OPERATIONS.filter(({ kind }) => kind !== "receive"),
  wants: WANTS,
  cancels: [3],
};
const ENTRIES: Content = {
  kind: "entries",
  epoch: 7,
  entries: OPERATIONS.map((operation, place) => {
    const numbers = { seq: place + 1, number: place, done: [place, 1] as const };
    return { ...numbers, epoch: 7, now: 1e12, member: "x", operation };
  }),
  ask: "me",
};

/** What arrives, without the fields that are there and hold nothing. */
function travelled(content: Content): unknown {
  const wire = structuredClone({ ...ENVELOPE, ...toRows(content) });
  return withoutNothing(readFrame(wire, "me"));
}

function withoutNothing(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNothing);
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(fields.map(([name, field]) => [name, withoutNothing(field)]));
}

describe("toRows() and fromRows()", () => {
  it("carry requests and entries with every operation", () => {
    for (const content of [REQUEST, ENTRIES]) {
      assertEquals(travelled(content), { ...ENVELOPE, ...content });
    }
  });

  it("leave all other frames as they are", () => {
    const bye = { ...ENVELOPE, kind: "bye" };
    assertEquals(fromRows({ ...ENVELOPE, ...toRows({ kind: "bye" }) }), bye);
  });
});

describe("readFrame(), rows", () => {
  const entries = (rows: unknown) => ({ ...ENVELOPE, kind: "entries", epoch: 7, entries: rows });
  const row: unknown[] = [1, 7, 1e12, "x", 1, 1, 1, ["receive", "billing", 10, 0]];

  it("takes a row that is as it should be", () => {
    assertEquals(readFrame(entries([row]), "me")?.kind, "entries");
  });

  it("drops rows of other lengths, kinds and types", () => {
    const operations = [
      [],
      ["receive"],
      ["receive", "billing", 10, 0, 0],
      ["receive", "billing", 11, 0],
      ["describeQueue", "billing"],
      ["__proto__", "billing", []],
      ["acknowledge", "billing", "q1:1:1:1"],
      ["acknowledge", "billing", new Array(1)],
      ["send", "queue", "billing", true, "id", [["b"]]],
      ["send", "queue", "billing", true, "id", [["b", {}, "g", "d", 0, 0]]],
      ["send", "queue", "billing", true, "id", new Array(1)],
      ["send", "queue", "billing", true, "id", { length: 0 }],
      null,
      { kind: "receive" },
    ];
    for (const operation of operations) {
      assertEquals(readFrame(entries([row.with(7, operation)]), "me"), undefined);
    }
    const rows = [null, {}, [], row.slice(0, 7), [...row, 1], row.with(0, "1"), row.with(5, -1)];
    for (const other of rows) assertEquals(readFrame(entries([other]), "me"), undefined);
  });

  it("drops lists that claim to be endless, without looking through them", () => {
    const endless = new Array(4_000_000_000);
    assertEquals(readFrame(entries(endless), "me"), undefined);
    const request = { ...ENVELOPE, ...toRows(REQUEST), wants: endless };
    assertEquals(readFrame(request, "me"), undefined);
    const send = ["send", "queue", "billing", true, "id", endless];
    assertEquals(readFrame(entries([row.with(7, send)]), "me"), undefined);
  });
});
