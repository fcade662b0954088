import { runOnce } from "../../src/handle/once.ts";
import { systemClock } from "../../src/support/clock.ts";
import type { Logger } from "../../src/support/logger.ts";
import { expect, expectSame } from "./expect.ts";
import type { DeduplicationStoreUnderTest, StoreAbility } from "./store_under_test.ts";

/** A store with the numbers of the suite. */
export interface StoreBench extends DeduplicationStoreUnderTest {
  readonly leaseMs: number;
  readonly slackMs: number;
  readonly raceKeys: number;
  /** The beginning of the keys of a check, which no other check has. */
  readonly prefix: string;
}

/** One promise of a store, with its test. */
export interface StoreCheck {
  /** The name, to which `except` refers. */
  readonly name: string;
  /** Runs only where `can` names this function. Default: always. */
  readonly needs?: StoreAbility;
  /** Throws if the promise is not kept. */
  run(bench: StoreBench): Promise<void>;
}

/** Long enough not to end during a check, in milliseconds. */
const LONG_MS = 600_000;
const HOUR_MS = 3_600_000;

async function tokenOf({ store }: StoreBench, key: string, leaseMs: number): Promise<string> {
  const claim = await store.claim(key, leaseMs);
  expect(claim.status === "claimed", `a free key must be claimed: got ${claim.status}`);
  expect(typeof claim.token === "string" && claim.token !== "", "a claim must have a token");
  return claim.token;
}

async function expectStatus(bench: StoreBench, key: string, status: string): Promise<void> {
  const claim = await bench.other.claim(key, bench.leaseMs);
  expectSame(claim.status, status, "the next claim must tell the state of the key");
}

/** Lets a lease end for certain. */
function passLease({ pass, leaseMs, slackMs }: StoreBench): Promise<void> {
  return pass(leaseMs + slackMs);
}

const claiming: readonly StoreCheck[] = [
  {
    name: "claim() gives a key to one of two",
    async run(bench) {
      await tokenOf(bench, bench.prefix, LONG_MS);
      const claim = await bench.other.claim(bench.prefix, LONG_MS);
      expect(claim.status === "inProgress", `the second must wait: got ${claim.status}`);
      const { retryAfterMs = 1 } = claim;
      expect(retryAfterMs > 0, "the second must be told a wait");
      expect(retryAfterMs <= LONG_MS + bench.slackMs, "the wait must not be above the lease");
    },
  },
  {
    name: "claim() keeps keys apart, whatever they are called",
    async run(bench) {
      const long = "k".repeat(5_000);
      const keys = ["", ":", "%3A", "__proto__", "'; DROP TABLE x; --", "\u{1F600}", "é", "e\u0301"]
        .concat(["\0", "~0000", "\uD800", "~d800", "\uDFFF", `${long}a`, `${long}b`, " ", "a b"]);
      for (const key of keys) await tokenOf(bench, bench.prefix + key, LONG_MS);
      for (const key of keys) await expectStatus(bench, bench.prefix + key, "inProgress");
    },
  },
  {
    name: "claim() gives a key to one of many at the same time",
    async run({ store, other, prefix }) {
      for (let round = 0; round < 5; round++) {
        const claims = await Promise.all(
          Array.from({ length: 20 }, (_, n) => {
            return (n % 2 ? store : other).claim(`${prefix}-${round}`, LONG_MS);
          }),
        );
        const got = claims.filter(({ status }) => status === "claimed");
        expectSame(got.length, 1, "one of many claims must succeed");
      }
    },
  },
  {
    name: "claim() gives a key again once its lease is over",
    async run(bench) {
      await tokenOf(bench, bench.prefix, bench.leaseMs);
      await passLease(bench);
      await expectStatus(bench, bench.prefix, "claimed");
    },
  },
  {
    name: "claim() refuses a time that is none, and keeps nothing",
    async run(bench) {
      for (const ms of [NaN, -1, Infinity, "1" as unknown as number]) {
        const error = await thrownBy(() => bench.store.claim(bench.prefix, ms));
        expect(error instanceof RangeError, "a wrong time must reject with a RangeError");
      }
      await expectStatus(bench, bench.prefix, "claimed");
    },
  },
];

const settling: readonly StoreCheck[] = [
  {
    name: "complete() is remembered for its time, and forgotten then",
    async run(bench) {
      const { store, prefix, leaseMs, slackMs, pass } = bench;
      await store.complete(prefix, await tokenOf(bench, prefix, leaseMs), leaseMs * 3);
      await pass(leaseMs * 1.5);
      await expectStatus(bench, prefix, "completed");
      await pass(leaseMs * 1.5 + slackMs);
      await expectStatus(bench, prefix, "claimed");
    },
  },
  {
    name: "complete() takes a lease that is over, while nobody has claimed the key",
    async run(bench) {
      const token = await tokenOf(bench, bench.prefix, bench.leaseMs);
      await passLease(bench);
      await bench.store.complete(bench.prefix, token, LONG_MS);
      await expectStatus(bench, bench.prefix, "completed");
    },
  },
  {
    name: "complete() keeps a hundred years",
    async run(bench) {
      const token = await tokenOf(bench, bench.prefix, Number.MAX_VALUE);
      await bench.store.complete(bench.prefix, token, Number.MAX_VALUE);
      await expectStatus(bench, bench.prefix, "completed");
    },
  },
  {
    name: "release() gives the key to the next at once",
    async run(bench) {
      await bench.store.release(bench.prefix, await tokenOf(bench, bench.prefix, LONG_MS));
      await expectStatus(bench, bench.prefix, "claimed");
    },
  },
  {
    name: "release() and renew() leave a completed key alone",
    async run(bench) {
      const { store, prefix } = bench;
      const token = await tokenOf(bench, prefix, LONG_MS);
      await store.complete(prefix, token, LONG_MS);
      await store.release(prefix, token);
      expectSame(await store.renew(prefix, token, LONG_MS), false, "renew() must resolve to false");
      await expectStatus(bench, prefix, "completed");
    },
  },
  {
    name: "renew() prolongs a lease",
    async run(bench) {
      const { store, prefix, leaseMs } = bench;
      const token = await tokenOf(bench, prefix, leaseMs);
      expectSame(await store.renew(prefix, token, LONG_MS), true, "renew() must resolve to true");
      await passLease(bench);
      await expectStatus(bench, prefix, "inProgress");
    },
  },
  {
    name: "renew() takes a lease that is over, while nobody has claimed the key",
    async run(bench) {
      const { store, prefix, leaseMs } = bench;
      const token = await tokenOf(bench, prefix, leaseMs);
      await passLease(bench);
      expectSame(await store.renew(prefix, token, LONG_MS), true, "renew() must resolve to true");
      await expectStatus(bench, prefix, "inProgress");
    },
  },
];

const fencing: readonly StoreCheck[] = [
  {
    name: "an old token can neither complete nor release nor renew",
    async run(bench) {
      const { store, other, prefix, leaseMs } = bench;
      const old = await tokenOf(bench, prefix, leaseMs);
      await passLease(bench);
      const claim = await other.claim(prefix, LONG_MS);
      expect(claim.status === "claimed", "the next must get the key");
      await store.complete(prefix, old, LONG_MS);
      await expectStatus(bench, prefix, "inProgress");
      await store.release(prefix, old);
      await expectStatus(bench, prefix, "inProgress");
      expectSame(await store.renew(prefix, old, LONG_MS), false, "renew() must resolve to false");
      await other.complete(prefix, claim.token, LONG_MS);
      await expectStatus(bench, prefix, "completed");
    },
  },
  {
    name: "an invented token changes nothing",
    async run(bench) {
      const { store, prefix } = bench;
      for (const token of ["", "x", crypto.randomUUID()]) {
        await store.complete(prefix, token, LONG_MS);
        await store.release(prefix, token);
        expectSame(
          await store.renew(prefix, token, LONG_MS),
          false,
          "renew() must resolve to false",
        );
      }
      await expectStatus(bench, prefix, "claimed");
    },
  },
];

const surroundings: readonly StoreCheck[] = [
  {
    name: "a caller's clock that is an hour off does not matter",
    needs: "ahead",
    async run(bench) {
      for (const offset of [HOUR_MS, -HOUR_MS]) {
        const off = bench.ahead?.(offset);
        expect(off, "ahead() must be given");
        const key = `${bench.prefix}${offset}`;
        await tokenOf(bench, key, LONG_MS);
        expectSame((await off.claim(key, 1)).status, "inProgress", "a lease must last");
        const own = await off.claim(`${key}-own`, bench.leaseMs);
        expect(own.status === "claimed", "a free key must be claimed");
        await expectStatus(bench, `${key}-own`, "inProgress");
        await passLease(bench);
        await expectStatus(bench, `${key}-own`, "claimed");
      }
    },
  },
  {
    name: "a store that is down rejects, and is closed or open as configured",
    needs: "down",
    async run(bench) {
      const store = bench.down?.();
      expect(store, "down() must be given");
      const { prefix: key } = bench;
      for (const call of callsOf(store, key)) await thrownBy(call);
      for (const onFailure of ["retry", "process"] as const) {
        const logger = countingLogger();
        let runs = 0;
        const result = await runOnce(() => Promise.resolve(void runs++), {
          store,
          key,
          onFailure,
          leaseMs: 3_000,
          clock: systemClock,
          signal: new AbortController().signal,
          logger,
        });
        expectSame(runs, onFailure === "process" ? 1 : 0, `"${onFailure}" must be kept`);
        expectSame(result.kind, onFailure === "process" ? "acknowledge" : "retry", "the verdict");
        expect(logger.errors() > 0, "the failure must be logged as an error");
      }
    },
  },
  {
    name: "two processes that race for many keys get each key once",
    needs: "race",
    async run({ race, prefix, raceKeys }) {
      const got = (await race?.(prefix, raceKeys))?.flat();
      expect(got, "race() must be given");
      expectSame(got.length, raceKeys, "each key must be claimed once");
      expectSame(new Set(got).size, raceKeys, "no key may be claimed twice");
    },
  },
  {
    name: "a kill between effect and mark leaves the key to the next, once the lease is over",
    needs: "kill",
    async run(bench) {
      expect(bench.kill, "kill() must be given");
      const leaseMs = Math.max(bench.leaseMs, 5_000);
      await bench.kill(bench.prefix, leaseMs);
      await expectStatus(bench, bench.prefix, "inProgress");
      await bench.pass(leaseMs + bench.slackMs);
      await expectStatus(bench, bench.prefix, "claimed");
    },
  },
];

/** All checks of a store, in the order in which they run. */
export const storeChecks: readonly StoreCheck[] = [
  ...claiming,
  ...settling,
  ...fencing,
  ...surroundings,
];

function callsOf(store: DeduplicationStoreUnderTest["store"], key: string) {
  return [
    () => store.claim(key, LONG_MS),
    () => store.complete(key, "token", LONG_MS),
    () => store.release(key, "token"),
    () => store.renew(key, "token", LONG_MS),
  ];
}

/** Returns what a call rejects with; throws if the call succeeds. */
async function thrownBy(call: () => Promise<unknown>): Promise<unknown> {
  let result;
  try {
    result = await call();
  } catch (error) {
    return error;
  }
  throw new Error(`a call must reject: it resolved to a value of type ${typeof result}`);
}

function countingLogger(): Logger & { errors(): number } {
  let errors = 0;
  const quiet = () => {};
  return {
    debug: quiet,
    info: quiet,
    warn: quiet,
    error: () => void errors++,
    errors: () => errors,
  };
}
