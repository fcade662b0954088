import { assertEquals, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Semaphore } from "../../../src/support/semaphore.ts";
import { countListeners } from "../../fakes/signal.ts";

describe("Semaphore", () => {
  it("acquire() returns nothing as long as there are places", () => {
    const semaphore = new Semaphore(2);
    assertEquals([semaphore.acquire(), semaphore.full], [undefined, false]);
    assertEquals([semaphore.acquire(), semaphore.full], [undefined, true]);
  });

  it("acquire() lets those who wait in one by one, first come first served", async () => {
    const semaphore = new Semaphore(1);
    const entered: string[] = [];
    void semaphore.acquire();
    for (const name of ["a", "b", "c"]) {
      void semaphore.acquire()?.then(() => entered.push(name));
    }
    for (const expected of [["a"], ["a", "b"], ["a", "b", "c"]]) {
      semaphore.release();
      await null;
      assertEquals([entered, semaphore.full], [expected, true]);
    }
    semaphore.release();
    assertEquals([semaphore.full, semaphore.acquire()], [false, undefined]);
  });

  it("acquire() rejects with the signal's reason, and leaves the line", async () => {
    const semaphore = new Semaphore(1);
    void semaphore.acquire();
    const controller = new AbortController();
    const listeners = countListeners(controller.signal);
    const given = semaphore.acquire(controller.signal)?.catch((reason) => reason);
    const next = semaphore.acquire()?.then(() => "next");
    controller.abort("enough");
    assertEquals([await given, listeners.now], ["enough", 0]);
    semaphore.release();
    assertEquals([await next, semaphore.full], ["next", true]);
  });

  it("acquire() rejects at once where the signal has aborted and there is no place", async () => {
    const semaphore = new Semaphore(1);
    void semaphore.acquire();
    const reason = new Error("before");
    const given = semaphore.acquire(AbortSignal.abort(reason))?.catch((reason) => reason);
    assertStrictEquals(await given, reason);
    semaphore.release();
    assertEquals(semaphore.full, false);
  });

  it("leaves no listener on a signal that outlives many waits", async () => {
    const semaphore = new Semaphore(1);
    const { signal } = new AbortController();
    const listeners = countListeners(signal);
    void semaphore.acquire();
    for (let i = 0; i < 10; i++) {
      const place = semaphore.acquire(signal);
      semaphore.release();
      await place;
    }
    assertEquals([listeners.now, listeners.added], [0, 10]);
  });
});
