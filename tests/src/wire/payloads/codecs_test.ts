import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { MelangeError } from "../../../../src/support/errors.ts";
import { aesGcm, gzip, type PayloadCodec } from "../../../../src/wire/payloads/mod.ts";

const { signal } = new AbortController();
const OLD = new Uint8Array(32).fill(1);
const NEW = new Uint8Array(16).fill(2);

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function decode(codec: PayloadCodec, bytes: Uint8Array<ArrayBuffer>, maxBytes = 1_000_000) {
  return codec.decode(bytes, { maxBytes, signal });
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  const error = await assertRejects(() => promise, MelangeError);
  assertEquals(error.code, "UNDECODABLE");
  return error.message;
}

describe("gzip()", () => {
  const large = bytesOf("spice ".repeat(10_000));

  it("compresses, and gives the same bytes back", async () => {
    const encoded = await gzip().encode(large);
    assert(encoded && encoded.length < large.length / 50);
    assertEquals([...encoded.subarray(0, 2)], [0x1f, 0x8b]);
    assertEquals(await decode(gzip(), encoded), large);
  });

  it("leaves a body as it is that is small, or that base64 would make longer", async () => {
    assertEquals(await gzip({ overBytes: large.length }).encode(large), undefined);
    assert(await gzip({ overBytes: large.length - 1 }).encode(large));
    const noise = crypto.getRandomValues(new Uint8Array(20_000));
    assertEquals(await gzip().encode(noise), undefined);
  });

  it("gives a bomb up at the limit", async () => {
    const bomb = await gzip().encode(new Uint8Array(20_000_000));
    assert(bomb && bomb.length < 30_000);
    assertMatch(await refusal(decode(gzip(), bomb, 100_000)), /inflates to more than 100000 bytes/);
    assertEquals((await decode(gzip(), bomb, 20_000_000)).length, 20_000_000);
    await refusal(decode(gzip(), bomb, 19_999_999));
  });

  it("refuses bytes that are no gzip, that end early, and that go on", async () => {
    const encoded = await gzip().encode(large);
    assert(encoded);
    const damaged = encoded.slice();
    damaged[damaged.length - 6]! ^= 1;
    for (const bytes of [bytesOf("no gzip"), encoded.slice(0, -1), damaged]) {
      await assertRejects(() => decode(gzip(), bytes));
    }
  });
});

describe("aesGcm()", () => {
  const keys = { "2025": OLD, "2026": NEW };
  const body = bytesOf('{"spice":"must flow"}');

  async function secretOf(bytes = body): Promise<Uint8Array<ArrayBuffer>> {
    const secret = await aesGcm({ keys, current: "2026" }).encode(bytes);
    assert(secret);
    return secret;
  }

  it("encrypts differently each time, with the id of the key and without the text", async () => {
    const [first, second] = [await secretOf(), await secretOf()];
    assert(String(first) !== String(second));
    assertEquals(new TextDecoder().decode(first.subarray(2, 6)), "2026");
    assertEquals(first.length, 2 + 4 + 12 + body.length + 16);
    assert(!new TextDecoder().decode(first).includes("spice"));
    assertEquals(await decode(aesGcm({ keys, current: "2026" }), first), body);
  });

  it("encrypts an empty body as well", async () => {
    assertEquals(
      await decode(aesGcm({ keys, current: "2026" }), await secretOf(bytesOf(""))),
      bytesOf(""),
    );
  });

  it("reads with every key of the ring, whichever encrypts", async () => {
    const old = await aesGcm({ keys: { "2025": OLD }, current: "2025" }).encode(body);
    assert(old);
    assertEquals(await decode(aesGcm({ keys, current: "2026" }), old), body);
  });

  it("takes a CryptoKey that nobody can export", async () => {
    const key = await crypto.subtle.importKey("raw", OLD, "AES-GCM", false, ["encrypt", "decrypt"]);
    const secret = await aesGcm({ keys: { a: key }, current: "a" }).encode(body);
    assert(secret);
    assertEquals(await decode(aesGcm({ keys: { a: OLD }, current: "a" }), secret), body);
  });

  it("names a key that is missing or retired", async () => {
    const retired = aesGcm({ keys: { "2025": OLD }, current: "2025" });
    assertMatch(await refusal(decode(retired, await secretOf())), /the key "2026" is not among/);
  });

  it("refuses a body of another key with the same id, and any changed byte", async () => {
    const other = aesGcm({ keys: { "2026": OLD }, current: "2026" });
    const secret = await secretOf();
    await assertRejects(() => decode(other, secret));
    for (let at = 0; at < secret.length; at++) {
      const changed = secret.slice();
      changed[at]! ^= 1;
      await assertRejects(() => decode(aesGcm({ keys, current: "2026" }), changed));
    }
  });

  it("refuses bytes that cannot be of this codec", async () => {
    const codec = aesGcm({ keys, current: "2026" });
    const secret = await secretOf();
    for (const length of [0, 1, 2, 5, 18]) {
      assertMatch(await refusal(decode(codec, secret.slice(0, length))), /makes no sense/);
    }
    const strange = new Uint8Array([1, 3, 0x2f, 0x0a, 0xff, ...new Uint8Array(40)]);
    assertMatch(await refusal(decode(codec, strange)), /makes no sense/);
  });

  it("refuses keys and ids that are none", () => {
    const wrong = [
      {},
      { "": OLD },
      { "a b": OLD },
      { ["x".repeat(65)]: OLD },
      { a: new Uint8Array(24) },
      { a: {} },
    ];
    for (const keys of wrong) {
      const current = Object.keys(keys)[0] ?? "a";
      assertThrows(() => aesGcm({ keys: keys as Record<string, Uint8Array>, current }), TypeError);
    }
    assertThrows(() => aesGcm({ keys, current: "2027" }), TypeError, "current must be");
  });
});
