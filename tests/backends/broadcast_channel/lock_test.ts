import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type LocksLike, runtimeLocks } from "../../../backends/broadcast_channel/channel.ts";
import { createMemberLocks, type MemberLocks } from "../../../backends/broadcast_channel/lock.ts";
import { VirtualClock } from "../../../backends/memory/testing.ts";
import { createFakeLocks, type FakeLocks } from "./network.ts";

const PREFIX = "melange/test";

/** Lets everything happen that only waits for promises. */
function settled(): Promise<void> {
  return new VirtualClock().advance(0);
}

/** A member, and how often it was granted the leader's lock. */
function join(all: FakeLocks, id: string): { locks: MemberLocks; granted: () => number } {
  let count = 0;
  const granted = () => void count++;
  return {
    locks: createMemberLocks({ locks: all.of(id), prefix: PREFIX, id, granted }),
    granted: () => count,
  };
}

async function waiting(all: FakeLocks, ...ids: string[]) {
  const members = ids.map((id) => join(all, id));
  for (const { locks } of members) locks.wait();
  await settled();
  return members as [typeof members[0], typeof members[0]];
}

function facts(...members: ReturnType<typeof join>[]): [boolean, number][] {
  return members.map(({ locks, granted }) => [locks.holds(), granted()]);
}

/** Locks that tell which leader's locks were asked for, and whether to steal them. */
function counted(locks: LocksLike): { locks: LocksLike; steals: boolean[] } {
  const steals: boolean[] = [];
  const request: LocksLike["request"] = (name, options, callback) => {
    if (name === `${PREFIX}/leader`) steals.push(options.steal ?? false);
    return locks.request(name, options, callback);
  };
  return { locks: { request }, steals };
}

describe("createMemberLocks()", () => {
  it("takes the lock of the member, and not the leader's", async () => {
    const asked: string[] = [];
    const locks: LocksLike = {
      request: (name, _options, callback) => {
        asked.push(name);
        return callback();
      },
    };
    const member = createMemberLocks({ locks, prefix: PREFIX, id: "a", granted: () => {} });
    await settled();
    assertEquals(asked, [`${PREFIX}/member/a`]);
    assertEquals(member.holds(), false);
    member.release();
  });

  it("wait() grants the leader's lock to one, and to the next when that one releases it", async () => {
    const all = createFakeLocks();
    const [a, b] = await waiting(all, "a", "b");
    assertEquals(facts(a, b), [[true, 1], [false, 0]]);
    a.locks.release();
    await settled();
    assertEquals(facts(a, b), [[false, 1], [true, 1]]);
    b.locks.release();
  });

  it("wait() grants it when the one who has it ends without a word", async () => {
    const all = createFakeLocks();
    const [, b] = await waiting(all, "a", "b");
    all.kill("a");
    await settled();
    assertEquals(facts(b), [[true, 1]]);
    b.locks.release();
  });

  it("wait() and steal() ask once, however often they are called", async () => {
    const all = createFakeLocks();
    const [a] = await waiting(all, "a");
    const { locks, steals } = counted(all.of("b"));
    const b = createMemberLocks({ locks, prefix: PREFIX, id: "b", granted: () => {} });
    for (let i = 0; i < 3; i++) b.wait();
    await settled();
    assertEquals(steals, [false]);
    a.locks.release();
    await settled();
    assertEquals(b.holds(), true);
    b.steal();
    await settled();
    assertEquals(steals, [false]);
    b.release();
    await settled();
    b.wait();
    b.steal();
    await settled();
    assertEquals([b.holds(), ...steals], [false, false]);
  });

  it("steal() takes it from who has it, who waits for it again", async () => {
    const all = createFakeLocks();
    const [a, b] = await waiting(all, "a", "b");
    b.locks.steal();
    await settled();
    assertEquals(facts(a, b), [[false, 1], [true, 0]]);
    b.locks.release();
    await settled();
    assertEquals(facts(a, b), [[true, 2], [false, 0]]);
    a.locks.release();
  });

  it("holds() stays true for one who steals while it stands in line", async () => {
    const all = createFakeLocks();
    const [a, b] = await waiting(all, "a", "b");
    b.locks.steal();
    await settled();
    a.locks.release();
    await settled();
    assertEquals(b.locks.holds(), true);
    b.locks.release();
    await settled();
    assertEquals(b.locks.holds(), false);
  });

  it("watch() tells once when a member ends, and not before", async () => {
    const all = createFakeLocks();
    const [a] = await waiting(all, "a", "b");
    let gone = 0;
    for (let i = 0; i < 3; i++) a.locks.watch("b", () => gone++);
    await settled();
    assertEquals(gone, 0);
    all.kill("b");
    await settled();
    assertEquals(gone, 1);
    a.locks.release();
  });

  it("watch() tells when a member releases its locks, and can be called again", async () => {
    const all = createFakeLocks();
    const [a, b] = await waiting(all, "a", "b");
    let gone = 0;
    a.locks.watch("b", () => gone++);
    b.locks.release();
    await settled();
    assertEquals(gone, 1);
    a.locks.watch("b", () => gone++);
    await settled();
    assertEquals(gone, 2);
    a.locks.release();
  });

  it("watch() does not keep the lock that it waited for", async () => {
    const all = createFakeLocks();
    const [a, b] = await waiting(all, "a", "b");
    const c = join(all, "c");
    const gone: string[] = [];
    a.locks.watch("b", () => gone.push("a"));
    c.locks.watch("b", () => gone.push("c"));
    b.locks.release();
    await settled();
    assertEquals(gone, ["a", "c"]);
    a.locks.release();
    c.locks.release();
  });

  it("watch() tells nothing that it learns after the release", async () => {
    const looks: (() => Promise<void>)[] = [];
    const request: LocksLike["request"] = (_name, _options, look) => {
      looks.push(look);
      return Promise.resolve();
    };
    const locks = createMemberLocks({
      locks: { request },
      prefix: PREFIX,
      id: "a",
      granted: () => {},
    });
    let gone = 0;
    locks.watch("b", () => gone++);
    assertEquals(looks.length, 2);
    locks.release();
    await looks[1]?.();
    locks.watch("c", () => gone++);
    await settled();
    assertEquals([looks.length, gone], [2, 0]);
  });

  it("release() gives everything back, and ends all waiting", async () => {
    const all = createFakeLocks();
    const [a, b] = await waiting(all, "a", "b");
    let gone = 0;
    a.locks.watch("b", () => gone++);
    b.locks.watch("a", () => gone += 10);
    b.locks.release();
    await settled();
    assertEquals([gone, ...facts(a, b)], [1, [true, 1], [false, 0]]);
    a.locks.release();
    await settled();
    assertEquals([gone, ...facts(a, b)], [1, [false, 1], [false, 0]]);
  });

  it("goes on without locks where a request rejects, or throws", async () => {
    const failing: LocksLike["request"][] = [
      () => Promise.reject(new Error("not allowed")),
      () => {
        throw new Error("not allowed");
      },
    ];
    for (const [place, request] of failing.entries()) {
      let granted = 0;
      const options = { prefix: PREFIX, id: "a", granted: () => void granted++ };
      const locks = createMemberLocks({ ...options, locks: { request } });
      locks.wait();
      locks.steal();
      if (place === 0) locks.watch("b", () => granted++);
      await settled();
      assertEquals([locks.holds(), granted], [false, 0]);
      locks.release();
    }
  });

  it("gives a lock back where what it grants throws, and watch() bears a request that throws", async () => {
    const all = createFakeLocks();
    const granted = () => {
      throw new Error("not now");
    };
    const a = createMemberLocks({ locks: all.of("a"), prefix: PREFIX, id: "a", granted });
    a.wait();
    await settled();
    assertEquals(a.holds(), false);
    a.release();
    const throws = () => {
      throw new Error("not allowed");
    };
    const options = { locks: { request: throws }, prefix: PREFIX, id: "b" };
    const b = createMemberLocks({ ...options, granted: () => {} });
    b.watch("c", () => {});
    await settled();
    b.release();
  });

  it("wait() asks again after a request that rejected", async () => {
    const all = createFakeLocks();
    let isAllowed = false;
    const request: LocksLike["request"] = (...how) =>
      isAllowed ? all.of("a").request(...how) : Promise.reject(new Error("not allowed"));
    const options = { locks: { request }, prefix: PREFIX, id: "a" };
    const locks = createMemberLocks({ ...options, granted: () => {} });
    locks.wait();
    await settled();
    assertEquals(locks.holds(), false);
    isAllowed = true;
    locks.wait();
    await settled();
    assertEquals(locks.holds(), true);
    locks.release();
  });
});

describe("runtimeLocks()", () => {
  const locks: LocksLike = { request: () => Promise.resolve() };
  const runtimes: [userAgent: string | undefined, isSound: boolean][] = [
    ["Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36", true],
    ["Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:150.0) Gecko/20100101 Firefox/150.0", true],
    ["Deno/2.9.6", true],
    ["Node.js/24", false],
    ["Node.js/26", false],
    ["Bun/1.4.5", false],
    ["Cloudflare-Workers", false],
    ["Some-Deno/1", false],
    ["", false],
    [undefined, false],
  ];
  for (const [userAgent, isSound] of runtimes) {
    it(`are ${isSound ? "used" : "left alone"} in ${userAgent || "a runtime without a name"}`, () => {
      const navigator = { locks, ...(userAgent === undefined ? {} : { userAgent }) };
      assertEquals(runtimeLocks({ navigator }), isSound ? locks : undefined);
    });
  }

  it("are none where there is no navigator, or it has none", () => {
    assertEquals(runtimeLocks({}), undefined);
    assertEquals(runtimeLocks({ navigator: { userAgent: "Mozilla/5.0" } }), undefined);
  });
});
