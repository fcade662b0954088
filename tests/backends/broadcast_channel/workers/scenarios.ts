import { sleep } from "./runtime.ts";
import { chance, type Colleague, type Team } from "./team.ts";

const QUEUE = "billing";
const TOPIC = "orders";

/** What only several contexts show; each resolves to what it found out, or throws. */
export const scenarios: Record<string, (team: Team) => Promise<string>> = {
  "eight that join at once": joinAtOnce,
  "fan-out": fansOut,
  "competing consumers": compete,
  "order in groups": keepsOrder,
  "burst of 5000 to one slow worker": survivesBurst,
  "crash of a consumer": consumerCrashes,
  "crashes in the middle of 10000": manyCrashes,
  "a leader that hangs for 10 s": leaderHangs,
  "idle": idles,
};

/** So many bodies. */
export function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, place) => `m-${place}`);
}

/** Adds workers, and declares a queue that a topic feeds. */
export async function hire(team: Team, count: number, queue: string = QUEUE): Promise<Colleague[]> {
  const members = [];
  const topic = queue.endsWith(".fifo") ? `${TOPIC}.fifo` : TOPIC;
  for (let i = 0; i < count; i++) members.push(team.hire());
  const [first] = await Promise.all(members);
  await first?.ask("call", "declareQueue", queue, { subscribeTo: [topic] });
  return team.members;
}

/** Throws unless it is so. */
export function expect(condition: boolean, rule: string): void {
  if (!condition) throw new Error(rule);
}

/** Resolves when every message was handled. */
export async function allAcknowledged(
  team: Team,
  bodies: readonly string[],
  ms: number,
): Promise<void> {
  // What a worker was acknowledging when it ended was handled, whether or not that came through.
  const isHandled = (body: string) =>
    team.acknowledged.has(body) ||
    team.members.some(({ isAlive, settling }) => !isAlive() && settling.has(body));
  const missing = () => bodies.filter((body) => !isHandled(body)).length;
  await team.until(() => missing() === 0, ms, "all are handled").catch((error) => {
    throw new Error(`${error}; ${missing()} are missing`);
  });
}

function duplicates(team: Team): number {
  return [...team.received.values()].reduce((sum, times) => sum + times - 1, 0);
}

/** Without Web Locks, which would decide it. */
async function joinAtOnce(team: Team): Promise<string> {
  const members = [];
  for (let i = 0; i < 8; i++) members.push(team.hire({ locks: null }));
  // Each resolves with its first call.
  await Promise.all(members);
  const roles = await Promise.all(team.members.map((each) => each.ask("role")));
  const leaders = roles.filter((role) => role === "leader").length;
  expect(leaders === 1, `${leaders} of 8 lead`);
  const queues = team.members.map((_, place) => `q-${place}`);
  const declared = team.members.map((each, place) =>
    each.ask("call", "declareQueue", queues[place])
  );
  await Promise.all(declared);
  for (const each of team.members) {
    await Promise.all(queues.map((queue) => each.ask("call", "describeQueue", queue)));
  }
  return "8 workers, one leads before any call returns";
}

async function fansOut(team: Team): Promise<string> {
  const members = await hire(team, 4);
  const queues = ["a", "b", "c"];
  for (const [place, queue] of queues.entries()) {
    await members[place]?.ask("call", "declareQueue", queue, { subscribeTo: [TOPIC] });
    await team.consume({ queue, loops: 2, handlingMs: 1 }, [members[place] as Colleague]);
  }
  const bodies = await members[3]?.ask("publish", TOPIC, numbered(300)) as string[];
  await team.until(() => bodies.every((body) => team.acknowledged.get(body) === 3), 20_000, "each");
  expect(duplicates(team) === 600, `each three times: ${duplicates(team)} more than once`);
  return "300 messages reached 3 queues in 3 of 4 workers";
}

async function compete(team: Team): Promise<string> {
  const members = await hire(team, 8);
  await team.consume({ queue: QUEUE, loops: 2, handlingMs: 2 });
  const bodies = await members[7]?.ask("publish", TOPIC, numbered(2_000)) as string[];
  await allAcknowledged(team, bodies, 30_000);
  expect(duplicates(team) === 0, `${duplicates(team)} messages were received twice`);
  return "2000 messages, 8 workers, each received once";
}

async function keepsOrder(team: Team): Promise<string> {
  const queue = "sorted.fifo";
  const members = await hire(team, 4, queue);
  await team.consume({ queue, loops: 2, handlingMs: 1 });
  const bodies = numbered(600).map((_, place) =>
    `g${place % 12}:${String(place).padStart(4, "0")}`
  );
  await members[0]?.ask("publish", `${TOPIC}.fifo`, bodies);
  await allAcknowledged(team, bodies, 30_000);
  for (let group = 0; group < 12; group++) {
    const ofGroup = (all: readonly string[]) => all.filter((body) => body.startsWith(`g${group}:`));
    expect(
      String(ofGroup(team.order)) === String(ofGroup(bodies)),
      `group ${group} is out of order`,
    );
  }
  return "600 messages in 12 groups, 4 workers, each group in order";
}

async function survivesBurst(team: Team): Promise<string> {
  const [publisher, slow] = await hire(team, 2) as [Colleague, Colleague];
  await team.consume({ queue: QUEUE, loops: 1, handlingMs: 5, blocks: true }, [slow]);
  const all = numbered(5_000);
  const bodies = await publisher.ask("publish", TOPIC, all) as string[];
  expect(bodies.length === 5_000, `${bodies.length} of 5000 were accepted`);
  await allAcknowledged(team, bodies, 60_000);
  return `5000 messages, ${duplicates(team)} received twice`;
}

async function consumerCrashes(team: Team): Promise<string> {
  const members = await hire(team, 3);
  const leader = await team.leader();
  const [victim, other] = members.filter((each) => each !== leader) as [Colleague, Colleague];
  await victim.ask("hold");
  await team.consume({ queue: QUEUE, loops: 3, handlingMs: 1 }, [victim]);
  await leader.ask("publish", TOPIC, numbered(30));
  await team.until(() => victim.inFlight.size === 30, 5_000, "it holds 30");
  victim.terminate();
  const start = Date.now();
  await team.consume({ queue: QUEUE, loops: 3, handlingMs: 1 }, [other]);
  await allAcknowledged(team, numbered(30), 20_000);
  return `30 messages came back after ${Date.now() - start} ms`;
}

/** Terminates a consumer, then the leader, which holds at least 100 messages, then a consumer. */
async function manyCrashes(team: Team): Promise<string> {
  const members = [...await hire(team, 8)];
  const publisher = await team.hire();
  const bodies = numbered(10_000);
  const first = 2_000 + Math.floor(chance() * 1_000);
  const third = 6_000 + Math.floor(chance() * 1_000);
  await team.consume({ queue: QUEUE, loops: 12, handlingMs: 20 }, members);
  const accepted = [publisher.ask("publish", TOPIC, bodies.slice(0, 4_000))];
  await team.until(() => team.acknowledged.size >= first, 60_000, `${first} are handled`);
  let allowed = terminate(await follower(team, members));
  const leader = await team.leader();
  expect(members.includes(leader), "a consumer leads");
  await leader.ask("hold");
  accepted.push(publisher.ask("publish", TOPIC, bodies.slice(4_000)));
  const enough = 100 + Math.floor(chance() * 100);
  await team.until(() => leader.inFlight.size >= enough, 20_000, "the leader holds 100");
  const held = leader.inFlight.size;
  // Also what the others have in flight: their acknowledgements may end with the leader.
  const others = members.filter((each) => each !== leader && each.isAlive());
  allowed += terminate(leader) + others.reduce((sum, each) => sum + openOf(each), 0);
  const recovery = await timeToRecover(team, leader);
  await team.until(() => team.acknowledged.size >= third, 60_000, `${third} are handled`);
  allowed += terminate(await follower(team, members));
  const all = (await Promise.all(accepted) as string[][]).flat();
  expect(all.length === bodies.length, `${all.length} of ${bodies.length} were accepted`);
  await allAcknowledged(team, bodies, 90_000);
  await emptied(team, publisher);
  const twice = duplicates(team);
  expect(twice <= allowed, `${twice} received twice, but only ${allowed} were in flight`);
  const growth = await growthAfter(team, publisher);
  return `none of 10000 lost, ${twice} received twice of ${allowed} in flight, the leader held ${held}, ` +
    `recovered in ${recovery} ms, heap ${growth}`;
}

async function follower(team: Team, members: readonly Colleague[]): Promise<Colleague> {
  const leader = await team.leader();
  const others = members.filter((each) => each.isAlive() && each !== leader);
  return others[Math.floor(chance() * others.length)] as Colleague;
}

/** Ends a member; returns how much it had in flight. */
function terminate(member: Colleague): number {
  const open = openOf(member);
  member.terminate();
  return open;
}

function openOf({ inFlight, settling }: Colleague): number {
  return inFlight.size + settling.size;
}

/** Resolves when nothing is left: what a member was acknowledging when it ended comes back first. */
async function emptied(team: Team, member: Colleague): Promise<void> {
  const isEmpty = async () => {
    const { available, inFlight } = await member.ask("call", "describeQueue", QUEUE) as {
      available: number;
      inFlight: number;
    };
    return available + inFlight === 0;
  };
  await team.until(isEmpty, 30_000, "the queue is empty");
}

/** From the end of a leader to when somebody receives again what it held. */
async function timeToRecover(team: Team, { inFlight }: Colleague): Promise<number> {
  const start = Date.now();
  const before = new Map([...inFlight].map((body) => [body, team.received.get(body) ?? 0]));
  const isBack = () => [...before].some(([body, times]) => (team.received.get(body) ?? 0) > times);
  await team.until(isBack, 30_000, "somebody receives what the leader held");
  return Date.now() - start;
}

/** More rounds of messages must not take more memory. */
async function growthAfter(team: Team, publisher: Colleague): Promise<string> {
  const alive = team.members.filter(({ isAlive }) => isAlive());
  const sizes: number[] = [];
  for (let round = 0; round < 4; round++) {
    const bodies = Array.from({ length: 5_000 }, (_, place) => `round-${round}-${place}`);
    await publisher.ask("publish", TOPIC, bodies);
    await allAcknowledged(team, bodies, 60_000);
    await sleep(200);
    const heaps = await Promise.all(alive.map((each) => each.ask("heap"))) as number[];
    sizes.push(heaps.reduce((sum, bytes) => sum + bytes, 0) / heaps.length / 2 ** 20);
  }
  const [, second = 0, , fourth = 0] = sizes;
  expect(fourth < second * 1.25 + 2, `the heap grows: ${sizes.map((size) => size.toFixed(1))} MiB`);
  return `${sizes.map((size) => size.toFixed(1)).join(" ")} MiB after rounds of 5000`;
}

async function leaderHangs(team: Team): Promise<string> {
  const members = await hire(team, 4);
  const leader = await team.leader();
  const [other] = members.filter((each) => each !== leader) as [Colleague];
  await other.ask("publish", TOPIC, numbered(20));
  const take = { max: 10, waitMs: 1_000, visibilityMs: 60_000 };
  const held = await leader.ask("call", "receive", QUEUE, take) as { receipt: string }[];
  expect(held.length === 10, `the leader holds 10: ${held.length}`);
  const start = Date.now();
  const hanging = leader.ask("block", 14_000);
  await sleep(10);
  await team.consume({ queue: QUEUE, loops: 2, handlingMs: 1 }, [other]);
  await team.until(() => team.acknowledged.size > 0, 10_000, "others go on");
  const recovery = Date.now() - start;
  await allAcknowledged(team, numbered(20), 30_000);
  await hanging;
  const receipts = held.map(({ receipt }) => receipt);
  const results = await leader.ask("call", "acknowledge", QUEUE, receipts) as {
    ok: boolean;
    error?: Error & { code?: string };
  }[];
  expect(results.every(({ ok }) => !ok), "its acknowledgements come too late");
  await team.until(async () => await leader.ask("role") === "follower", 10_000, "it follows");
  return `the others went on after ${recovery} ms; all 10 late acknowledgements were refused`;
}

async function idles(team: Team): Promise<string> {
  const [first] = await hire(team, 8);
  await team.consume({ queue: QUEUE, loops: 1, handlingMs: 1 });
  await sleep(3_000);
  const count = Number(await first?.ask("overhear", `melange/${team.name}`, 10_000));
  expect(count > 0 && count <= 10, `${count} messages in 10 s`);
  return `${count} messages in 10 s with 8 consumers that wait`;
}
