import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { VirtualClock } from "../../../backends/memory/testing.ts";
import { Batcher, type BatcherOptions } from "../../../src/support/batcher.ts";

/** A letter says the group, a number the place in it. */
interface Item {
  name: string;
}

/** Batches of at most three; each ends when it is told to, or at once with `auto`. */
function setUp(own: Partial<BatcherOptions<Item, string>> & { auto?: boolean } = {}) {
  const { auto = false, ...options } = own;
  const clock = new VirtualClock({ now: 0 });
  const batches: string[] = [];
  const ends: (() => void)[] = [];
  const outcomes: string[] = [];
  const batcher = new Batcher<Item, string>({
    maxItems: 3,
    lingerMs: 0,
    maxInFlight: 2,
    clock,
    run: async (items, settle) => {
      batches.push(items.map(({ name }) => name).join(" "));
      if (!auto) await new Promise<void>((resolve) => ends.push(resolve));
      for (const item of items) settle(item, `${item.name}!`);
    },
    ...options,
  });
  const items = new Map<string, Item>();
  return {
    clock,
    batcher,
    batches,
    outcomes,
    /** Adds items in one turn. */
    add(names: string) {
      for (const name of names.split(" ")) {
        const item = { name };
        items.set(name, item);
        void batcher.add(item).then((outcome) => outcomes.push(outcome));
      }
    },
    remove: (name: string) => batcher.remove(items.get(name)!),
    /** Ends the oldest batch that runs. */
    async end() {
      ends.shift()?.();
      await clock.advance(0);
    },
  };
}

const keyOf = ({ name }: Item) => name[0];

describe("Batcher", () => {
  it("add() puts the items of one turn into one batch", async () => {
    const { add, batches, outcomes, clock } = setUp({ auto: true });
    add("a b");
    assertEquals(batches, []);
    await clock.advance(0);
    assertEquals([batches, outcomes], [["a b"], ["a!", "b!"]]);
  });

  it("add() starts a batch as soon as it is full, and the rest after the turn", async () => {
    const { add, batches, clock } = setUp({ auto: true, maxInFlight: 9 });
    add("a b c d e f g");
    assertEquals(batches, ["a b c", "d e f"]);
    await clock.advance(0);
    assertEquals(batches, ["a b c", "d e f", "g"]);
  });

  it("add() waits for others as long as it is told to, from the first item on", async () => {
    const { add, batches, clock } = setUp({ auto: true, lingerMs: 50 });
    add("a");
    await clock.advance(30);
    add("b");
    await clock.advance(19);
    assertEquals(batches, []);
    await clock.advance(1);
    assertEquals([batches, clock.pending], [["a b"], 0]);
    add("c");
    await clock.advance(49);
    assertEquals(batches, ["a b"]);
    await clock.advance(1);
    assertEquals(batches, ["a b", "c"]);
  });

  it("add() does not wait for a batch that is full, and sets no timer for it", async () => {
    const { add, batches, clock } = setUp({ auto: true, lingerMs: 50 });
    add("a b c");
    assertEquals([batches, clock.pending], [["a b c"], 0]);
    await clock.advance(100);
    assertEquals(batches.length, 1);
  });

  it("keeps to the bytes of a batch, which may be full to the last", async () => {
    const sizes: Record<string, number> = { a: 60, b: 40, c: 50, d: 51, e: 250, f: 1 };
    const { add, batches, clock } = setUp({
      auto: true,
      maxInFlight: 9,
      maxItems: 10,
      maxBytes: 100,
      sizeOf: ({ name }) => sizes[name]!,
    });
    add("a b");
    assertEquals(batches, ["a b"]);
    add("c d e f");
    await clock.advance(0);
    assertEquals(batches, ["a b", "c", "d", "e", "f"]);
  });

  it("runs no more batches at once than it may, and fills those that wait", async () => {
    const { add, batches, clock, end } = setUp();
    add("a");
    await clock.advance(0);
    add("b");
    await clock.advance(0);
    for (const name of ["c", "d", "e", "f"]) {
      add(name);
      await clock.advance(0);
    }
    assertEquals(batches, ["a", "b"]);
    await end();
    assertEquals(batches, ["a", "b", "c d e"]);
    await end();
    assertEquals(batches, ["a", "b", "c d e", "f"]);
  });

  it("never has items of one key in two batches, and keeps their order", async () => {
    const { add, batches, clock, end } = setUp({ keyOf, maxInFlight: 9 });
    add("a1 a2 a3 a4 a5 b1");
    await clock.advance(0);
    assertEquals(batches, ["a1 a2 a3", "b1"]);
    await end();
    assertEquals(batches, ["a1 a2 a3", "b1", "a4 a5"]);
  });

  it("batches other keys as usual while items of a busy key wait", async () => {
    const { add, batches, clock } = setUp({ keyOf, maxInFlight: 9, lingerMs: 50 });
    add("a1");
    await clock.advance(50);
    add("a2");
    await clock.advance(50);
    assertEquals(batches, ["a1"]);
    add("b1");
    await clock.advance(20);
    add("c1");
    assertEquals(batches, ["a1"]);
    await clock.advance(30);
    assertEquals(batches, ["a1", "b1 c1"]);
  });

  it("does not let what waited for its key wait again", async () => {
    const { add, batches, clock, end } = setUp({ keyOf, lingerMs: 1_000 });
    add("a1");
    await clock.advance(1_000);
    add("a2");
    await clock.advance(10);
    await end();
    assertEquals(batches, ["a1", "a2"]);
  });

  it("does not let a key with much to do starve the others", async () => {
    const { add, batches, clock, end } = setUp({ keyOf, maxInFlight: 1 });
    add("a1 a2 a3 a4 a5 a6 b1 a7");
    await clock.advance(0);
    await end();
    await end();
    assert(batches.slice(0, 3).join(" ").includes("b1"), batches.join(", "));
    await end();
    await end();
    const order = batches.join(" ").split(" ").filter((name) => name.startsWith("a"));
    assertEquals(order, ["a1", "a2", "a3", "a4", "a5", "a6", "a7"]);
  });

  it("places many items behind a busy key without looking at all of them each time", async () => {
    let looks = 0;
    const { add, clock } = setUp({
      maxInFlight: 9,
      keyOf: () => {
        looks += 1;
        return "a";
      },
    });
    add(Array.from({ length: 1_000 }, (_, n) => `a${n}`).join(" "));
    await clock.advance(0);
    assert(looks < 10_000, `${looks} looks`);
  });

  it("remove() takes back what waits, not what is in a batch", async () => {
    const { add, remove, batches, clock, end } = setUp({ keyOf });
    add("a1");
    await clock.advance(0);
    add("a2 b1");
    assertEquals([remove("a1"), remove("a2"), remove("b1"), remove("b1")], [
      false,
      true,
      true,
      false,
    ]);
    add("a3");
    await clock.advance(0);
    await end();
    assertEquals(batches, ["a1", "a3"]);
  });

  it("remove() of the last item leaves no timer and nothing to do", () => {
    const { add, remove, batcher, clock } = setUp({ lingerMs: 50 });
    add("a b");
    remove("a");
    remove("b");
    assertEquals([clock.pending, batcher.idle], [0, true]);
  });

  it("remove() makes room in the batch that fills", async () => {
    const { add, remove, batches, clock } = setUp({
      auto: true,
      maxBytes: 100,
      sizeOf: ({ name }) => name === "big" ? 90 : 40,
    });
    add("big");
    remove("big");
    add("a b");
    assertEquals(batches, []);
    await clock.advance(0);
    assertEquals(batches, ["a b"]);
  });

  it("hurry() runs what waits at once, and what was held when it is its turn", async () => {
    const { add, batcher, batches, outcomes, clock, end } = setUp({ lingerMs: 1_000, keyOf });
    add("a1 b1");
    batcher.hurry();
    assertEquals(batches, ["a1 b1"]);
    add("a2");
    await end();
    assertEquals(batches, ["a1 b1", "a2"]);
    await end();
    assertEquals(outcomes, ["a1!", "b1!", "a2!"]);
    assertEquals([batcher.idle, clock.pending, clock.now()], [true, 0, 0]);
  });

  it("waits anew after it was hurried", async () => {
    const { add, batcher, batches, clock } = setUp({ auto: true, lingerMs: 50 });
    add("a");
    batcher.hurry();
    await clock.advance(0);
    add("b");
    await clock.advance(49);
    assertEquals(batches, ["a"]);
    await clock.advance(1);
    assertEquals(batches, ["a", "b"]);
  });

  it("rejects each item of a run that throws, and goes on", async () => {
    let fail = true;
    const clock = new VirtualClock();
    const batcher = new Batcher<Item, string>({
      maxItems: 2,
      lingerMs: 0,
      maxInFlight: 1,
      clock,
      run: (items, settle) => {
        if (fail) return Promise.reject(new Error("broken"));
        for (const item of items) settle(item, "ok");
        return Promise.resolve();
      },
    });
    const outcomes = [{ name: "a" }, { name: "b" }].map((item) => batcher.add(item));
    for (const outcome of outcomes) await assertRejects(() => outcome, Error, "broken");
    fail = false;
    assertEquals(await batcher.add({ name: "c" }), "ok");
  });

  it("rejects an item that cannot be measured, and only that", async () => {
    const { batcher } = setUp({
      auto: true,
      sizeOf: ({ name }) => {
        if (name === "bad") throw new Error("no size");
        return 1;
      },
    });
    const [bad, good] = [batcher.add({ name: "bad" }), batcher.add({ name: "good" })];
    await assertRejects(() => bad, Error, "no size");
    assertEquals(await good, "good!");
  });

  it("is idle neither while something only waits, nor while something only runs", async () => {
    const { batcher, add, batches, end } = setUp({ lingerMs: 1_000 });
    assertEquals(batcher.idle, true);
    add("a");
    assertEquals([batches, batcher.idle], [[], false]);
    batcher.hurry();
    assertEquals([batches, batcher.idle], [["a"], false]);
    await end();
    assertEquals(batcher.idle, true);
  });

  it("add() waits a single millisecond where it is told to", async () => {
    const { add, batches, clock } = setUp({ lingerMs: 1, auto: true });
    add("a");
    await clock.advance(0);
    assertEquals([batches, clock.pending], [[], 1]);
    await clock.advance(1);
    assertEquals([batches, clock.pending], [["a"], 0]);
  });

  it("waits for no others once the bytes of a batch are full, and not a byte before", async () => {
    const sizes: Record<string, number> = { a: 4, b: 5, c: 1 };
    const { add, batches, clock } = setUp({
      lingerMs: 1_000,
      maxBytes: 10,
      sizeOf: ({ name }) => sizes[name] ?? 0,
      auto: true,
    });
    add("a b");
    await clock.advance(999);
    assertEquals(batches, []);
    add("c");
    assertEquals(batches, ["a b c"]);
    await clock.advance(0);
    assertEquals(clock.pending, 0);
  });

  it("counts the bytes behind a busy key only when its turn comes", async () => {
    const { add, batches, end, clock } = setUp({
      keyOf,
      lingerMs: 1_000,
      maxBytes: 10,
      sizeOf: ({ name }) => name.startsWith("a") ? 10 : 5,
    });
    for (let round = 1; round <= 3; round++) {
      add(`a${round}`);
      add(`a${round}x`);
      assertEquals(batches.splice(0), [`a${round}`]);
      add(`b${round}`);
      await clock.advance(0);
      assertEquals(batches, [], "half a batch waits");
      add(`c${round}`);
      assertEquals(batches.splice(0), [`b${round} c${round}`]);
      await end();
      await end();
      assertEquals(batches.splice(0), [`a${round}x`]);
      await end();
    }
    assertEquals(clock.pending, 0);
  });
});
