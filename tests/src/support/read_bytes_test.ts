import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { boundedText } from "../../../backends/aws/api/bounded_text.ts";
import { readBytes } from "../../../src/support/read_bytes.ts";

const { signal } = new AbortController();

/** A stream of as many pieces of one byte, all in the same buffer; and whether it was cancelled. */
function dripping(count: number) {
  const piece = new Uint8Array(1);
  let sent = 0;
  const state = { cancelled: false };
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent === count) return controller.close();
      piece[0] = sent++ % 251;
      controller.enqueue(piece);
    },
    cancel: () => void (state.cancelled = true),
  }, { highWaterMark: 0 });
  return { stream, state };
}

describe("readBytes()", () => {
  it("keeps no piece, as a million small ones take a hundred times their bytes", async () => {
    const { stream } = dripping(10_000);
    const bytes = await readBytes(stream, { maxBytes: 10_000, signal });
    assertEquals(bytes?.length, 10_000);
    assertEquals(bytes?.every((byte, at) => byte === at % 251), true);
  });

  it("takes exactly as many as it may, and gives up at one more", async () => {
    for (const [count, length] of [[99, 99], [100, 100], [101, undefined]] as const) {
      const { stream, state } = dripping(count);
      assertEquals((await readBytes(stream, { maxBytes: 100, signal }))?.length, length);
      assertEquals(state.cancelled, length === undefined);
    }
  });

  it("takes pieces of any size, none too, and no stream for nothing", async () => {
    const pieces = [0, 5, 0, 70_000, 1].map((length) => new Uint8Array(length).fill(7));
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const piece of pieces) controller.enqueue(piece);
        controller.close();
      },
    });
    const bytes = await readBytes(stream, { maxBytes: 100_000, signal });
    assertEquals([bytes?.length, bytes?.every((byte) => byte === 7)], [70_006, true]);
    assertEquals(await readBytes(null, { maxBytes: 1, signal }), new Uint8Array());
  });

  it("rejects with the reason of its signal, and cancels", async () => {
    const ending = new AbortController();
    let cancelled = false;
    const stream = new ReadableStream<Uint8Array>({ cancel: () => void (cancelled = true) });
    const reading = readBytes(stream, { maxBytes: 1, signal: ending.signal });
    ending.abort(new Error("late"));
    await assertRejects(() => reading, Error, "late");
    assertEquals(cancelled, true);
  });
});

describe("boundedText()", () => {
  it("reads UTF-8 whose characters are torn apart", async () => {
    const text = "Ω𝄞é".repeat(10);
    const bytes = new TextEncoder().encode(text);
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    assertEquals(await boundedText(new Response(stream)), text);
    assertEquals(await boundedText(new Response(null)), "");
  });

  it("rejects what is longer than any answer of AWS", async () => {
    let sent = 0;
    const stream = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(new Uint8Array(sent++ === 0 ? 1 : 67_108_864));
      },
    }, { highWaterMark: 0 });
    await assertRejects(() => boundedText(new Response(stream)), RangeError);
    assertEquals(sent, 2);
  });
});
