import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  cacheCredentials,
  type Credentials,
  environmentCredentials,
} from "../../../../backends/aws/credentials/credentials.ts";
import { VirtualClock } from "../../../../backends/memory/testing.ts";
import { MelangeError } from "../../../../src/support/errors.ts";

const MINUTE = 60_000;

/** A provider of credentials that last an hour, and what a test knows of it. */
function provider(clock: VirtualClock) {
  const state = { asked: 0, fail: false, gate: Promise.resolve() };
  const provide = async (): Promise<Credentials> => {
    state.asked++;
    const accessKeyId = `AKID${state.asked}`;
    await state.gate;
    if (state.fail) throw new Error("metadata service is down");
    return { accessKeyId, secretAccessKey: "s", expiration: new Date(clock.now() + 60 * MINUTE) };
  };
  return { state, provide };
}

function setUp() {
  const clock = new VirtualClock();
  const { state, provide } = provider(clock);
  return { clock, state, cache: cacheCredentials(provide, { clock }) };
}

describe("cacheCredentials()", () => {
  it("asks when it is first asked, and once for all that wait", async () => {
    const { state, cache } = setUp();
    assertEquals(state.asked, 0);
    const [first, second] = await Promise.all([cache.get(), cache.get()]);
    assertStrictEquals(first, second);
    assertStrictEquals(await cache.get(), first);
    assertEquals(state.asked, 1);
  });

  it("asks again five minutes before the end, and lets nobody wait for it", async () => {
    const { clock, state, cache } = setUp();
    await cache.get();
    await clock.advance(55 * MINUTE - 1);
    await cache.get();
    assertEquals(state.asked, 1);
    await clock.advance(1);
    let open = () => {};
    state.gate = new Promise<void>((resolve) => open = resolve);
    assertEquals((await cache.get()).accessKeyId, "AKID1", "still good");
    assertEquals((await cache.get()).accessKeyId, "AKID1");
    assertEquals(state.asked, 2, "asked once");
    open();
    await clock.advance(0);
    assertEquals((await cache.get()).accessKeyId, "AKID2");
  });

  it("leaves a provider that failed alone for ten seconds", async () => {
    const { clock, state, cache } = setUp();
    await cache.get();
    state.fail = true;
    await clock.advance(56 * MINUTE);
    for (let second = 0; second < 20; second++) {
      await Promise.all([cache.get(), cache.get()]);
      await clock.advance(1_000);
    }
    assertEquals(state.asked, 3);
  });

  for (const step of [-30_000, 30_000]) {
    it(`asks a provider that failed in ten seconds, when the clock is set by ${step} ms`, async () => {
      const { clock, state, cache } = setUp();
      await cache.get();
      state.fail = true;
      await clock.advance(56 * MINUTE);
      await cache.get();
      clock.step(step);
      const asked: number[] = [];
      for (const ms of [9_999, 1]) {
        await clock.advance(ms);
        await cache.get();
        asked.push(state.asked);
      }
      assertEquals(asked, [2, 3]);
    });
  }

  it("lives on with what it has while the provider fails, up to the end", async () => {
    const { clock, state, cache } = setUp();
    await cache.get();
    state.fail = true;
    await clock.advance(58 * MINUTE);
    assertEquals((await cache.get()).accessKeyId, "AKID1");
    await clock.advance(2 * MINUTE);
    const error = await assertRejects(() => cache.get(), MelangeError);
    assertEquals([error.code, error.retryable], ["CONFIGURATION", true]);
    state.fail = false;
    assert((await cache.get()).accessKeyId !== "AKID1");
  });

  it("does not remember a failure", async () => {
    const { state, cache } = setUp();
    state.fail = true;
    await assertRejects(() => cache.get(), MelangeError);
    state.fail = false;
    assertEquals((await cache.get()).accessKeyId, "AKID2");
  });

  it("forgets what is dropped, but not what replaced it", async () => {
    const { state, cache } = setUp();
    const first = await cache.get();
    cache.drop(first);
    const second = await cache.get();
    assertEquals(second.accessKeyId, "AKID2");
    cache.drop(first);
    assertStrictEquals(await cache.get(), second);
    assertEquals(state.asked, 2);
  });

  it("keeps credentials without an end", async () => {
    const clock = new VirtualClock();
    let asked = 0;
    const provide = () => Promise.resolve({ accessKeyId: `A${++asked}`, secretAccessKey: "s" });
    const cache = cacheCredentials(provide, { clock });
    await cache.get();
    await clock.advance(365 * 24 * 60 * MINUTE);
    assertEquals((await cache.get()).accessKeyId, "A1");
  });

  const wrong: [what: string, value: unknown, field: string][] = [
    ["nothing", undefined, "accessKeyId"],
    ["no key", { secretAccessKey: "hunter2" }, "accessKeyId"],
    ["a space in the key", { accessKeyId: "hunter2 A", secretAccessKey: "s" }, "accessKeyId"],
    ["an empty secret", { accessKeyId: "A", secretAccessKey: "" }, "secretAccessKey"],
    ["a secret that is null", { accessKeyId: "A", secretAccessKey: null }, "secretAccessKey"],
    ["a line break", { accessKeyId: "A", secretAccessKey: "hunter2\n" }, "secretAccessKey"],
    [
      "a token that is no text",
      { accessKeyId: "A", secretAccessKey: "s", sessionToken: {} },
      "sessionToken",
    ],
    [
      "a token beyond ASCII",
      { accessKeyId: "A", secretAccessKey: "s", sessionToken: "hunter2…" },
      "sessionToken",
    ],
  ];
  for (const [what, value, field] of wrong) {
    it(`refuses ${what}, and names the field without quoting it`, async () => {
      const provide = () => Promise.resolve(value as Credentials);
      const cache = cacheCredentials(provide, { clock: new VirtualClock() });
      const error = await assertRejects(() => cache.get(), MelangeError);
      assertEquals(error.code, "CONFIGURATION");
      assert(error.message.startsWith(`Cannot sign as ${field} must be`), error.message);
      assert(!error.message.includes("hunter2"));
    });
  }

  it("takes credentials whose session token is missing, empty or null", async () => {
    for (const sessionToken of [undefined, "", null]) {
      const given = { accessKeyId: "A", secretAccessKey: "s", sessionToken } as Credentials;
      const cache = cacheCredentials(given, { clock: new VirtualClock() });
      assertEquals(await cache.get(), { ...given, expiration: undefined });
    }
  });

  it("takes what a class has as getters, and nothing else", async () => {
    class Provided {
      readonly region = "us-east-1";
      get accessKeyId() {
        return "A";
      }
      get secretAccessKey() {
        return "s";
      }
    }
    const provider = () => Promise.resolve(new Provided());
    const cache = cacheCredentials(provider, { clock: new VirtualClock() });
    const expected = { accessKeyId: "A", secretAccessKey: "s", sessionToken: undefined };
    assertEquals(await cache.get(), { ...expected, expiration: undefined });
  });
});

describe("cacheCredentials() of a provider that", () => {
  it("hangs once: is bounded, and asked again", async () => {
    const clock = new VirtualClock();
    let asked = 0;
    const provide = () =>
      ++asked === 1 ? new Promise<Credentials>(() => {}) : Promise.resolve(keys(`A${asked}`));
    const cache = cacheCredentials(provide, { clock });
    const both = [cache.get(), cache.get()].map((got) => assertRejects(() => got, MelangeError));
    await clock.advance(9_000);
    for (const failed of both) {
      const { code, retryable } = await failed;
      assertEquals([code, retryable], ["CONFIGURATION", true]);
    }
    assertEquals(clock.pending, 0);
    assertEquals((await cache.get()).accessKeyId, "A2");
  });

  it("hangs while there are credentials: nobody waits, and it is asked again", async () => {
    const clock = new VirtualClock();
    let asked = 0;
    const provide = () =>
      ++asked === 2
        ? new Promise<Credentials>(() => {})
        : Promise.resolve({ ...keys(`A${asked}`), expiration: new Date(clock.now() + 6 * MINUTE) });
    const cache = cacheCredentials(provide, { clock });
    await cache.get();
    await clock.advance(2 * MINUTE);
    assertEquals((await cache.get()).accessKeyId, "A1");
    await clock.advance(MINUTE);
    await cache.get();
    await clock.advance(0);
    assertEquals((await cache.get()).accessKeyId, "A3");
  });

  it("answers late: those that come later have it", async () => {
    const clock = new VirtualClock();
    let answer = (_: Credentials) => {};
    let asked = 0;
    const provide = () => {
      asked++;
      return new Promise<Credentials>((resolve) => answer = resolve);
    };
    const cache = cacheCredentials(provide, { clock });
    const failed = assertRejects(() => cache.get(), MelangeError);
    await clock.advance(9_000);
    await failed;
    answer(keys("LATE"));
    await clock.advance(0);
    assertEquals([(await cache.get()).accessKeyId, asked], ["LATE", 1]);
  });

  const ends: [what: string, expiration: unknown][] = [
    ["ISO text", "2026-01-01T01:00:00Z"],
    ["ISO text with a zone", "2026-01-01T03:00:00+02:00"],
    ["a number", Date.UTC(2026, 0, 1, 1)],
    ["a date", new Date(Date.UTC(2026, 0, 1, 1))],
  ];
  for (const [what, expiration] of ends) {
    it(`gives the expiration as ${what}: it is coerced`, async () => {
      const clock = new VirtualClock();
      let asked = 0;
      const provide = () =>
        Promise.resolve({ ...keys(`A${++asked}`), expiration } as unknown as Credentials);
      const cache = cacheCredentials(provide, { clock });
      assertEquals((await cache.get()).expiration, new Date("2026-01-01T01:00:00Z"));
      await clock.advance(30 * MINUTE);
      await cache.get();
      assertEquals(asked, 1);
      await clock.advance(30 * MINUTE);
      await cache.get();
      assertEquals(asked, 2);
    });
  }

  for (const expiration of ["soon", "", NaN, {}, new Date(NaN), "hunter2"]) {
    it(`gives ${String(expiration) || '""'} as the expiration: CONFIGURATION`, async () => {
      for (const source of [{ ...keys("A"), expiration }, () => ({ ...keys("A"), expiration })]) {
        const cache = cacheCredentials(source as never, { clock: new VirtualClock() });
        const error = await assertRejects(() => cache.get(), MelangeError);
        assertEquals([error.code, error.retryable], ["CONFIGURATION", false]);
        assert(error.message.includes("expiration"), error.message);
        assert(!error.message.includes("hunter2"));
      }
    });
  }

  const hostile = Object.defineProperty({}, "name", {
    get() {
      throw new Error("hunter2");
    },
  });
  const throwing: [what: string, source: unknown][] = [
    ["has a getter that throws", getter("secretAccessKey")],
    ["has an expiration that throws", getter("expiration")],
    ["has an expiration that cannot be one", { ...keys("A"), expiration: 10n }],
    ["has a secret that cannot be read", { ...keys("A"), secretAccessKey: Symbol("hunter2") }],
    ["throws an error with the secret", () => Promise.reject(new Error("hunter2"))],
    ["throws what throws", () => Promise.reject(hostile)],
    ["throws nothing", () => Promise.reject(undefined)],
    ["throws a revoked proxy", () => Promise.reject(revoked())],
    ["returns a revoked proxy", () => [revoked()][0]],
    ["throws at once", () => {
      throw new Error("hunter2");
    }],
  ];
  for (const [what, source] of throwing) {
    it(`${what}: quotes nothing, not even in a cause`, async () => {
      const cache = cacheCredentials(source as never, { clock: new VirtualClock() });
      const error = await assertRejects(() => cache.get(), MelangeError);
      assertEquals([error.code, error.cause], ["CONFIGURATION", undefined]);
      assert(!`${error.message}${error.stack}`.includes("hunter2"), error.message);
    });
  }
});

function keys(accessKeyId: string): Credentials {
  return { accessKeyId, secretAccessKey: "s" };
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function getter(name: string): Credentials {
  return Object.defineProperty({ ...keys("A") }, name, {
    get() {
      throw new Error("hunter2");
    },
  });
}

describe("environmentCredentials()", () => {
  const read = (variables: Record<string, string>) =>
    environmentCredentials((name) => variables[name])();
  const both = { AWS_ACCESS_KEY_ID: "AKID", AWS_SECRET_ACCESS_KEY: "s" };

  it("reads the three variables", async () => {
    assertEquals(await read({ ...both, AWS_SESSION_TOKEN: "t" }), {
      accessKeyId: "AKID",
      secretAccessKey: "s",
      sessionToken: "t",
    });
    assertEquals((await read(both))?.sessionToken, undefined);
  });

  it("says what to set where there are none", async () => {
    const cache = cacheCredentials(environmentCredentials(() => undefined), {
      clock: new VirtualClock(),
    });
    const error = await assertRejects(() => cache.get(), MelangeError);
    assertEquals([error.code, error.retryable], ["CONFIGURATION", false]);
    assert(error.message.includes("AWS_ACCESS_KEY_ID"));
  });

  it("is none without both keys", async () => {
    assertEquals(await read({ AWS_ACCESS_KEY_ID: "AKID" }), undefined);
    assertEquals(await read({ AWS_SECRET_ACCESS_KEY: "s" }), undefined);
  });
});
