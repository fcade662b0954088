import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Member } from "../../../backends/broadcast_channel/member.ts";
import type { Outcome } from "../../../backends/broadcast_channel/outcome.ts";
import { takeSnapshot } from "../../../backends/broadcast_channel/snapshot.ts";
import { seededRandom } from "../../../backends/memory/testing.ts";
import type { Delivery } from "../../../src/backend.ts";
import { createMembers, type Members } from "./members.ts";

const SEEDS = 20;
const STEPS = 1_500;

/** The calls of a run, as their callers know them. */
interface Run {
  readonly members: Members;
  readonly random: () => number;
  readonly sends: { readonly body: string; readonly result: { outcome?: Outcome } }[];
  readonly receives: { readonly member: Member; readonly result: { outcome?: Outcome } }[];
  /** The bodies whose acknowledgement was asked for. */
  readonly acknowledged: Set<string>;
}

for (
  const [name, chances, deaths] of [
    ["frames in any order, some twice, and members that end", { loss: 0, again: 0.1 }, true],
    ["frames that are lost or arrive twice", { loss: 0.15, again: 0.1 }, false],
  ] as const
) {
  describe(`step() of several members, ${name}`, () => {
    it("loses nothing that it accepted, and equal logs give equal states", async () => {
      for (let seed = 1; seed <= SEEDS; seed++) await fuzz(seed, chances, deaths);
    });
  });
}

/** Runs one seed; a turn of the event loop after it keeps other runtimes responsive. */
async function fuzz(
  seed: number,
  chances: { loss: number; again: number },
  deaths: boolean,
): Promise<void> {
  const run: Run = {
    members: createMembers(seed),
    random: seededRandom(seed + 1_000),
    sends: [],
    receives: [],
    acknowledged: new Set(),
  };
  const { members } = run;
  for (let count = 0; count < 3; count++) members.join();
  members.passUntil(members.now + 5_000);
  const declared = members.call(anyOf(run), declaration());
  members.passUntil(members.now + 5_000);
  assert(declared.outcome && "value" in declared.outcome, `seed ${seed}: the queue is declared`);
  Object.assign(members.chances, chances);
  for (let at = 0; at < STEPS; at++) {
    act(run, deaths);
    if (at % 100 === 0) assertReplicas(members, seed);
  }
  Object.assign(members.chances, { loss: 0, again: 0 });
  members.passUntil(members.now + 60_000);
  const left = drain(run);
  assertReplicas(members, seed);
  const logs = [...members.living.values()].map(({ replica: { last } }) => last);
  assertEquals(new Set(logs.map(({ epoch, seq }) => `${epoch}/${seq}`)).size, 1, `seed ${seed}`);
  for (const { body, result } of run.sends) {
    const isAccepted = result.outcome !== undefined && "value" in result.outcome;
    const isThere = left.has(body) || run.acknowledged.has(body);
    assert(!isAccepted || isThere, `seed ${seed}: ${body} was accepted, and is lost`);
  }
  assert(run.sends.some(({ result }) => result.outcome), `seed ${seed}: something was accepted`);
  await Promise.resolve();
}

function declaration() {
  const operation = { kind: "declareQueue", name: "q", settings: {}, subscriptions: [] } as const;
  return { kind: "submit", operation } as const;
}

function anyOf({ members: { living }, random }: Run): Member {
  return [...living.values()][Math.floor(random() * living.size)]!;
}

/** Lets one thing happen. */
function act(run: Run, deaths: boolean): void {
  const { members, random } = run;
  const dice = random();
  if (dice < 0.06) send(run);
  else if (dice < 0.1) receive(run);
  else if (dice < 0.13) acknowledge(run);
  else if (dice < 0.133 && deaths && members.living.size > 2) members.kill(anyOf(run).id);
  else if (dice < 0.137 && members.living.size < 5) members.join();
  else if (!members.deliverOne()) members.passUntil(members.now + random() * 400);
}

function send(run: Run): void {
  const body = `b${run.sends.length}`;
  const operation = {
    kind: "send",
    destination: { queue: "q" },
    messages: [{ body, attributes: {} }],
    id: `send-${run.sends.length}-0000`,
    create: false,
  } as const;
  run.sends.push({ body, result: run.members.call(anyOf(run), { kind: "submit", operation }) });
}

function receive(run: Run): void {
  const member = anyOf(run);
  const input = { kind: "receive", queue: "q", max: 10, visibilityMs: 20_000 } as const;
  run.receives.push({ member, result: run.members.call(member, input) });
}

/** Acknowledges the messages of the oldest answered receive, if its member lives. */
function acknowledge(run: Run): void {
  const place = run.receives.findIndex(({ result }) => result.outcome);
  const [received] = place < 0 ? [] : run.receives.splice(place, 1);
  if (!received || !run.members.living.has(received.member.id)) return;
  const deliveries = deliveriesOf(received.result);
  for (const { message } of deliveries) run.acknowledged.add(message.body);
  const receipts = deliveries.map(({ receipt }) => receipt);
  const operation = { kind: "acknowledge", queue: "q", receipts } as const;
  run.members.call(received.member, { kind: "submit", operation });
}

function deliveriesOf({ outcome }: { outcome?: Outcome }): readonly Delivery[] {
  return outcome && "value" in outcome ? outcome.value as Delivery[] : [];
}

/** Receives all that is left, and returns the bodies. */
function drain(run: Run): Set<string> {
  const { members } = run;
  const bodies = new Set<string>();
  const member = anyOf(run);
  for (let count = 0; count < 60; count++) {
    const input = { kind: "receive", queue: "q", max: 10, visibilityMs: 43_000_000 } as const;
    const result = members.call(member, input);
    members.passUntil(members.now + 3_000);
    assert(result.outcome, "a receive is answered");
    for (const { message } of deliveriesOf(result)) bodies.add(message.body);
  }
  return bodies;
}

/** Compares the states of all members whose logs are equal. */
function assertReplicas({ living }: Members, seed: number): void {
  const states = new Map<string, unknown>();
  for (const { replica } of living.values()) {
    const { log, last: { epoch, seq }, state } = replica;
    const place = `${log} ${epoch} ${seq}`;
    const known = states.get(place);
    if (known) assertEquals(takeSnapshot(state), known, `seed ${seed}, at ${place}`);
    else states.set(place, takeSnapshot(state));
  }
}
