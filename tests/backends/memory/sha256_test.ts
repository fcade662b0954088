import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { sha256 } from "../../../backends/memory/sha256.ts";

describe("sha256()", () => {
  it("agrees with the examples of FIPS 180-4", () => {
    assertEquals(
      sha256("abc"),
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
    assertEquals(
      sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    );
  });

  it("agrees with Web Crypto around the ends of blocks and beyond ASCII", async () => {
    for (const text of ["", ...[55, 56, 63, 64, 65].map((n) => "x".repeat(n)), "é漢🙂"]) {
      const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
      const hex = Array.from(new Uint8Array(digest), (b) => b.toString(16).padStart(2, "0"));
      assertEquals(sha256(text), hex.join(""), `${text.length} characters`);
    }
  });
});
