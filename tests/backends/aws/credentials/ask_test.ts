import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type Ask, ask } from "../../../../backends/aws/credentials/ask.ts";
import { fakeMachine, html, type Respond, silence, unreachable } from "./fake_machine.ts";

const REQUEST: Ask = { who: "the service", url: "http://169.254.170.2/", timeoutMs: 1_000 };

describe("ask()", () => {
  it("returns the answer, also one that blames us", async () => {
    for (const status of [200, 400, 404]) {
      const { context } = fakeMachine({ respond: () => new Response("…", { status }) });
      assertEquals(await ask(context, REQUEST), { status, text: "…" });
    }
  });

  const failing: [what: string, respond: Respond, attempts: number, says: string][] = [
    ["a 500", () => html(500), 3, "HTTP 500"],
    ["a 503", () => html(503), 3, "HTTP 503"],
    ["a 429", () => html(429), 3, "HTTP 429"],
    ["a refused connection", unreachable, 3, "cannot be reached"],
    ["silence", silence, 3, "did not answer in time"],
    ["a body that never ends", () => new Response(new ReadableStream()), 3, "in time"],
    ["a redirect", () => new Response(null, { status: 302 }), 1, "a redirect"],
    ["a permanent redirect", () => new Response(null, { status: 308 }), 1, "a redirect"],
    ["a body without end", () => new Response(endless()), 1, "too much"],
  ];
  for (const [what, respond, attempts, says] of failing) {
    it(`gives up ${what} after ${attempts}`, async () => {
      const machine = fakeMachine({ respond });
      const error = await machine.failure(ask(machine.context, REQUEST));
      assertEquals([error.code, error.retryable], ["CONFIGURATION", attempts > 1]);
      assert(error.message.includes(says), error.message);
      assertEquals(machine.requests.length, attempts);
      assertEquals(machine.clock.pending, 0);
    });
  }

  it("follows no redirect, also where the browser hides it", async () => {
    const opaque = { type: "opaqueredirect", status: 0, body: null } as Response;
    const machine = fakeMachine({ respond: () => opaque });
    const error = await machine.failure(ask(machine.context, REQUEST));
    assert(error.message.includes("a redirect"));
    assertEquals(machine.requests.map(({ redirect }) => redirect), ["manual"]);
  });

  it("succeeds if a later attempt does", async () => {
    const respond: Respond = (_, number) => number < 3 ? html(500) : new Response("yes");
    const machine = fakeMachine({ respond });
    assertEquals((await machine.settle(ask(machine.context, REQUEST))).text, "yes");
  });

  it("asks once where it may be that nobody is there, but a server in trouble again", async () => {
    const request = { ...REQUEST, mayBeAbsent: true };
    for (const [respond, attempts] of [[silence, 1], [unreachable, 1], [html500, 3]] as const) {
      const machine = fakeMachine({ respond });
      await machine.failure(ask(machine.context, request));
      assertEquals(machine.requests.length, attempts);
    }
  });

  it("takes no more than the time it has for one attempt", async () => {
    const machine = fakeMachine({ respond: silence });
    const startedAt = machine.clock.now();
    await machine.failure(ask(machine.context, { ...REQUEST, mayBeAbsent: true }));
    assertEquals(machine.clock.now() - startedAt, 1_000);
  });

  it("pauses 100 ms, then 200 ms at the most", async () => {
    const times: number[] = [];
    const machine = fakeMachine({
      respond: () => {
        times.push(machine.clock.now());
        return html(503);
      },
    });
    const { context } = machine;
    await machine.failure(ask({ ...context, random: () => 1 }, REQUEST));
    assertEquals(times.map((at) => at - times[0]!), [0, 100, 300]);
  });

  it("takes every answer but redirects, which go from 300 to 399", async () => {
    for (const [status, taken] of [[299, true], [300, false], [399, false], [400, true]] as const) {
      const machine = fakeMachine({ respond: () => new Response("…", { status }) });
      const asked = ask(machine.context, REQUEST);
      if (taken) assertEquals((await machine.settle(asked)).status, status);
      else assert((await machine.failure(asked)).message.includes("a redirect"));
      assertEquals(machine.requests.length, 1);
    }
  });

  it("takes 64 KiB, and not a byte more", async () => {
    for (const [length, taken] of [[65_536, true], [65_537, false]] as const) {
      const machine = fakeMachine({ respond: () => new Response("x".repeat(length)) });
      const asked = ask(machine.context, REQUEST);
      if (taken) assertEquals((await machine.settle(asked)).text.length, length);
      else assert((await machine.failure(asked)).message.includes("too much"));
    }
  });
});

function html500(): Response {
  return html(500);
}

function endless(): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(16 * 1024)),
  });
}
