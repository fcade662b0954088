import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { smallFetch } from "../../../../backends/aws/api/small_fetch.ts";
import { VirtualClock } from "../../../../backends/memory/testing.ts";
import { MelangeError } from "../../../../src/support/errors.ts";

const URL_OF_TEXT = "https://sns.example/text";

/** Fetches what `respond` answers. */
function setUp(respond: (init: RequestInit) => Response | Promise<Response>) {
  const clock = new VirtualClock({ now: 0 });
  const inits: RequestInit[] = [];
  const fake = async (_url: unknown, init: RequestInit = {}) => {
    inits.push(init);
    return await respond(init);
  };
  const get = () => smallFetch(URL_OF_TEXT, { clock, fetch: fake as typeof fetch });
  return { clock, inits, get };
}

async function failure(promise: Promise<unknown>): Promise<[message: string, boolean]> {
  const { message, retryable } = await assertRejects(() => promise, MelangeError);
  return [message.replace("Cannot get what SNS points to as ", ""), retryable];
}

describe("smallFetch()", () => {
  it("gives the text of a 200, follows no redirect, and leaves no timer", async () => {
    const { clock, inits, get } = setUp(() => new Response("é漢"));
    assertEquals(await get(), "é漢");
    assertEquals([inits[0]?.redirect, clock.pending], ["manual", 0]);
  });

  const statuses: [status: number, retryable: boolean][] = [
    [201, false],
    [204, false],
    [301, false],
    [400, false],
    [403, false],
    [404, false],
    [407, false],
    [408, true],
    [409, false],
    [428, false],
    [429, true],
    [430, false],
    [499, false],
    [500, true],
    [503, true],
  ];
  for (const [status, retryable] of statuses) {
    it(`takes a ${status} for ${retryable ? "passing" : "final"}, and gives its body up`, async () => {
      let cancelled = false;
      const body = new ReadableStream({
        cancel() {
          cancelled = true;
        },
      });
      const { clock, get } = setUp(() => new Response(status === 204 ? null : body, { status }));
      assertEquals(await failure(get()), [`the answer was ${status}`, retryable]);
      assertEquals([cancelled, clock.pending], [status !== 204, 0]);
    });
  }

  it("takes 64 KiB, and not a byte more", async () => {
    const length = 64 * 1024;
    assertEquals((await setUp(() => new Response("x".repeat(length))).get()).length, length);
    const { get } = setUp(() => new Response("x".repeat(length + 1)));
    assertEquals(await failure(get()), ["the answer is too long", false]);
  });

  for (const part of ["answer", "body"]) {
    it(`waits five seconds for the ${part}, then ends the request`, async () => {
      const { clock, inits, get } = setUp(({ signal }) =>
        part === "body" ? new Response(new ReadableStream()) : new Promise((_, reject) => {
          signal?.addEventListener("abort", () => reject(new Error("aborted")));
        })
      );
      let settled = false;
      const failed = failure(get()).finally(() => settled = true);
      await clock.advance(4_999);
      assertEquals([settled, inits[0]?.signal?.aborted], [false, false]);
      await clock.advance(1);
      assertEquals(await failed, ["no answer came in time", true]);
      assertEquals([inits[0]?.signal?.aborted, clock.pending], [true, 0]);
    });
  }

  it("may succeed later where the connection fails, at its beginning or within the body", async () => {
    const broken = new ReadableStream({
      start: (controller) => controller.error(new TypeError("connection reset")),
    });
    const answers = [() => Promise.reject(new TypeError("refused")), () => new Response(broken)];
    for (const answer of answers) {
      const { clock, get } = setUp(answer);
      assertEquals(await failure(get()), ["the connection failed", true]);
      assertEquals(clock.pending, 0);
    }
  });

  it("joins what comes in pieces, also where they split a character", async () => {
    const bytes = new TextEncoder().encode("a é 漢 🙂 z");
    for (const size of [1, 2, 3, 7]) {
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          for (let at = 0; at < bytes.length; at += size) {
            controller.enqueue(bytes.slice(at, at + size));
          }
          controller.close();
        },
      });
      assertEquals(await setUp(() => new Response(body)).get(), "a é 漢 🙂 z");
    }
  });
});
