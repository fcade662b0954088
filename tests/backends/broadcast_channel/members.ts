/**
 * Members without any edge: records, the frames between them, and a time that a test moves. A seed
 * decides the order in which frames arrive, and which of them are lost or arrive twice.
 */
import {
  createMember,
  type Effect,
  type Member,
} from "../../../backends/broadcast_channel/member.ts";
import { type Content, type Frame, VERSION } from "../../../backends/broadcast_channel/frame.ts";
import type { Outcome } from "../../../backends/broadcast_channel/outcome.ts";
import { dueAt, type Input, step } from "../../../backends/broadcast_channel/step.ts";
import { timingOf } from "../../../backends/broadcast_channel/timing.ts";
import { seededRandom } from "../../../backends/memory/testing.ts";

/** Members of one name. */
export interface Members {
  /** The living members by id. */
  readonly living: Map<string, Member>;
  /** The current time, in milliseconds. */
  now: number;
  /** Which part of all frames is lost, and which part arrives twice. */
  chances: { loss: number; again: number };
  /** Adds a member. */
  join(): Member;
  /** Ends a member without a word. */
  kill(id: string): void;
  /** Gives a member an input, and takes its effects except settlements. */
  give(member: Member, input: Input): void;
  /** Lets one frame arrive, or one flush happen; `false` if there is nothing under way. */
  deliverOne(): boolean;
  /** Delivers all, and takes all steps that are due until a time. */
  passUntil(time: number): void;
  /** Takes a call of a member; the outcome comes later. */
  call(member: Member, input: CallInput): { outcome?: Outcome };
}

/** A call without its ticket. */
export type CallInput =
  | { kind: "submit"; operation: Extract<Input, { kind: "submit" }>["operation"] }
  | { kind: "receive"; queue: string; max: number; visibilityMs: number };

/** Creates members that a seed orders. */
export function createMembers(seed: number): Members {
  const random = seededRandom(seed);
  const living = new Map<string, Member>();
  const lines = new Map<string, Frame[]>();
  const flushes = new Set<string>();
  const tickets = new Map<string, { outcome?: Outcome }>();
  const chances = { loss: 0, again: 0 };
  let ids = 1;
  let calls = 1;
  const self: Members = {
    living,
    now: 1_000_000,
    chances,
    join,
    kill,
    give,
    deliverOne,
    passUntil,
    call,
  };

  function join(): Member {
    const timing = timingOf({ leaderTimeoutMs: 3_600, memberTimeoutMs: 10_000 });
    const member = createMember({ id: `m${ids++}`, timing, hasLocks: false }, self.now);
    living.set(member.id, member);
    give(member, { kind: "opened" });
    return member;
  }

  function kill(id: string): void {
    living.delete(id);
    flushes.delete(id);
    for (const line of lines.keys()) if (line.endsWith(`>${id}`)) lines.delete(line);
  }

  function give(member: Member, input: Input): void {
    const newId = () => `id-${ids++}-0000`;
    const facts = { now: self.now, random, newId, holdsLock: false };
    for (const effect of step(member, input, facts)) perform(member, effect);
  }

  function perform(member: Member, effect: Effect): void {
    if (effect.kind === "post") post(member.id, effect.content);
    if (effect.kind === "flush") flushes.add(member.id);
    if (effect.kind === "commit") give(member, { kind: "commit" });
    if (effect.kind !== "settle") return;
    const ticket = tickets.get(`${member.id} ${effect.ticket}`);
    if (ticket) ticket.outcome = effect.outcome;
  }

  function post(from: string, content: Content): void {
    const { to } = content as { to?: string };
    for (const id of living.keys()) {
      if (id === from || (to !== undefined && to !== id) || random() < chances.loss) continue;
      const line = `${from}>${id}`;
      const frames = lines.get(line) ?? [];
      lines.set(line, frames);
      frames.push(structuredClone({ version: VERSION, from, ...content } as Frame));
    }
  }

  function deliverOne(): boolean {
    const open = [...lines].filter(([, frames]) => frames.length > 0);
    const place = Math.floor(random() * (open.length + flushes.size));
    const id = [...flushes][place - open.length];
    if (id !== undefined) {
      flushes.delete(id);
      give(living.get(id)!, { kind: "flush" });
      return true;
    }
    const [line, frames] = open[place] ?? [];
    if (!line || !frames) return false;
    const frame = random() < chances.again ? structuredClone(frames[0]) : frames.shift();
    give(living.get(line.split(">")[1]!)!, { kind: "frame", frame: frame! });
    return true;
  }

  function passUntil(time: number): void {
    for (;;) {
      while (deliverOne());
      const next = Math.min(...[...living.values()].map(dueAt));
      if (next > time) break;
      self.now = Math.max(self.now, next);
      for (const member of living.values()) {
        if (dueAt(member) <= self.now) give(member, { kind: "alarm" });
      }
    }
    self.now = time;
  }

  function call(member: Member, input: CallInput): { outcome?: Outcome } {
    const ticket = calls++;
    const result: { outcome?: Outcome } = {};
    tickets.set(`${member.id} ${ticket}`, result);
    const waits = { ticket, waitMs: 0, endsAt: self.now };
    give(member, input.kind === "submit" ? { ...input, ticket } : { ...input, ...waits });
    return result;
  }

  return self;
}
