import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Turns } from "../../../src/consume/turns.ts";

describe("Turns", () => {
  it("gives a turn at once while there is one, then in the order in which they were asked for", async () => {
    const { signal } = new AbortController();
    const turns = new Turns(1);
    assertEquals(turns.take(signal), true);
    const taken: string[] = [];
    const first = Promise.resolve(turns.take(signal)).then(() => taken.push("first"));
    const second = Promise.resolve(turns.take(signal)).then(() => taken.push("second"));
    assertEquals([turns.running, turns.occupied], [1, 3]);
    turns.end();
    await first;
    assertEquals([taken, turns.running, turns.occupied], [["first"], 1, 2]);
    turns.end();
    await second;
    turns.end();
    assertEquals([taken, turns.running, turns.occupied], [["first", "second"], 0, 0]);
  });

  it("gives none once the signal has aborted, to those who wait neither", async () => {
    const stop = new AbortController();
    const turns = new Turns(1);
    turns.take(stop.signal);
    const waiting = turns.take(stop.signal);
    stop.abort();
    assertEquals([await waiting, turns.take(stop.signal)], [false, false]);
    assertEquals([turns.running, turns.occupied], [1, 1]);
  });
});
