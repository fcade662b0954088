/**
 * The scenarios in tabs of a real headless Chromium: `deno task test:browser`. They take minutes and
 * need /usr/bin/chromium; so they are no part of `deno task test`.
 */
import { assert, assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import {
  bundleForBrowser,
  openProfile,
  openTab,
  ORIGIN,
  type Page,
  startChromium,
} from "./chromium.ts";
import {
  acknowledgeAll,
  freezes,
  type HiddenTeam,
  hireHidden,
  leaderCloses,
  passesThousand,
  receiveTen,
  untilIntensivelyThrottled,
  untilThrottled,
} from "./hidden_scenarios.ts";
import { type HiddenTabs, startHiddenTabs } from "./hidden_tabs.ts";
import { buildTabs, tabsFiles } from "../../../tasks/tabs.ts";
import { allAcknowledged, hire, numbered, scenarios } from "./workers/scenarios.ts";
import { sleep } from "./workers/runtime.ts";
import { type Colleague, createTeam, type Team } from "./workers/team.ts";

const QUEUE = "billing";
const WORKER = "tests/backends/broadcast_channel/workers/worker.ts";
/** What workers are told to do themselves, and the debugger does to tabs. */
const LEFT_OUT = ["a leader that hangs for 10 s"];

describe("BroadcastChannelBackend, tabs of Chromium", () => {
  let browser: Awaited<ReturnType<typeof startChromium>>;
  let hiddenTabs: HiddenTabs;
  /** Chromium throttles them more once they have been hidden for a minute; they wait for it here. */
  let longHidden: HiddenTeam;
  let worker = "";

  beforeAll(async () => {
    browser = await startChromium();
    worker = await bundleForBrowser(WORKER);
    hiddenTabs = await startHiddenTabs(worker);
    longHidden = await hireHidden(hiddenTabs, 5);
  });
  afterAll(async () => {
    await browser.close();
    await hiddenTabs.close();
  });

  for (const [name, scenario] of Object.entries(scenarios)) {
    if (LEFT_OUT.includes(name)) continue;
    it(name, () => withTeam(async (team) => console.log(`${name}: ${await scenario(team)}`)));
  }

  it("a leader that hangs for 12 s", () => withTeam(leaderHangs));

  it("a consumer that hangs for 12 s", () => withTeam(consumerHangs));

  it("50 tabs that open at once", () =>
    withTeam(async (team) => {
      const start = Date.now();
      await hire(team, 50);
      const roles = await Promise.all(team.members.map((each) => each.ask("role")));
      assertEquals(roles.filter((role) => role === "leader").length, 1);
      assertEquals(roles.filter((role) => role === "follower").length, 49);
      console.log(`50 tabs are ready after ${Date.now() - start} ms`);
      await team.consume({ queue: QUEUE, loops: 1, handlingMs: 1 });
      await team.members[49]?.ask("publish", "orders", numbered(500));
      await allAcknowledged(team, numbered(500), 60_000);
      assert([...team.received.values()].every((times) => times === 1), "each once");
    }));

  it("1000 messages among hidden tabs, whose timers fire once a second", () =>
    withHidden(passesThousand));

  it("a hidden leader that is closed", () =>
    withHidden((hidden) => leaderCloses(hidden, { ms: 2_000 })));

  it("a hidden leader that is closed when the next in line is frozen", () =>
    withHidden((hidden) => leaderCloses(hidden, { ms: 10_000, frozen: 1 })));

  it("a hidden leader that Chromium freezes for 12 s", () =>
    withHidden((hidden) => freezes(hidden, { isLeader: true })));

  it("a hidden consumer that Chromium freezes for 12 s", () =>
    withHidden((hidden) => freezes(hidden, { isLeader: false })));

  it("a hidden leader that is closed where timers fire once a minute", async () => {
    await untilIntensivelyThrottled(longHidden);
    // Often at once; else the silence tells, after 3.6 s and up to a second more.
    await leaderCloses(longHidden, { ms: 10_000 });
  });

  async function withTeam(play: (team: Team) => Promise<void>) {
    const index =
      `<!doctype html><title>tab</title><script type="module" src="worker.js"></script>`;
    const context = await openProfile(browser, { "index.html": index, "worker.js": worker });
    try {
      await play(createTeam(() => openTab(context)));
    } finally {
      await context.close();
    }
  }

  async function withHidden(play: (hidden: HiddenTeam) => Promise<void>) {
    const hidden = await hireHidden(hiddenTabs, 5);
    try {
      await untilThrottled(hidden);
      await play(hidden);
    } finally {
      hidden.team.end();
    }
  }
});

/** The leader holds messages while it neither speaks nor hears; the others go on. */
async function leaderHangs(team: Team): Promise<void> {
  const members = await hire(team, 4);
  const leader = await team.leader();
  const [other] = members.filter((each) => each !== leader) as [Colleague];
  await other.ask("publish", "orders", numbered(20));
  const receipts = await receiveTen(leader, 60_000);
  await leader.pause(true);
  const start = Date.now();
  await team.consume({ queue: QUEUE, loops: 2, handlingMs: 1 }, [other]);
  await team.until(() => team.acknowledged.size > 0, 10_000, "others go on");
  console.log(`the others went on after ${Date.now() - start} ms`);
  await sleep(12_000);
  await leader.pause(false);
  await allAcknowledged(team, numbered(20), 30_000);
  assertEquals(await acknowledgeAll(leader, receipts), 0, "its acknowledgements come too late");
  await team.until(async () => await leader.ask("role") === "follower", 10_000, "it follows");
  await leader.ask("publish", "orders", ["after"]);
  await allAcknowledged(team, ["after"], 10_000);
}

/** A tab that hangs keeps its Web Lock, so that only its silence tells. */
async function consumerHangs(team: Team): Promise<void> {
  const members = await hire(team, 3);
  const leader = await team.leader();
  const [victim, other] = members.filter((each) => each !== leader) as [Colleague, Colleague];
  await leader.ask("publish", "orders", numbered(10));
  const receipts = await receiveTen(victim, 60_000);
  await victim.pause(true);
  await team.consume({ queue: QUEUE, loops: 1, handlingMs: 1 }, [other]);
  const start = Date.now();
  await allAcknowledged(team, numbered(10), 20_000);
  console.log(`its messages came back after ${Date.now() - start} ms`);
  await victim.pause(false);
  assertEquals(await acknowledgeAll(victim, receipts), 0, "its acknowledgements come too late");
}

describe("examples/tabs", () => {
  let browser: Awaited<ReturnType<typeof startChromium>>;

  beforeAll(async () => {
    browser = await startChromium();
    await buildTabs();
  });
  afterAll(() => browser.close());

  it("shares orders among tabs, and those of a tab that is closed among the others", async () => {
    const context = await openProfile(browser, await tabsFiles());
    const pages = await Promise.all(["a", "b", "c", "d"].map(() => context.newPage()));
    await Promise.all(pages.map((page) => page.goto(`${ORIGIN}/`)));
    const [first, , , last] = pages as [Page, Page, Page, Page];
    await Promise.all(pages.map((page) => page.waitForSelector("#tabs li:nth-child(4)")));
    await first.click("#many");
    await first.waitForFunction("Number(document.querySelector('#done').textContent) >= 15");
    await last.close();
    await first.click("#many");
    await first.waitForFunction("Number(document.querySelector('#done').textContent) >= 34");
    await first.screenshot({ path: "examples/tabs/screenshot.png" });
    const [second] = pages.slice(1) as [Page];
    await second.waitForFunction("document.querySelector('#done').textContent === '60'", null, {
      timeout: 60_000,
    });
    const sums = await second.locator(".sum b").allTextContents();
    assertEquals(sums, ["60", "0", "0", "60"]);
    const counts = await second.locator("#tabs li span:last-child").allTextContents();
    assertEquals(counts.length, 4);
    assert(counts.every((count) => Number(count) > 0), `each tab works: ${counts}`);
    const { size } = await Deno.stat("examples/tabs/screenshot.png");
    assert(size < 200_000, `the screenshot has ${size} bytes`);
    await context.close();
  });
});
