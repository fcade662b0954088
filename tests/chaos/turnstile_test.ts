import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createTurnstile, isReached } from "./turnstile.ts";
import type { Message, Output } from "./wire.ts";

function brought(from: number, to: number): Output {
  const Messages = Array.from({ length: to - from }, (_, n): Message => {
    const Body = JSON.stringify({ key: `event-${from + n}` });
    return { MessageId: "id", ReceiptHandle: "handle", Body };
  });
  return { Messages };
}

const stays = () => false;

describe("createTurnstile()", () => {
  it("lets everybody pass by default", async () => {
    const turnstile = createTurnstile();
    const receives = Array.from({ length: 20 }, () => turnstile.enter("a", {}, stays));
    assertEquals(await Promise.all(receives), Array.from({ length: 20 }, () => ({})));
  });

  it("keeps the limit, whatever the receives under way bring", async () => {
    const turnstile = createTurnstile();
    turnstile.limit = 25;
    assertEquals(await turnstile.enter("a", {}, stays), {});
    assertEquals(await turnstile.enter("b", {}, stays), {});
    assertEquals(await turnstile.enter("c", {}, stays), undefined);
    turnstile.leave(brought(0, 10));
    turnstile.leave();
    assertEquals([turnstile.taken, isReached(turnstile)], [10, false]);
    assertEquals(await turnstile.enter("c", {}, stays), {});
    turnstile.leave(brought(5, 16));
    assertEquals([turnstile.taken, isReached(turnstile)], [16, true]);
    assertEquals(await turnstile.enter("c", {}, stays), undefined);
  });

  it("lets only one pass, beyond the limit, while it is told to", async () => {
    const turnstile = createTurnstile();
    turnstile.limit = 0;
    turnstile.only = "victim";
    assertEquals(await turnstile.enter("victim", {}, stays), {});
    turnstile.limit = Infinity;
    assertEquals(await turnstile.enter("another", {}, stays), undefined);
  });

  it("lets a receive wait for its turn as long as it asked for, and then not again", async () => {
    const turnstile = createTurnstile();
    turnstile.limit = 0;
    const entering = turnstile.enter("a", { WaitTimeSeconds: 20 }, stays);
    turnstile.limit = 10;
    assertEquals(await entering, { WaitTimeSeconds: 0 });
    assertEquals(await turnstile.enter("a", { WaitTimeSeconds: 20 }, () => true), undefined);
  });
});
