/**
 * The edge of a member: it gives channel, Web Locks, timers and calls to the steps of `step.ts`, and
 * has the effects of each step.
 */
import type { Delivery, ReceiveOptions } from "../../src/backend.ts";
import type { Clock, Random } from "../../src/support/clock.ts";
import { type Callers, createCallers } from "./callers.ts";
import type { BroadcastChannelLike, LocksLike } from "./channel.ts";
import { VERSION } from "./frame.ts";
import { createLine, type Line } from "./line.ts";
import { createMemberLocks, type MemberLocks } from "./lock.ts";
import { createMember, type Effect, type Member } from "./member.ts";
import type { Operation } from "./operation.ts";
import { readFrame } from "./read_frame.ts";
import { toRows } from "./rows.ts";
import { dueAt, type Input, step } from "./step.ts";
import type { Timing } from "./timing.ts";

/** One context among the contexts that share the queues of a name. */
export interface Participant {
  /** The id among the others. */
  readonly id: string;
  /** The current part among the others. */
  role(): Role;
  /** Asks for an operation; resolves as it turns out. An abort ends the wait, not the operation. */
  submit(operation: Operation, signal?: AbortSignal): Promise<unknown>;
  /** Receives, waiting as the options say. */
  receive(queue: string, options: ReceiveOptions): Promise<Delivery[]>;
  /** Leaves, and rejects all calls. */
  close(reason: unknown): void;
}

/** The part of a context among the others. */
export type Role = "leader" | "follower" | "joining";

/** Options of {@linkcode join}. */
export interface ParticipantOptions {
  name: string;
  channel: (name: string) => BroadcastChannelLike;
  locks: LocksLike | undefined;
  clock: Clock;
  random: Random;
  newId: () => string;
  timing: Timing;
}

/** The edge of a member. */
interface Edge {
  readonly options: ParticipantOptions;
  readonly member: Member;
  readonly callers: Callers;
  readonly line: Line;
  readonly locks: MemberLocks | undefined;
  readonly alarm: Alarm;
  /** Effects that are still to be had. */
  readonly effects: Effect[];
  /** `true` while effects run: the effects of later steps wait for their end. */
  isRunning: boolean;
  /** `true` while a flush waits for the end of the turn of the event loop. */
  isFlushing: boolean;
}

/** Joins the contexts that share a name. */
export function join(options: ParticipantOptions): Participant {
  const edge = createEdge(options);
  const { member } = edge;
  edge.line.open();
  return {
    id: member.id,
    role: () => member.leader ? "leader" : member.follower ? "follower" : "joining",
    submit: (operation, signal) => submit(edge, operation, signal),
    receive: (queue, options) => receive(edge, queue, options),
    close: (reason) => close(edge, reason),
  };
}

function createEdge(options: ParticipantOptions): Edge {
  const { name, clock, newId, timing, locks } = options;
  // Short, as it is in everything that is sent, and long enough for all tabs there can be.
  const id = newId().slice(-12);
  const prefix = `melange/${name}`;
  const edge: Edge = {
    options,
    member: createMember({ id, timing, hasLocks: locks !== undefined }, clock.now()),
    callers: createCallers(clock),
    line: createLine({
      name: prefix,
      open: options.channel,
      clock,
      soundMs: timing.leaseMs,
      opened: () => begin(edge),
      heard: (message) => hear(edge, message),
      broken: () => run(edge, { kind: "broken" }),
      failed: (reason) => close(edge, reason),
    }),
    locks: locks &&
      createMemberLocks({ locks, prefix, id, granted: () => run(edge, { kind: "granted" }) }),
    alarm: createAlarm(clock, () => run(edge, { kind: "alarm" })),
    effects: [],
    isRunning: false,
    isFlushing: false,
  };
  return edge;
}

function begin(edge: Edge): void {
  run(edge, { kind: "opened" });
  edge.locks?.wait();
}

function hear(edge: Edge, message: unknown): void {
  const frame = readFrame(message, edge.member.id);
  if (frame) run(edge, { kind: "frame", frame });
}

/**
 * Takes a step, and runs its effects after the effects of earlier steps, even if a caller
 * interrupts.
 */
function run(edge: Edge, input: Input): void {
  const { member, effects, locks, alarm } = edge;
  const { clock, random, newId } = edge.options;
  const facts = { now: clock.now(), random, newId, holdsLock: locks?.holds() ?? false };
  for (const effect of step(member, input, facts)) effects.push(effect);
  if (edge.isRunning) return;
  edge.isRunning = true;
  try {
    for (let at = 0; at < effects.length; at++) perform(edge, effects[at] as Effect);
  } finally {
    effects.length = 0;
    edge.isRunning = false;
  }
  if (!member.isClosed && !member.isMute) alarm.set(dueAt(member));
}

function perform(edge: Edge, effect: Effect): void {
  const { member, callers, line, locks } = edge;
  switch (effect.kind) {
    case "post":
      return line.post({ version: VERSION, from: member.id, ...toRows(effect.content) });
    case "commit":
      return run(edge, { kind: "commit" });
    case "flush":
      return flushLater(edge);
    case "settle":
      return callers.settle(effect.ticket, effect.outcome);
    case "steal":
      // A channel that threw in between has ended the leadership.
      return member.leader && locks?.steal();
    case "watch":
      return locks?.watch(effect.member, () => run(edge, { kind: "gone", member: effect.member }));
  }
}

function flushLater(edge: Edge): void {
  if (edge.isFlushing || edge.member.isClosed) return;
  edge.isFlushing = true;
  queueMicrotask(() => {
    edge.isFlushing = false;
    run(edge, { kind: "flush" });
  });
}

function submit(edge: Edge, operation: Operation, signal?: AbortSignal): Promise<unknown> {
  return edge.callers.wait((ticket) => run(edge, { kind: "submit", ticket, operation }), {
    signal,
    aborted: (ticket) => run(edge, { kind: "withdraw", ticket }),
  });
}

function receive(edge: Edge, queue: string, options: ReceiveOptions): Promise<Delivery[]> {
  const { signal, max, visibilityMs, waitMs } = options;
  const endsAt = edge.options.clock.now() + waitMs;
  const abandon = (ticket: number, lingers: boolean) =>
    run(edge, { kind: "abandon", ticket, lingers });
  const over = (ticket: number) => abandon(ticket, true);
  const begin = (ticket: number) =>
    run(edge, { kind: "receive", ticket, queue, max, visibilityMs, waitMs, endsAt });
  return edge.callers.wait(begin, {
    signal,
    aborted: (ticket) => abandon(ticket, false),
    ...(waitMs > 0 ? { timeout: { ms: waitMs, value: [], over } } : {}),
  });
}

function close(edge: Edge, reason: unknown): void {
  if (edge.member.isClosed) return;
  run(edge, { kind: "close" });
  edge.alarm.cancel();
  edge.callers.end(reason);
  edge.locks?.release();
  edge.line.close();
}

/** Age from which an arriving message sets an alarm anew, although the alarm is early enough. */
const REARM_MS = 500;

interface Alarm {
  /** Rings at a time, unless the alarm is set to an earlier time. */
  set(at: number): void;
  cancel(): void;
}

function createAlarm(clock: Clock, ring: () => void): Alarm {
  let ringsAt = Infinity;
  let setAt = 0;
  let cancel = () => {};
  return {
    set: (at) => {
      const now = clock.now();
      if (at === Infinity) return;
      // Browsers let a hidden tab's timer that a timer has set wait for a minute, and others for 1 s.
      if (at >= ringsAt && now < setAt + REARM_MS) return;
      cancel();
      ringsAt = at;
      setAt = now;
      cancel = clock.after(Math.max(at - now, 0), () => {
        ringsAt = Infinity;
        ring();
      });
    },
    cancel: () => cancel(),
  };
}
