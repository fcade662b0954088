import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Content } from "../../../backends/broadcast_channel/frame.ts";
import { readFrame } from "../../../backends/broadcast_channel/read_frame.ts";
import type { Operation } from "../../../backends/broadcast_channel/operation.ts";
import { toRows } from "../../../backends/broadcast_channel/rows.ts";

type Fields = Record<string, unknown>;

const DAY = 86_400_000;
const LOCK = 43_200_000;
const POSITION = { epoch: 3, seq: 5 };
const MESSAGE = {
  body: "b",
  attributes: { text: "t", number: 1, bytes: new Uint8Array(1), typed: { type: "S", value: "v" } },
  group: "g",
  deduplicationId: "d",
  delayMs: 0,
};
const SUBSCRIPTION = ["orders", { raw: true, policy: { a: ["b"] } }] as const;
const SETTINGS = {
  visibilityTimeoutMs: 30_000,
  retentionMs: DAY,
  delayMs: 0,
  contentBasedDeduplication: false,
  maxReceives: 5,
  deadLetterQueue: "dead",
};
const STORED = {
  body: "b",
  attributes: {},
  id: "m",
  sentAt: 1,
  keptFrom: 1,
  ordinal: 1,
  attempt: 0,
  receives: 0,
  state: "available",
  dueAt: 1,
  receivedAt: 0,
  receipt: "",
  holder: "",
  group: "g",
  deduplicationId: "d",
};
const ERROR = { melangeError: true, code: "C", message: "m", retryable: false };
const DESCRIPTION = {
  name: "q",
  address: "q",
  available: 0,
  inFlight: 0,
  delayed: 0,
  visibilityTimeoutMs: 0,
  deadLetterQueue: "d",
  maxReceives: 0,
};
const SENT = { ok: true, messageId: "m", sequenceNumber: "1", lockedUntil: new Date(0) };

const operations: Record<string, Fields> = {
  send: { kind: "send", destination: { queue: "q" }, messages: [MESSAGE], id: "i", create: true },
  publish: {
    kind: "send",
    destination: { topic: "t" },
    messages: [MESSAGE],
    id: "i",
    create: true,
  },
  acknowledge: { kind: "acknowledge", queue: "q", receipts: ["r"] },
  release: { kind: "release", queue: "q", releases: [{ receipt: "r", delayMs: 0 }] },
  extend: { kind: "extend", queue: "q", extensions: [{ receipt: "r", visibilityMs: 0 }] },
  deadLetter: {
    kind: "deadLetter",
    queue: "q",
    copies: [{ receipt: "r", copy: MESSAGE }],
    id: "i",
  },
  declareTopic: { kind: "declareTopic", name: "t", contentBasedDeduplication: true },
  declareQueue: {
    kind: "declareQueue",
    name: "q",
    settings: SETTINGS,
    subscriptions: [SUBSCRIPTION],
  },
  describeQueue: { kind: "describeQueue", name: "q" },
  deleteTopic: { kind: "deleteTopic", name: "t" },
  deleteQueue: { kind: "deleteQueue", name: "q" },
};
const leadersOperations: Record<string, Fields> = {
  receive: { kind: "receive", queue: "q", max: 10, visibilityMs: 0 },
  gone: { kind: "gone", member: "m" },
};

const REQUEST: Fields = {
  kind: "request",
  to: "me",
  ack: 0,
  done: [0, 0],
  first: 1,
  operations: [],
  wants: [{ number: 1, queue: "q", max: 1, visibilityMs: 0, wait: true }],
  cancels: [0],
};
const ENTRIES: Fields = {
  kind: "entries",
  epoch: 3,
  entries: [],
  ask: "a",
  to: "me",
  after: POSITION,
};

function entryOf(operation: Fields): Fields {
  return { seq: 1, epoch: 3, now: 1, member: "x", number: 0, done: [0, 0], operation };
}

function chunkOf(part: Fields): Fields {
  const at = POSITION;
  const place = { index: 0, count: 1, isLast: true };
  return { kind: "chunk", epoch: 3, snapshot: "s", log: "l", at, ...place, part };
}

/** One frame of each shape, by what it holds. */
const frames: Record<string, Fields> = {
  claim: { kind: "claim", epoch: 3, isSure: true },
  vote: { kind: "vote", to: "me", epoch: 3, log: "l", last: POSITION },
  cede: { kind: "cede", to: "me", epoch: 3 },
  beat: { kind: "beat", epoch: 3, log: "l", seq: 1, base: POSITION, probe: ["x"] },
  entries: { ...ENTRIES, entries: [entryOf(operations.describeQueue!)] },
  pull: {
    kind: "pull",
    to: "me",
    log: "l",
    have: POSITION,
    part: { snapshot: "s", index: 0 },
  },
  request: REQUEST,
  noted: { kind: "noted", to: "me", expect: 0, wants: [1] },
  ack: { kind: "ack", epoch: 3, seq: 1 },
  bye: { kind: "bye" },
  head: chunkOf({ part: "head", now: 1, queuesCreated: 0 }),
  member: chunkOf({
    part: "member",
    id: "x",
    next: 1,
    outcomes: [
      [1, { error: ERROR }],
      [2, { value: undefined }],
      [3, { value: [SENT, { ok: false, error: ERROR }, "receipt"] }],
      [4, { value: DESCRIPTION }],
    ],
    receives: [[1, { value: ["receipt"] }]],
  }),
  topic: chunkOf({
    part: "topic",
    name: "t",
    contentBasedDeduplication: true,
    nextOrdinal: 1,
    subscriptions: [SUBSCRIPTION],
    deduplication: [
      { key: "k", value: { ok: true, messageId: "m", sequenceNumber: "1" }, until: 1 },
    ],
  }),
  queue: chunkOf({
    part: "queue",
    name: "q",
    queue: {
      id: "q1",
      settings: { ...SETTINGS, fifo: true, inFlightLimit: 10 },
      nextOrdinal: 1,
      messages: [],
      deduplication: [{ key: "k", value: { messageId: "m", sequenceNumber: "1" }, until: 1 }],
      settled: { recent: [[1, "r"]], earlier: [[1, "r"]] },
    },
  }),
  messages: chunkOf({ part: "messages", queue: "q", messages: [STORED] }),
};
for (const [kind, operation] of Object.entries(operations)) {
  frames[`request to ${kind}`] = { ...REQUEST, operations: [operation] };
  frames[`entry to ${kind}`] = { ...ENTRIES, entries: [entryOf(operation)] };
}
for (const [kind, operation] of Object.entries(leadersOperations)) {
  frames[`entry to ${kind}`] = { ...ENTRIES, entries: [entryOf(operation)] };
}

/** What another context makes of a frame. */
function isRead(content: Fields): boolean {
  // Only what has a place can travel: a list of another length goes as it is.
  const wire = toRows(content as unknown as Content);
  return readFrame({ version: 1, from: "x", ...wire }, "me") !== undefined;
}

/** A copy with another value in one place. */
function changed(value: unknown, path: readonly string[], to: unknown): unknown {
  const [field, ...rest] = path;
  if (field === undefined) return to;
  const copy = Array.isArray(value) ? [...value] : { ...(value as Fields) };
  const holder = copy as Fields;
  holder[field] = changed(holder[field], rest, to);
  return copy;
}

function isReadWith(name: string, path: string, to: unknown): boolean {
  return isRead(changed(frames[name], path.split("."), to) as Fields);
}

const x = (length: number) => "x".repeat(length);
const listOf = (length: number, item: unknown) => new Array(length).fill(item);

/** The edges of a text. */
const text = (most: number, least: number = 0) => ({
  takes: [x(least), x(most)],
  refuses: [x(most + 1), ...(least > 0 ? [x(least - 1)] : []), 1, undefined, null],
});
const number = (least: number, most: number) => ({
  takes: [least, most],
  refuses: [least - 1, most + 1, NaN, "1", null],
});
const atLeast = (least: number) => ({
  takes: [least, Number.MAX_SAFE_INTEGER],
  refuses: [least - 1, Number.MAX_SAFE_INTEGER + 1, least + 0.5, "1", undefined],
});
const whole = (least: number, most: number) => ({
  takes: [least, most],
  refuses: [least - 1, most + 1, least + 0.5, "1", undefined],
});
const list = (most: number, item: unknown) => ({
  takes: [[], listOf(most, item)],
  refuses: [listOf(most + 1, item), [undefined], {}, "x", undefined],
});
const flag = { takes: [true, false], refuses: [0, "true", null, undefined] };

const id = text(64, 1);
const name = text(600, 1);
const receipt = text(200);
const count = atLeast(0);
const epoch = whole(0, 2 ** 52);
// 2 ** 53 + 1 is no number of its own.
const time = { takes: [0, 0.5, 2 ** 53], refuses: [-1, 2 ** 53 + 2, NaN, "1", null] };
const lock = number(0, LOCK);
const attribute = {
  takes: [x(1_100_000), -1e300, Infinity, new Uint8Array(3), { type: "S", value: "" }],
  refuses: [x(1_100_001), NaN, true, null, [], {}, { type: "S", value: 1 }],
};
const dictionary = {
  takes: [{}, Object.fromEntries(listOf(10, "v").map((v, i) => [`a${i}`, v]))],
  refuses: [Object.fromEntries(listOf(11, "v").map((v, i) => [`a${i}`, v])), [], null],
};

/** The edges of each field, by the frame and the way to the field. */
const edges: [
  frame: string,
  path: string,
  edge: { readonly takes: readonly unknown[]; readonly refuses: readonly unknown[] },
][] = [
  ["claim", "epoch", epoch],
  ["claim", "isSure", flag],
  ["vote", "epoch", epoch],
  ["vote", "log", text(64)],
  ["vote", "last.epoch", epoch],
  ["vote", "last.seq", count],
  ["cede", "epoch", epoch],
  ["beat", "epoch", epoch],
  ["beat", "log", id],
  ["beat", "seq", count],
  ["beat", "base.epoch", epoch],
  ["beat", "base.seq", count],
  ["beat", "probe", list(1_000, "x")],
  ["beat", "probe.0", id],
  ["entries", "epoch", epoch],
  ["entries", "entries", {
    takes: [listOf(1_000, entryOf(operations.describeQueue!))],
    refuses: [listOf(1_001, entryOf(operations.describeQueue!))],
  }],
  ["entries", "ask", { ...id, refuses: [x(65), "", 1, null] }],
  ["entries", "after.epoch", epoch],
  ["entries", "after.seq", count],
  ["entries", "entries.0.seq", atLeast(1)],
  ["entries", "entries.0.epoch", epoch],
  ["entries", "entries.0.now", time],
  ["entries", "entries.0.member", id],
  ["entries", "entries.0.number", count],
  ["entries", "entries.0.done.0", count],
  ["entries", "entries.0.done.1", count],
  ["pull", "log", text(64)],
  ["pull", "have.seq", count],
  ["pull", "part.snapshot", id],
  ["pull", "part.index", count],
  ["request", "ack", count],
  ["request", "done.0", count],
  ["request", "done.1", count],
  ["request", "first", atLeast(1)],
  ["request", "operations", {
    takes: [listOf(1_000, operations.describeQueue)],
    refuses: [listOf(1_001, operations.describeQueue)],
  }],
  ["request", "wants", {
    takes: [listOf(1_000, (REQUEST.wants as unknown[])[0])],
    refuses: [listOf(1_001, (REQUEST.wants as unknown[])[0])],
  }],
  ["request", "cancels", list(1_000, 1)],
  ["request", "cancels.0", count],
  ["request", "wants.0.number", atLeast(1)],
  ["request", "wants.0.queue", name],
  ["request", "wants.0.max", whole(1, 10)],
  ["request", "wants.0.visibilityMs", lock],
  ["request", "wants.0.wait", flag],
  ["noted", "expect", count],
  ["noted", "wants", list(1_000, 1)],
  ["noted", "wants.0", count],
  ["ack", "epoch", epoch],
  ["ack", "seq", count],
  ["head", "epoch", epoch],
  ["head", "snapshot", id],
  ["head", "log", id],
  ["head", "at.seq", count],
  ["head", "index", count],
  ["head", "count", whole(1, 100_000)],
  ["head", "isLast", flag],
  ["head", "part.now", time],
  ["head", "part.queuesCreated", count],
  ["member", "part.id", id],
  ["member", "part.next", atLeast(1)],
  ["member", "part.outcomes", list(1_000, [1, { value: undefined }])],
  ["member", "part.outcomes.0.0", count],
  ["member", "part.receives", list(1_000, [1, { value: undefined }])],
  ["member", "part.receives.0.0", count],
  ["member", "part.outcomes.0.1.error.melangeError", { takes: [true], refuses: [false, 1] }],
  ["member", "part.outcomes.0.1.error.code", text(100)],
  ["member", "part.outcomes.0.1.error.message", text(10_000)],
  ["member", "part.outcomes.0.1.error.retryable", flag],
  ["member", "part.outcomes.1.1.value", {
    takes: [undefined, listOf(10_000, "receipt")],
    refuses: [listOf(10_001, "receipt"), null, 1, true],
  }],
  ["member", "part.outcomes.2.1.value.0.ok", { takes: [true], refuses: [false, 1] }],
  ["member", "part.outcomes.2.1.value.0.messageId", { ...id, refuses: [x(65), "", 1] }],
  ["member", "part.outcomes.2.1.value.0.sequenceNumber", { takes: [x(40)], refuses: [x(41), 1] }],
  ["member", "part.outcomes.2.1.value.0.lockedUntil", {
    takes: [new Date(1)],
    refuses: [new Date(NaN), 1],
  }],
  ["member", "part.outcomes.2.1.value.1.ok", { takes: [false], refuses: [true, 0] }],
  ["member", "part.outcomes.2.1.value.1.error", { takes: [ERROR], refuses: [{}, undefined] }],
  ["member", "part.outcomes.2.1.value.2", { takes: ["", x(200)], refuses: [x(201), 1, {}] }],
  ["member", "part.outcomes.3.1.value.name", name],
  ["member", "part.outcomes.3.1.value.address", name],
  ["member", "part.outcomes.3.1.value.available", { ...count, refuses: [-1, 0.5, "1"] }],
  ["member", "part.outcomes.3.1.value.inFlight", { ...count, refuses: [-1, 0.5, "1"] }],
  ["member", "part.outcomes.3.1.value.delayed", { ...count, refuses: [-1, 0.5, "1"] }],
  ["member", "part.outcomes.3.1.value.visibilityTimeoutMs", lock],
  ["member", "part.outcomes.3.1.value.deadLetterQueue", {
    takes: ["d", x(80)],
    refuses: ["", x(81), 1],
  }],
  ["member", "part.outcomes.3.1.value.maxReceives", { ...count, refuses: [-1, 0.5, "1"] }],
  ["topic", "part.name", text(256, 1)],
  ["topic", "part.contentBasedDeduplication", flag],
  ["topic", "part.nextOrdinal", count],
  ["topic", "part.subscriptions", {
    takes: [[], listOf(100_000, ["t", { raw: true }])],
    refuses: [listOf(100_001, ["t", { raw: true }])],
  }],
  ["topic", "part.deduplication.0.key", text(300)],
  ["topic", "part.deduplication.0.value.ok", { takes: [true], refuses: [false, 1] }],
  ["topic", "part.deduplication.0.value.messageId", id],
  ["topic", "part.deduplication.0.value.sequenceNumber", { takes: [x(40)], refuses: [x(41), 1] }],
  ["topic", "part.deduplication.0.until", { takes: [0, Infinity], refuses: [-1, NaN, "1"] }],
  ["queue", "part.name", text(80, 1)],
  ["queue", "part.queue.id", text(40, 1)],
  ["queue", "part.queue.settings.fifo", flag],
  ["queue", "part.queue.settings.inFlightLimit", count],
  ["queue", "part.queue.settings.visibilityTimeoutMs", lock],
  ["queue", "part.queue.settings.deadLetterQueue", { takes: [x(80)], refuses: ["", x(81), 1] }],
  ["queue", "part.queue.nextOrdinal", atLeast(1)],
  ["queue", "part.queue.messages", { takes: [[]], refuses: [[STORED], {}, undefined] }],
  ["queue", "part.queue.deduplication.0.key", text(300)],
  ["queue", "part.queue.deduplication.0.value.messageId", id],
  ["queue", "part.queue.deduplication.0.value.sequenceNumber", text(40)],
  ["queue", "part.queue.deduplication.0.until", { takes: [0, Infinity], refuses: [-1, NaN] }],
  ["queue", "part.queue.settled.recent", list(5_000, [1, "r"])],
  ["queue", "part.queue.settled.earlier", list(5_000, [1, "r"])],
  ["queue", "part.queue.settled.recent.0.0", atLeast(1)],
  ["queue", "part.queue.settled.recent.0.1", receipt],
  ["messages", "part.queue", text(80, 1)],
  ["messages", "part.messages", {
    takes: [[], listOf(100_000, STORED)],
    refuses: [listOf(100_001, STORED), {}, undefined],
  }],
  ["messages", "part.messages.0.body", text(1_100_000)],
  ["messages", "part.messages.0.attributes", dictionary],
  ["messages", "part.messages.0.id", id],
  ["messages", "part.messages.0.sentAt", time],
  ["messages", "part.messages.0.keptFrom", time],
  ["messages", "part.messages.0.ordinal", atLeast(1)],
  ["messages", "part.messages.0.attempt", count],
  ["messages", "part.messages.0.receives", count],
  ["messages", "part.messages.0.state", {
    takes: ["delayed", "available", "inFlight"],
    refuses: ["gone", "", undefined],
  }],
  ["messages", "part.messages.0.dueAt", time],
  ["messages", "part.messages.0.receivedAt", time],
  ["messages", "part.messages.0.receipt", receipt],
  ["messages", "part.messages.0.holder", text(64)],
  ["messages", "part.messages.0.group", { takes: ["", x(128)], refuses: [x(129), 1] }],
  ["messages", "part.messages.0.deduplicationId", { takes: ["", x(128)], refuses: [x(129), 1] }],
];

/** The edges of each field of an operation, in a request and in an entry. */
const operationEdges: typeof edges = [
  ["send", "destination", {
    takes: [{ topic: "t" }, { queue: "q" }],
    refuses: [{}, { place: "x" }, { topic: "" }, { queue: "" }],
  }],
  ["send", "destination.queue", name],
  ["publish", "destination.topic", name],
  ["send", "messages", { takes: [[], listOf(10, MESSAGE)], refuses: [listOf(11, MESSAGE)] }],
  ["send", "messages.0.body", text(1_100_000)],
  ["send", "messages.0.attributes", dictionary],
  ["send", "messages.0.attributes.text", attribute],
  ["send", "messages.0.attributes.typed.type", text(300, 1)],
  ["send", "messages.0.attributes.typed.value", {
    takes: ["", x(1_100_000), new Uint8Array(0)],
    refuses: [x(1_100_001), 1, null],
  }],
  ["send", "messages.0.group", { takes: ["", x(128), undefined], refuses: [x(129), 1, null] }],
  ["send", "messages.0.deduplicationId", {
    takes: ["", x(128), undefined],
    refuses: [x(129), 1, null],
  }],
  ["send", "messages.0.delayMs", {
    takes: [0, 900_000, undefined],
    refuses: [-1, 900_001, NaN, "1", null],
  }],
  ["send", "id", id],
  ["send", "create", flag],
  ["acknowledge", "queue", name],
  ["acknowledge", "receipts", list(10_000, "r")],
  ["acknowledge", "receipts.0", receipt],
  ["release", "queue", name],
  ["release", "releases", list(10, { receipt: "r", delayMs: 0 })],
  ["release", "releases.0.receipt", receipt],
  ["release", "releases.0.delayMs", { takes: [0, -1, NaN, 1e300], refuses: ["1", undefined] }],
  ["extend", "queue", name],
  ["extend", "extensions", list(10, { receipt: "r", visibilityMs: 0 })],
  ["extend", "extensions.0.receipt", receipt],
  ["extend", "extensions.0.visibilityMs", { takes: [0, -1, NaN], refuses: ["1", undefined] }],
  ["deadLetter", "queue", name],
  ["deadLetter", "copies", list(10, { receipt: "r", copy: MESSAGE })],
  ["deadLetter", "copies.0.receipt", receipt],
  ["deadLetter", "id", id],
  ["declareTopic", "name", text(256, 1)],
  ["declareTopic", "contentBasedDeduplication", {
    takes: [true, false, undefined],
    refuses: [0, "true", null],
  }],
  ["declareQueue", "name", text(80, 1)],
  ["declareQueue", "settings.visibilityTimeoutMs", { takes: [0, LOCK], refuses: [-1, LOCK + 1] }],
  ["declareQueue", "settings.retentionMs", number(60_000, 14 * DAY)],
  ["declareQueue", "settings.delayMs", number(0, 900_000)],
  ["declareQueue", "settings.maxReceives", { ...whole(1, 1_000), refuses: [0, 1_001, 1.5] }],
  ["declareQueue", "settings.contentBasedDeduplication", { takes: [true], refuses: [1, null] }],
  ["declareQueue", "settings.deadLetterQueue", { takes: ["d", x(80)], refuses: ["", x(81), 1] }],
  ["declareQueue", "subscriptions.0.0", text(256, 1)],
  ["declareQueue", "subscriptions.0.1.raw", flag],
  ["declareQueue", "subscriptions.0.1.policy", {
    takes: [{ a: ["b"] }, undefined],
    refuses: [{ a: [] }, { a: "b" }, null],
  }],
  ["describeQueue", "name", name],
  ["deleteTopic", "name", name],
  ["deleteQueue", "name", name],
];

function checkEdge(frame: string, path: string, edge: (typeof edges)[number][2]): void {
  for (const [place, value] of edge.takes.entries()) {
    assert(isReadWith(frame, path, value), `${frame} with ${path} takes the one at ${place}`);
  }
  for (const [place, value] of edge.refuses.entries()) {
    const isTaken = isReadWith(frame, path, value);
    assert(!isTaken, `${frame} with ${path} refuses the one at ${place}`);
  }
}

describe("readFrame(), the edges of every field", () => {
  it("takes one frame of each shape", () => {
    for (const [name, frame] of Object.entries(frames)) assert(isRead(frame), name);
  });

  it("takes who it comes from, and whom it is for", () => {
    const bye = { version: 1, kind: "bye" };
    for (const from of ["x", x(64)]) assert(readFrame({ ...bye, from }, "me"), from);
    for (const from of ["", x(65), 1]) assertEquals(readFrame({ ...bye, from }, "me"), undefined);
    const cede = { version: 1, from: "x", kind: "cede", epoch: 1 };
    for (const to of ["m", x(64)]) assert(readFrame({ ...cede, to }, to), to);
    for (const to of ["", x(65)]) assertEquals(readFrame({ ...cede, to }, to), undefined);
  });

  it("takes each field up to its edges, and refuses the frame past them", () => {
    for (const [frame, path, edge] of edges) checkEdge(frame, path, edge);
  });

  it("takes the operations of requests and of entries up to their edges", () => {
    for (const [operation, path, edge] of operationEdges) {
      checkEdge(`request to ${operation}`, `operations.0.${path}`, edge);
      checkEdge(`entry to ${operation}`, `entries.0.operation.${path}`, edge);
    }
    checkEdge("entry to receive", "entries.0.operation.queue", name);
    checkEdge("entry to receive", "entries.0.operation.max", whole(1, 10));
    checkEdge("entry to receive", "entries.0.operation.visibilityMs", lock);
    checkEdge("entry to gone", "entries.0.operation.member", id);
  });

  it("refuses what only a leader adds to the log in a request", () => {
    for (const operation of Object.values(leadersOperations)) {
      assertEquals(isRead({ ...REQUEST, operations: [operation as unknown as Operation] }), false);
    }
  });

  it("refuses a frame that lacks one of its fields, or has one more", () => {
    const optional: Record<string, readonly string[]> = {
      entries: ["ask", "to", "after"],
      pull: ["part"],
    };
    for (const [name, frame] of Object.entries(frames)) {
      assertEquals(isRead({ ...frame, more: 1 }), false, `${name} with one more`);
      for (const field of Object.keys(frame)) {
        const isOptional = optional[String(frame.kind)]?.includes(field) ?? false;
        const { [field]: _, ...rest } = frame;
        // Rows are made of lists only.
        if (["operations", "wants", "entries"].includes(field)) continue;
        const isTaken = readFrame({ version: 1, from: "x", ...rest }, "me") !== undefined;
        if (!isOptional) assertEquals(isTaken, false, `${name} without ${field}`);
      }
    }
  });
});
