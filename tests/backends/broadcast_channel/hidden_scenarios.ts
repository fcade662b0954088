/** What only tabs show that nobody looks at; each prints what it measured, or throws. */
import { assert, assertEquals } from "@std/assert";
import type { HiddenTab, HiddenTabs } from "./hidden_tabs.ts";
import { sleep } from "./workers/runtime.ts";
import { allAcknowledged, hire, numbered } from "./workers/scenarios.ts";
import { type Colleague, createTeam, type Team } from "./workers/team.ts";

const QUEUE = "billing";
const TOPIC = "orders";
/** Consumers that need no timer of their own. */
const AT_ONCE = { queue: QUEUE, loops: 1, handlingMs: 0, blocks: true };
/** The least that a leader holds when it ends. */
const HELD = 120;

/** Workers in hidden tabs. */
export interface HiddenTeam {
  readonly team: Team;
  readonly tabs: readonly HiddenTab[];
}

/** Opens as many hidden tabs, which know a queue; they wait for the leader's lock in this order. */
export async function hireHidden(browser: HiddenTabs, count: number): Promise<HiddenTeam> {
  const tabs: HiddenTab[] = [];
  const team = createTeam(async () => {
    const tab = await browser.open();
    tabs.push(tab);
    return tab;
  });
  await hire(team, 1);
  for (let tab = 1; tab < count; tab++) await team.hire();
  return { team, tabs };
}

/** Resolves when Chromium lets the timers of all tabs fire once a second. */
export async function untilThrottled({ team, tabs }: HiddenTeam): Promise<void> {
  for (const tab of tabs) assertEquals(await tab.visibility(), "hidden");
  const isThrottled = async () =>
    (await gapsOf(tabs)).every((gaps) => gaps.length === 4 && gaps.slice(0, 3).every(isASecond));
  await team.until(isThrottled, 10_000, "timers fire once a second");
}

function isASecond(ms: number): boolean {
  return ms > 900;
}

/** Resolves when Chromium lets them fire once a minute: not before a tab was hidden for one. */
export async function untilIntensivelyThrottled({ team, tabs }: HiddenTeam): Promise<void> {
  for (const tab of tabs) assertEquals(await tab.visibility(), "hidden");
  const isSilent = async () => (await gapsOf(tabs)).every((gaps) => (gaps.at(-1) ?? 0) > 5_000);
  await team.until(isSilent, 130_000, "timers fire once a minute");
}

function gapsOf(tabs: readonly HiddenTab[]): Promise<number[][]> {
  return Promise.all(tabs.map((tab) => tab.timerGaps()));
}

/** Messages pass from hidden tab to hidden tab without waiting for timers. */
export async function passesThousand({ team }: HiddenTeam): Promise<void> {
  const start = Date.now();
  await team.consume({ ...AT_ONCE, loops: 2 });
  const bodies = await team.members[0]?.ask("publish", TOPIC, numbered(1_000)) as string[];
  assertEquals(bodies.length, 1_000);
  await allAcknowledged(team, bodies, 20_000);
  assert([...team.received.values()].every((times) => times === 1), "each once");
  console.log(`1000 messages took ${Date.now() - start} ms in hidden tabs`);
}

/** The leader is closed while it holds messages, and the tabs next in line can be frozen. */
export async function leaderCloses(
  { team }: HiddenTeam,
  { ms, frozen = 0 }: { ms: number; frozen?: number },
): Promise<void> {
  const leader = await team.leader();
  const others = team.members.filter((each) => each !== leader);
  await holdMany(team, leader);
  await team.consume(AT_ONCE, others.slice(frozen));
  for (const other of others.slice(0, frozen)) await other.pause(true);
  await sleep(100);
  leader.terminate();
  const start = Date.now();
  const isBack = () => [...team.received.values()].some((times) => times > 1);
  await team.until(isBack, ms, "another receives what it held");
  const first = Date.now() - start;
  await allAcknowledged(team, numbered(HELD), ms);
  const all = Date.now() - start;
  assert([...team.received.values()].every((times) => times === 2), "each once more");
  console.log(`what a hidden leader held came back after ${first} ms, all of it after ${all} ms`);
}

async function holdMany(team: Team, leader: Colleague): Promise<void> {
  await leader.ask("hold");
  await team.consume({ ...AT_ONCE, loops: HELD / 10 }, [leader]);
  await leader.ask("publish", TOPIC, numbered(HELD));
  await team.until(() => leader.inFlight.size === HELD, 10_000, `it holds ${HELD}`);
}

/**
 * A tab holds messages while Chromium freezes it: its timers stand still, and the answers for its
 * locks, but messages of the channel still reach it. So it goes on leading, if it leads.
 */
export async function freezes(
  { team, tabs }: HiddenTeam,
  { isLeader }: { isLeader: boolean },
): Promise<void> {
  const leader = await team.leader();
  const followers = team.members.filter((each) => each !== leader);
  const [other, another] = followers as [Colleague, Colleague];
  const victim = isLeader ? leader : another;
  await other.ask("publish", TOPIC, numbered(20));
  const receipts = await receiveTen(victim, 5_000);
  const start = Date.now();
  await victim.pause(true);
  await team.consume(AT_ONCE, [other]);
  await other.ask("publish", TOPIC, ["meanwhile"]);
  await allAcknowledged(team, ["meanwhile"], 10_000);
  console.log(`the others went on ${Date.now() - start} ms after a hidden tab was frozen`);
  await allAcknowledged(team, numbered(20), 20_000);
  console.log(`what it held for 5 s came back after ${Date.now() - start} ms`);
  await sleep(12_000 - (Date.now() - start));
  const silent = (await gapsOf(tabs)).filter((gaps) => (gaps.at(-1) ?? 0) > 10_000);
  assertEquals(silent.length, 1, "one tab was frozen for more than 10 s");
  await victim.pause(false);
  assertEquals(await acknowledgeAll(victim, receipts), 0, "its acknowledgements come too late");
  await victim.ask("publish", TOPIC, ["after"]);
  await allAcknowledged(team, ["after"], 10_000);
  assert([...team.received.values()].every((times) => times === 1), "each once by the others");
  const roles = await Promise.all(team.members.map((each) => each.ask("role")));
  assertEquals(roles.filter((role) => role === "leader").length, 1);
}

/** Receives ten messages, and resolves to their receipts. */
export async function receiveTen(colleague: Colleague, visibilityMs: number): Promise<string[]> {
  const take = { max: 10, waitMs: 1_000, visibilityMs };
  const held = await colleague.ask("call", "receive", QUEUE, take) as { receipt: string }[];
  assertEquals(held.length, 10);
  return held.map(({ receipt }) => receipt);
}

/** How many of these acknowledgements are accepted. */
export async function acknowledgeAll(
  colleague: Colleague,
  receipts: readonly string[],
): Promise<number> {
  const results = await colleague.ask("call", "acknowledge", QUEUE, receipts) as { ok: boolean }[];
  return results.filter(({ ok }) => ok).length;
}
