/**
 * What the one leader does: it puts operations in order, applies them, sends them to all, and tells
 * its own callers how they turned out once another context has them too.
 */
import type { Clock } from "../../src/support/clock.ts";
import { nextChangeAt } from "../memory/queue.ts";
import { nameIn } from "../memory/names.ts";
import type { Content, Position, Pull } from "./frame.ts";
import type { Want } from "./operation.ts";
import { receiveOf } from "./operation.ts";
import type { Outcome } from "./outcome.ts";
import type { Peer, Peers } from "./peers.ts";
import { append, entriesAfter, entriesFrom, type Replica } from "./replica.ts";
import type { Batch } from "./requests.ts";
import { type SnapshotPart, takeSnapshot } from "./snapshot.ts";
import { answerOf, type Entry, holdersIn } from "./state.ts";
import type { Timing } from "./timing.ts";
import { countThatFits, weightOf } from "./weight.ts";

/** The leader of an epoch. */
export interface Leader {
  /** Under which its locks are given. */
  readonly epoch: number;
  /** Takes what a member asks for. */
  accept(from: string, batch: Batch): void;
  /** Takes note of what a member has. */
  acknowledged(peer: Peer, seq: number): void;
  /** Sends a member what it misses. */
  answer(from: string, pull: Pull): void;
  /** Says that it leads. */
  beat(): void;
  /** Ends the locks and forgets the receives of a member. */
  release(member: string): void;
  /** Sends what was added to the log. */
  flush(): void;
  /** Who holds locks. */
  holders(): Set<string>;
  /** When something is to be done. */
  dueAt(): number | undefined;
  /** Does what is due. */
  wake(): void;
}

/** Options of {@linkcode createLeader}. */
export interface LeaderOptions {
  id: string;
  epoch: number;
  clock: Clock;
  timing: Timing;
  replica: Replica;
  peers: Peers;
  newId: () => string;
  /** Entries of its own context from before, of which its calls do not know: sent once more. */
  own: readonly OwnEntry[];
  /** Whether it still leads: a channel that breaks ends that in the middle of anything. */
  leads: () => boolean;
  post: (content: Content) => void;
  /** Called when there is something to flush. */
  changed: () => void;
  /** Called when an entry of its own context is safe. */
  settled: (entry: Entry, outcome: Outcome) => void;
  /** Called when receives of its own context wait. */
  noted: (wants: readonly number[]) => void;
}

/** An entry of the leader's own context, and what its call is to be told. */
export interface OwnEntry {
  readonly entry: Entry;
  readonly outcome: Outcome;
}

interface WaitingWant extends Want {
  readonly member: string;
  readonly done: readonly [number, number];
}

interface TakenSnapshot {
  readonly id: string;
  readonly at: Position;
  readonly parts: readonly SnapshotPart[];
  /** When parts were sent last, by the index of the first. */
  readonly sentAt: Map<number, number>;
  usedAt: number;
}

/** How many entries one message on the channel holds. */
const FRAME_ENTRIES = 100;
/** How many messages may be on their way: Deno drops what comes after 256. */
const WINDOW = 48;
/**
 * As long as few are on their way, a message leaves with so many entries: the others apply these
 * while this context works on the next ones.
 */
const EAGER = { entries: 8, window: 16 };
/** How many entries, and how many parts of a snapshot, answer one question. */
const ANSWER = { entries: 400, parts: 4 };
/** How many receives of one member wait at the most. */
const WANTS = 1_000;
const SNAPSHOT_MS = 10_000;

/** Begins to lead. */
export function createLeader(options: LeaderOptions): Leader {
  const { id, epoch, clock, timing, replica, peers, post, changed } = options;
  const base = replica.last;
  const since = clock.now();
  // Its time goes on where that of the leader before it ended, whatever its own clock says.
  const aheadMs = Math.max(0, replica.state.now - since);
  const brokerTime = () => Math.max(clock.now() + aheadMs, replica.state.now);
  let beatAt = since;
  /** Waiting receives, by the name of the queue. */
  const wants = new Map<string, WaitingWant[]>();
  const unsent: Entry[] = entriesFrom(replica, options.own[0]?.entry.seq);
  let sentSeq = base.seq;
  /** The last entry of each message that not everyone has acknowledged. */
  const onTheWay: number[] = [];
  /** Own entries that no other context is known to have. */
  const uncommitted: OwnEntry[] = [...options.own];
  let askedAt: number | undefined;
  let askedAll = false;
  let taken: TakenSnapshot | undefined;
  let wakeAt: number | undefined;

  function accept(from: string, batch: Batch): void {
    for (const number of batch.cancels) forgetWant(from, number);
    const expect = Math.max(replica.state.members.get(from)?.next ?? 0, batch.done[0]);
    const noted: number[] = [];
    if (batch.operations.length > 0 && batch.first > expect) {
      post({ kind: "noted", to: from, expect, wants: [] });
    } else acceptAll(from, batch, expect);
    for (const want of batch.wants) if (acceptWant(from, want, batch)) noted.push(want.number);
    if (noted.length === 0) return;
    if (from === id) options.noted(noted);
    else post({ kind: "noted", to: from, expect: 0, wants: noted });
  }

  function acceptAll(from: string, { first, operations, done }: Batch, expect: number): void {
    const repeated = Math.min(expect - first, operations.length);
    // It asks again because it has missed the answer: it learns from a beat how far the log is.
    if (repeated > 0 && from !== id) beat();
    operations.slice(Math.max(repeated, 0)).forEach((operation, place) =>
      add({ member: from, number: expect + place, done, operation })
    );
  }

  /** Tells whether the receive waits from now on. */
  function acceptWant(from: string, want: Want, { done }: Batch): boolean {
    const { number } = want;
    const isAnswered = replica.state.members.get(from)?.receives.has(number) ?? false;
    if (isAnswered && from !== id) beat();
    if (isAnswered || number < done[1]) return false;
    const name = nameIn(want.queue);
    const queue = replica.state.broker.queues.get(name);
    const waiting = wants.get(name) ?? [];
    if (waiting.some((each) => each.member === from && each.number === number)) return true;
    if (!queue || !want.wait) {
      add({ member: from, number, done, operation: receiveOf(want) });
      return false;
    }
    if (waiting.length >= WANTS) return false;
    wants.set(name, [...waiting, { ...want, member: from, done }]);
    serve(name);
    return wants.get(name)?.some((each) => each.member === from && each.number === number) ?? false;
  }

  function forgetWant(member: string, number?: number): void {
    for (const [name, waiting] of wants) {
      const others = waiting.filter((each) =>
        each.member !== member || (number !== undefined && each.number !== number)
      );
      if (others.length === 0) wants.delete(name);
      else if (others.length < waiting.length) wants.set(name, others);
    }
  }

  function add(request: Pick<Entry, "member" | "number" | "done" | "operation">): void {
    const now = brokerTime();
    const { member, number, done, operation } = request;
    const entry: Entry = { seq: replica.last.seq + 1, epoch, now, member, number, done, operation };
    const { outcome, woken } = append(replica, entry);
    unsent.push(entry);
    if (entry.member === id && entry.operation.kind !== "gone") {
      uncommitted.push({ entry, outcome: answerOf(replica.state, entry, outcome) });
    }
    for (const name of woken) serve(name);
    if (unsent.length >= EAGER.entries && onTheWay.length < EAGER.window) send(takeFrame(unsent));
    changed();
  }

  /** Receives for those who wait at a queue, as long as there is something. */
  function serve(name: string): void {
    for (;;) {
      const first = wants.get(name)?.[0];
      const queue = replica.state.broker.queues.get(name);
      if (!first) return;
      const now = brokerTime();
      const at = queue ? nextChangeAt(queue, now) : now;
      if (at === undefined) return;
      if (at > now) return plan(at - aheadMs);
      const { member, number, done } = first;
      forgetWant(member, number);
      add({ member, number, done, operation: receiveOf(first) });
    }
  }

  function plan(at: number): void {
    wakeAt = Math.min(at, wakeAt ?? Infinity);
  }

  function flush(): void {
    while (unsent.length > 0 && onTheWay.length < WINDOW) send(takeFrame(unsent));
    commit();
    if (askedAt !== undefined) return;
    if (unsent.length > 0) ask("*");
    else if (uncommitted.length > 0) ask(liveliest() ?? "*");
  }

  function send(entries: Entry[]): void {
    sentSeq = entries.at(-1)?.seq ?? sentSeq;
    if (followers().length > 0) onTheWay.push(sentSeq);
    const last = unsent.length === 0 && uncommitted.length > 0 && askedAt === undefined;
    const to = last ? liveliest() : undefined;
    if (to !== undefined) noteAsked();
    post({ kind: "entries", epoch, entries, ...(to === undefined ? {} : { ask: to }) });
  }

  function ask(whom: string): void {
    noteAsked();
    askedAll = whom === "*";
    post({ kind: "entries", epoch, entries: [], ask: whom });
  }

  function noteAsked(): void {
    askedAt = clock.now();
    askedAll = false;
  }

  /** Those who are known to follow, and who answer. */
  function followers(): Peer[] {
    return [...peers.values()].filter(({ acked, silent }) => acked !== undefined && !silent);
  }

  function liveliest(): string | undefined {
    let found: [string, Peer] | undefined;
    for (const entry of peers) {
      const [, { acked, silent, heardAt }] = entry;
      if (acked === undefined || silent) continue;
      if (!found || heardAt > found[1].heardAt) found = entry;
    }
    return found?.[0];
  }

  function acknowledged(peer: Peer, seq: number): void {
    if (seq > replica.last.seq) return;
    if (seq !== peer.acked) {
      peer.acked = Math.max(peer.acked ?? 0, seq);
      advance();
    }
    // The next question need not wait, unless somebody holds up all others.
    if (onTheWay.length < WINDOW) askedAt = undefined;
  }

  function advance(): void {
    const slowest = Math.min(...followers().map(({ acked }) => acked ?? 0));
    const open = onTheWay.findIndex((seq) => seq > slowest);
    onTheWay.splice(0, open < 0 ? onTheWay.length : open);
    commit();
    if (unsent.length > 0 || uncommitted.length > 0) changed();
  }

  /** An own entry is safe when one other context has it, or when there is none. */
  function commit(): void {
    if (uncommitted.length === 0 || !options.leads()) return;
    const known = [...peers.values()].filter(({ silent }) => !silent).map(({ acked = 0 }) => acked);
    const safe = known.length === 0 ? replica.last.seq : Math.max(...known);
    const count = uncommitted.findIndex(({ entry }) => entry.seq > safe);
    const ready = uncommitted.splice(0, count < 0 ? uncommitted.length : count);
    for (const { entry, outcome } of ready) options.settled(entry, outcome);
  }

  function answer(from: string, { log, have, part }: Pull): void {
    if (part && taken?.id === part.snapshot) return sendParts(taken, part.index);
    const entries = entriesAfter(replica, { log, have, max: ANSWER.entries });
    // Who begins needs what is there now, not all that has been.
    const isBeginner = have.seq === 0 && replica.last.seq > ANSWER.entries;
    if (!entries || isBeginner) return sendParts(currentSnapshot(), 0);
    let after = have;
    do {
      const some = takeFrame(entries);
      const ask = entries.length === 0 ? { ask: from } : {};
      post({ kind: "entries", epoch, to: from, after, entries: some, ...ask });
      const last = some.at(-1);
      after = last ? { epoch: last.epoch, seq: last.seq } : after;
    } while (entries.length > 0);
  }

  function currentSnapshot(): TakenSnapshot {
    const { log, last, state } = replica;
    const place = { log, have: taken?.at ?? last, max: ANSWER.entries };
    if (taken && (entriesAfter(replica, place)?.length ?? Infinity) < ANSWER.entries) return taken;
    const usedAt = clock.now();
    return taken = {
      id: options.newId(),
      at: last,
      parts: takeSnapshot(state),
      sentAt: new Map(),
      usedAt,
    };
  }

  function sendParts(snapshot: TakenSnapshot, from: number): void {
    const { id, at, parts } = snapshot;
    const { log } = replica;
    const now = clock.now();
    // All hear it: those who joined together ask for the same at once, and once is enough.
    if (now < (snapshot.sentAt.get(from) ?? -Infinity) + timing.retryMs / 2) return;
    snapshot.sentAt.set(from, now);
    snapshot.usedAt = now;
    const end = Math.min(from + ANSWER.parts, parts.length);
    for (let index = from; index < end; index++) {
      post({
        kind: "chunk",
        epoch,
        snapshot: id,
        log,
        at,
        index,
        count: parts.length,
        part: parts[index] as SnapshotPart,
        isLast: index === end - 1,
      });
    }
  }

  function beat(): void {
    beatAt = clock.now();
    const { log } = replica;
    post({ kind: "beat", epoch, log, seq: sentSeq, base, probe: quietHolders(timing.beatMs) });
  }

  function quietHolders(ms: number): string[] {
    const before = clock.now() - ms;
    // Nobody is given up before this leader has asked it twice.
    if (since > clock.now() - Math.min(ms, 2 * timing.beatMs)) return [];
    return [...holders()].filter((member) => (peers.get(member)?.heardAt ?? since) < before);
  }

  function holders(): Set<string> {
    const members = holdersIn(replica.state);
    members.delete(id);
    return members;
  }

  function release(member: string): void {
    forgetWant(member);
    if (!holders().has(member)) return;
    add({ member: id, number: 0, done: [0, 0], operation: { kind: "gone", member } });
  }

  function dueAt(): number | undefined {
    const askedUntil = askedAt === undefined
      ? undefined
      : askedAt + (askedAll ? timing.patienceMs : timing.retryMs);
    return Math.min(beatAt + timing.beatMs, askedUntil ?? Infinity, wakeAt ?? Infinity);
  }

  function wake(): void {
    const now = clock.now();
    if (wakeAt !== undefined && now >= wakeAt) {
      wakeAt = undefined;
      for (const name of [...wants.keys()]) serve(name);
    }
    if (askedAt !== undefined) pursue(now, askedAt);
    if (taken && now > taken.usedAt + SNAPSHOT_MS) taken = undefined;
    if (now < beatAt + timing.beatMs) return;
    for (const member of quietHolders(timing.memberTimeoutMs)) release(member);
    beat();
  }

  /** Asks all when one did not answer, and goes on without those who did not. */
  function pursue(now: number, since: number): void {
    if (now < since + (askedAll ? timing.patienceMs : timing.retryMs)) return;
    if (!askedAll) return ask("*");
    for (const peer of peers.values()) {
      if (peer.heardAt < since || (peer.acked ?? 0) < (onTheWay[0] ?? 0)) peer.silent = true;
    }
    askedAt = undefined;
    advance();
    changed();
  }

  return {
    epoch,
    accept,
    acknowledged,
    answer,
    beat,
    release,
    flush,
    holders,
    dueAt,
    wake,
  };
}

/** Takes from the beginning what one message on the channel holds. */
function takeFrame(entries: Entry[]): Entry[] {
  const options = {
    weightOf: ({ operation }: Entry) => weightOf(operation),
    max: FRAME_ENTRIES,
  };
  return entries.splice(0, countThatFits(entries, options));
}
