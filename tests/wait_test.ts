import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { FakeTime } from "@std/testing/time";
import { sleep, until, untilEmpty, within } from "./wait.ts";

const never = new Promise<never>(() => {});

/** The message of the error that a promise rejects with. */
async function messageOf(promise: Promise<unknown>): Promise<string> {
  return (await assertRejects(() => promise, Error)).message;
}

describe("until()", () => {
  it("resolves to the first value that is not falsy", async () => {
    const values = [undefined, 0, "", false, null, "it"];
    const found: string = await until(() => values.shift() as string | undefined, { what: "it" });
    assertEquals([found, values], ["it", []]);
  });

  it("says what it waited for, how long, and what the condition gave last", async () => {
    const message = await messageOf(until(() => 0, { what: "two thirds", ms: 30 }));
    assertEquals(message, "Waited 30 ms for two thirds; saw 0");
  });

  it("says what there is to see at the end", async () => {
    const seen: string[] = [];
    const options = { what: "four", ms: 30, saw: () => seen };
    const message = await messageOf(until(() => void (seen[0] = "one"), options));
    assertEquals(message, 'Waited 30 ms for four; saw ["one"]');
  });

  it("ends in time where a look never settles", async () => {
    const message = await messageOf(until(() => never, { what: "an answer", ms: 30 }));
    assertEquals(message, "Waited 30 ms for an answer; saw undefined");
  });

  it("rejects at once with what the condition throws", async () => {
    const condition = () => {
      throw new Error("it has ended");
    };
    assertEquals(await messageOf(until(condition, { what: "a line" })), "it has ended");
  });

  it("goes by real time while a test fakes it", async () => {
    const time = new FakeTime();
    try {
      const waiting = messageOf(until(() => false, { what: "a", ms: 30 }));
      assertEquals(await waiting, "Waited 30 ms for a; saw false");
    } finally {
      time.restore();
    }
  });
});

describe("within()", () => {
  it("settles as the promise does", async () => {
    assertEquals(await within(Promise.resolve(1), { what: "one" }), 1);
    const failed = within(Promise.reject(new Error("no")), { what: "one" });
    assertEquals(await messageOf(failed), "no");
  });

  it("rejects when the time is up", async () => {
    const options = { what: "an answer", ms: 20, saw: () => new Set(["a question"]) };
    assertEquals(
      await messageOf(within(never, options)),
      'Waited 20 ms for an answer; saw ["a question"]',
    );
  });
});

describe("untilEmpty()", () => {
  it("collects until there is nothing", async () => {
    const batches = [[1, 2], [3], []];
    const next = () => Promise.resolve(batches.shift() ?? []);
    assertEquals(await untilEmpty(next, { what: "numbers" }), [1, 2, 3]);
  });

  it("rejects where there is always more", async () => {
    const message = await messageOf(
      untilEmpty(() => Promise.resolve([1]), { what: "numbers", turns: 3 }),
    );
    assertEquals(message, "Asked 3 times for numbers, and there are still more than 3");
  });
});

describe("sleep()", () => {
  it("lets time pass", async () => {
    const before = performance.now();
    await sleep(20);
    assert(performance.now() - before >= 15);
  });
});
