/**
 * The edge of a member: it gives channel, Web Locks, timers and calls to the steps of `step.ts`, and
 * has the effects of each step.
 */
import type { Delivery, ReceiveOptions } from "../../src/backend.ts";
import type { Clock, Random } from "../../src/support/clock.ts";
import { createCallers } from "./callers.ts";
import type { BroadcastChannelLike, LocksLike } from "./channel.ts";
import { type Content, VERSION } from "./frame.ts";
import { createLine } from "./line.ts";
import { createMemberLocks, type MemberLocks } from "./lock.ts";
import { createMember, type Effect } from "./member.ts";
import type { Operation } from "./operation.ts";
import { readFrame } from "./read_frame.ts";
import { toRows } from "./rows.ts";
import { dueAt, type Input, step } from "./step.ts";
import type { Timing } from "./timing.ts";

/** One context among those that share the queues of a name. */
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

/** How old an alarm must be to be set anew by what arrives, though it is soon enough. */
const REARM_MS = 500;

/** Joins those who share a name. */
export function join(options: ParticipantOptions): Participant {
  const { name, clock, random, newId, timing } = options;
  // Short, as it is in everything that is sent, and long enough for all tabs there can be.
  const id = newId().slice(-12);
  const member = createMember({ id, timing, hasLocks: options.locks !== undefined }, clock.now());
  const callers = createCallers(clock);
  const effects: Effect[] = [];
  const alarm = createAlarm(clock, () => run({ kind: "alarm" }));
  let isRunning = false;
  let isFlushing = false;
  const line = createLine({
    name: `melange/${name}`,
    open: options.channel,
    clock,
    soundMs: timing.leaseMs,
    opened: () => {
      run({ kind: "opened" });
      locks?.wait();
    },
    heard: hear,
    broken: () => run({ kind: "broken" }),
    failed: close,
  });
  const locks: MemberLocks | undefined = options.locks && createMemberLocks({
    locks: options.locks,
    prefix: `melange/${name}`,
    id,
    granted: () => run({ kind: "granted" }),
  });

  /** Takes a step, and has its effects after those of the steps before, whoever calls meanwhile. */
  function run(input: Input): void {
    const holdsLock = locks?.holds() ?? false;
    effects.push(...step(member, input, { now: clock.now(), random, newId, holdsLock }));
    if (isRunning) return;
    isRunning = true;
    try {
      for (let at = 0; at < effects.length; at++) perform(effects[at] as Effect);
    } finally {
      effects.length = 0;
      isRunning = false;
    }
    if (!member.isClosed && !member.isMute) alarm.set(dueAt(member));
  }

  function perform(effect: Effect): void {
    switch (effect.kind) {
      case "post":
        return send(effect.content);
      case "commit":
        return run({ kind: "commit" });
      case "flush":
        return flushLater();
      case "settle":
        return callers.settle(effect.ticket, effect.outcome);
      case "steal":
        return member.leader && locks?.steal();
      case "watch":
        return watch(effect.member);
    }
  }

  function send(content: Content): void {
    line.post({ version: VERSION, from: id, ...toRows(content) });
  }

  function flushLater(): void {
    if (isFlushing || member.isClosed) return;
    isFlushing = true;
    queueMicrotask(() => {
      isFlushing = false;
      run({ kind: "flush" });
    });
  }

  function watch(other: string): void {
    locks?.watch(other, () => run({ kind: "gone", member: other }));
  }

  function hear(message: unknown): void {
    const frame = readFrame(message, id);
    if (frame) run({ kind: "frame", frame });
  }

  function submit(operation: Operation, signal?: AbortSignal): Promise<unknown> {
    return callers.wait((ticket) => run({ kind: "submit", ticket, operation }), {
      signal,
      // A call that was not sent never will be; one that was is done, and only nobody waits for it.
      aborted: (ticket) => run({ kind: "withdraw", ticket }),
    });
  }

  function receive(queue: string, options: ReceiveOptions): Promise<Delivery[]> {
    const { signal, max, visibilityMs, waitMs } = options;
    const poll = { queue, max, visibilityMs, waitMs, endsAt: clock.now() + waitMs };
    const over = (ticket: number) => run({ kind: "abandon", ticket, lingers: true });
    return callers.wait((ticket) => run({ kind: "receive", ticket, ...poll }), {
      signal,
      aborted: (ticket) => run({ kind: "abandon", ticket, lingers: false }),
      ...(waitMs > 0 ? { timeout: { ms: waitMs, value: [], over } } : {}),
    });
  }

  function close(reason: unknown): void {
    if (member.isClosed) return;
    run({ kind: "close" });
    alarm.cancel();
    callers.end(reason);
    locks?.release();
    line.close();
  }

  line.open();
  return { id, role: () => roleOf(member), submit, receive, close };
}

function roleOf({ leader, follower }: { leader: unknown; follower: unknown }): Role {
  return leader ? "leader" : follower ? "follower" : "joining";
}

interface Alarm {
  /** Rings at a time, unless that is later than the alarm that is set. */
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
