import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { fromBase64, toBase64 } from "../../../src/support/base64.ts";

describe("toBase64(), fromBase64()", () => {
  /** https://www.rfc-editor.org/rfc/rfc4648#section-10 */
  const vectors = {
    "": "",
    f: "Zg==",
    fo: "Zm8=",
    foo: "Zm9v",
    foob: "Zm9vYg==",
    foobar: "Zm9vYmFy",
  };
  for (const [text, encoded] of Object.entries(vectors)) {
    it(`turn "${text}" into "${encoded}" and back`, () => {
      const bytes = new TextEncoder().encode(text);
      assertEquals(toBase64(bytes), encoded);
      assertEquals(fromBase64(encoded), bytes);
    });
  }

  it("keep every byte", () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    assertEquals(fromBase64(toBase64(bytes)), bytes);
  });

  it("refuse what is not base64", () => {
    assertThrows(() => fromBase64("%"));
  });
});
