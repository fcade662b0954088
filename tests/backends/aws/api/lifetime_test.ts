import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createLifetime } from "../../../../backends/aws/api/lifetime.ts";
import { MelangeError } from "../../../../src/support/errors.ts";
import { countListeners } from "../../../fakes/signal.ts";

const never = () => new Promise<never>(() => {});

describe("createLifetime()", () => {
  it("during() gives work a signal of its own, and leaves no listener, however the work ends", async () => {
    const { signal } = new AbortController();
    const listeners = countListeners(signal);
    const lifetime = createLifetime();
    let own: AbortSignal | undefined;
    const done = lifetime.during(signal, (given) => Promise.resolve(own = given));
    assertEquals(listeners.now, 1);
    assertStrictEquals(await done, own);
    const error = new Error("on purpose");
    const failed = lifetime.during(signal, () => Promise.reject(error));
    assertStrictEquals(await assertRejects(() => failed), error);
    assertEquals([listeners.added, listeners.now], [2, 0]);
    lifetime.close();
    assertEquals(own?.aborted, false, "work that has ended is not aborted");
  });

  it("during() rejects with the reason of its signal, and tells the work", async () => {
    const controller = new AbortController();
    const lifetime = createLifetime();
    let own: AbortSignal | undefined;
    const waiting = lifetime.during(controller.signal, (signal) => (own = signal, never()));
    const reason = new Error("enough");
    controller.abort(reason);
    assertStrictEquals(await assertRejects(() => waiting), reason);
    assertStrictEquals(own?.reason, reason);
  });

  it("during() does not begin for a signal that has aborted, and forgets it", async () => {
    const lifetime = createLifetime();
    let begun = false;
    const reason = new Error("enough");
    const work = () => (begun = true, never());
    const error = await assertRejects(() => lifetime.during(AbortSignal.abort(reason), work));
    assertStrictEquals(error, reason);
    assertEquals(begun, false);
  });

  it("close() ends what is under way with CLOSED, and refuses what comes later", async () => {
    const lifetime = createLifetime();
    const endings = [new AbortController(), new AbortController()] as const;
    const leave = lifetime.enter(endings[0]);
    lifetime.enter(endings[1]);
    const waiting = lifetime.during(undefined, never);
    leave();
    lifetime.close();
    const { code } = await assertRejects(() => waiting, MelangeError);
    assertEquals(code, "CLOSED");
    assertEquals(endings.map(({ signal }) => signal.aborted), [false, true]);
    assertEquals((endings[1].signal.reason as MelangeError).code, "CLOSED");
    const late = assertThrows(() => lifetime.enter(new AbortController()), MelangeError);
    assertEquals(late.code, "CLOSED");
    await assertRejects(() => lifetime.during(undefined, never), MelangeError, "is closed");
  });
});
