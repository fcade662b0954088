import { checkPolicy } from "../memory/filter.ts";
import { MAX_VISIBILITY_MS } from "../memory/queue.ts";
import {
  bytes,
  type Check,
  date,
  dictionary,
  either,
  exactly,
  flag,
  list,
  shape,
  text,
  tuple,
  whole,
  within,
} from "./check.ts";
import { type Frame, VERSION } from "./frame.ts";
import { fromRows } from "./rows.ts";

/** Limits of one message on the channel; ours stay far below. */
const MANY = 100_000;
const BODY = 1_100_000;
/** Leaves room to go on counting. */
const MAX_EPOCH = 2 ** 52;

const id = text(64, 1);
const name = text(600, 1);
const receipt = text(200);
const count = whole(0);
const time = within(0, 2 ** 53);
const epoch = whole(0, MAX_EPOCH);
const position = shape({ epoch, seq: count });

const attribute = either(
  text(BODY),
  within(-Infinity, Infinity),
  bytes,
  shape({ type: text(300, 1), value: either(text(BODY), bytes) }),
);
const content = { body: text(BODY), attributes: dictionary(attribute, 10) };
const routing = { group: text(128), deduplicationId: text(128) };
const outgoing = shape(content, { ...routing, delayMs: within(0, 900_000) });
const lock = within(0, MAX_VISIBILITY_MS);
/**
 * Any number, also a number that the queue refuses: a refusal is an answer, and silence is none.
 */
const number: Check = (value) => typeof value === "number";

const settings = {
  visibilityTimeoutMs: lock,
  retentionMs: within(60_000, 14 * 86_400_000),
  delayMs: within(0, 900_000),
  contentBasedDeduplication: flag,
  maxReceives: whole(1, 1_000),
};
const policy: Check = (value) => {
  try {
    checkPolicy(value as Parameters<typeof checkPolicy>[0]);
    return true;
  } catch {
    return false;
  }
};
const subscriptions = list(tuple(text(256, 1), shape({ raw: flag }, { policy })), MANY);

const OPERATIONS: Readonly<Record<string, Check>> = {
  send: shape({
    kind: text(20),
    destination: either(shape({ topic: name }), shape({ queue: name })),
    messages: list(outgoing, 10),
    id,
    create: flag,
  }),
  acknowledge: shape({ kind: text(20), queue: name, receipts: list(receipt, 10_000) }),
  release: shape({
    kind: text(20),
    queue: name,
    releases: list(shape({ receipt, delayMs: number }), 10),
  }),
  extend: shape({
    kind: text(20),
    queue: name,
    extensions: list(shape({ receipt, visibilityMs: number }), 10),
  }),
  deadLetter: shape({
    kind: text(20),
    queue: name,
    copies: list(shape({ receipt, copy: outgoing }), 10),
    id,
  }),
  declareTopic: shape({ kind: text(20), name: text(256, 1) }, { contentBasedDeduplication: flag }),
  declareQueue: shape({
    kind: text(20),
    name: text(80, 1),
    settings: shape({}, { ...settings, deadLetterQueue: text(80, 1) }),
    subscriptions,
  }),
  describeQueue: shape({ kind: text(20), name }),
  inspect: shape({ kind: text(20), topics: list(name, 1_000), queues: list(name, 1_000) }),
  deleteTopic: shape({ kind: text(20), name }),
  deleteQueue: shape({ kind: text(20), name }),
};
/** The operations of the log; some are added by a leader only. */
const LEADERS_OPERATIONS: Readonly<Record<string, Check>> = {
  ...OPERATIONS,
  receive: shape({ kind: text(20), queue: name, max: whole(1, 10), visibilityMs: lock }),
  gone: shape({ kind: text(20), member: id }),
};

/** Tells if a message can be sent on the channel. */
export const isOutgoing: Check = outgoing;
/** Tells if any member may ask for an operation. */
export const isRequest: Check = byKind(OPERATIONS);
const entry = shape({
  seq: whole(1),
  epoch,
  now: time,
  member: id,
  number: count,
  done: tuple(count, count),
  operation: byKind(LEADERS_OPERATIONS),
});

const error = shape({
  melangeError: exactly(true),
  code: text(100),
  message: text(10_000),
  retryable: flag,
});
const item = either(
  shape({ ok: exactly(true) }, { messageId: id, sequenceNumber: text(40), lockedUntil: date }),
  shape({ ok: exactly(false), error }),
  receipt,
);
const description = shape({ name, address: name }, {
  available: count,
  inFlight: count,
  delayed: count,
  visibilityTimeoutMs: lock,
  deadLetterQueue: text(80, 1),
  maxReceives: count,
});
const outcome = either(
  shape({ error }),
  shape({ value: either(exactly(undefined), list(item, 10_000), description) }),
);

const state: Check = (value) =>
  value === "delayed" || value === "available" || value === "inFlight";
const stored = shape({
  ...content,
  id,
  sentAt: time,
  keptFrom: time,
  ordinal: whole(1),
  attempt: count,
  receives: count,
  state,
  dueAt: time,
  receivedAt: time,
  receipt,
  holder: text(64),
}, { ...routing, movedFrom: text(80, 1) });
const recent = (value: Check): Check =>
  list(shape({ key: text(300), value, until: within(0, Infinity) }), 1_000_000);
const sent = shape({ messageId: id, sequenceNumber: text(40) });

const settlements = list(tuple(whole(1), receipt), 5_000);

const PARTS: Readonly<Record<string, Check>> = {
  head: shape({
    part: text(10),
    now: time,
    queuesCreated: count,
  }),
  member: shape({
    part: text(10),
    id,
    next: whole(1),
    outcomes: list(tuple(count, outcome), 1_000),
    receives: list(tuple(count, outcome), 1_000),
  }),
  topic: shape({
    part: text(10),
    name: text(256, 1),
    contentBasedDeduplication: flag,
    nextOrdinal: count,
    subscriptions,
    deduplication: recent(
      shape({ ok: exactly(true), messageId: id }, { sequenceNumber: text(40) }),
    ),
  }),
  queue: shape({
    part: text(10),
    name: text(80, 1),
    queue: shape({
      id: text(40, 1),
      settings: shape({ ...settings, fifo: flag, inFlightLimit: count }, {
        deadLetterQueue: text(80, 1),
      }),
      nextOrdinal: whole(1),
      messages: list(stored, 0),
      deduplication: recent(sent),
      settled: shape({ recent: settlements, earlier: settlements }),
    }),
  }),
  messages: shape({ part: text(10), queue: text(80, 1), messages: list(stored, MANY) }),
};

const want = shape({
  number: whole(1),
  queue: name,
  max: whole(1, 10),
  visibilityMs: lock,
  wait: flag,
});

const envelope = { version: exactly(VERSION), from: id, kind: text(20) };
const FRAMES: Readonly<Record<string, Check>> = {
  claim: shape({ ...envelope, epoch, isSure: flag }),
  vote: shape({ ...envelope, to: id, epoch, log: text(64), last: position }),
  cede: shape({ ...envelope, to: id, epoch }),
  beat: shape({
    ...envelope,
    epoch,
    log: id,
    seq: count,
    base: position,
    probe: list(id, 1_000),
  }),
  entries: shape({ ...envelope, epoch, entries: list(entry, 1_000) }, {
    ask: id,
    to: id,
    after: position,
  }),
  pull: shape({ ...envelope, to: id, log: text(64), have: position }, {
    part: shape({ snapshot: id, index: count }),
  }),
  chunk: shape({
    ...envelope,
    epoch,
    snapshot: id,
    log: id,
    at: position,
    index: count,
    count: whole(1, MANY),
    part: byField(PARTS, "part"),
    isLast: flag,
  }),
  request: shape({
    ...envelope,
    to: id,
    ack: count,
    done: tuple(count, count),
    first: whole(1),
    operations: list(isRequest, 1_000),
    wants: list(want, 1_000),
    cancels: list(count, 1_000),
  }),
  noted: shape({ ...envelope, to: id, expect: count, wants: list(count, 1_000) }),
  ack: shape({ ...envelope, epoch, seq: count }),
  bye: shape(envelope),
};

const isFrame: Check = byKind(FRAMES);

/**
 * Reads a message on the channel as a frame for `me`. Returns `undefined` for all other messages:
 * frames of or for other contexts, other versions, junk. Never throws.
 */
export function readFrame(message: unknown, me: string): Frame | undefined {
  try {
    if (typeof message !== "object" || message === null) return undefined;
    const { version, from, to } = message as Record<string, unknown>;
    // First what is cheap: most frames are for others.
    if (version !== VERSION || from === me || (to !== undefined && to !== me)) return undefined;
    const frame = fromRows(message);
    return isFrame(frame) ? frame as Frame : undefined;
  } catch {
    return undefined;
  }
}

function byKind(checks: Readonly<Record<string, Check>>): Check {
  return byField(checks, "kind");
}

function byField(checks: Readonly<Record<string, Check>>, field: string): Check {
  return (value) => {
    const kind = (value as Record<string, unknown> | null)?.[field];
    return typeof kind === "string" && Object.hasOwn(checks, kind) && checks[kind]!(value);
  };
}
