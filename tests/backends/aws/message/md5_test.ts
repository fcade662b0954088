import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { md5, md5OfAttributes } from "../../../../backends/aws/message/md5.ts";
import type { Attributes } from "../../../../src/wire/message.ts";

describe("md5()", () => {
  it("agrees with the test suite of RFC 1321, A.5", () => {
    const vectors: Record<string, string> = {
      "": "d41d8cd98f00b204e9800998ecf8427e",
      "a": "0cc175b9c0f1b6a831c399e269772661",
      "abc": "900150983cd24fb0d6963f7d28e17f72",
      "message digest": "f96b697d7cb7938d525a2f31aaf161d0",
      "abcdefghijklmnopqrstuvwxyz": "c3fcd3d76192e4007dfb496cca67e13b",
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789":
        "d174ab98d277d9f5a5611c2c9f419d9f",
      "12345678901234567890123456789012345678901234567890123456789012345678901234567890":
        "57edf4a22be3c955ac49da2e2107b67a",
    };
    for (const [text, digest] of Object.entries(vectors)) assertEquals(md5(text), digest, text);
  });

  it("pads around the end of a block", () => {
    // Computed by md5sum of as many letters x.
    const vectors: Record<number, string> = {
      55: "04364420e25c512fd958a70738aa8f72",
      56: "668a72d5ba17f08e62dabcafad6db14b",
      63: "7dc2ca208106a2f703567bdff99d8981",
      64: "c1bb4f81d892b2d57947682aeb252456",
    };
    for (const [length, digest] of Object.entries(vectors)) {
      assertEquals(md5("x".repeat(Number(length))), digest, length);
    }
  });

  it("takes text as UTF-8", () => {
    assertEquals(md5("é漢🙂"), md5(new TextEncoder().encode("é漢🙂")));
  });
});

const float: Attributes[string] = {
  type: "Number.float",
  value: "4563442423554324324264524243.32543234",
};
const binary = new TextEncoder().encode("Hello binary world!");

describe("md5OfAttributes()", () => {
  it("agrees with answers recorded from AWS", () => {
    assertEquals(md5OfAttributes({ attr1: 99.12 }), "d302007e9aa062660afc85fd0a482472");
    assertEquals(md5OfAttributes({ attr1: 19.12 }), "1f07082409022a373fa2a2601f82b3cb");
  });

  it("agrees with published vectors for text, custom types, bytes, and all of them", () => {
    const text = { attribName1: "attribValue 1" };
    const custom = { customNumberTypeAttrib: float };
    const bytes = { binaryAttribute: binary };
    assertEquals(md5OfAttributes(text), "19e27d4e946b072f3f58da80d94fd778");
    assertEquals(md5OfAttributes(custom), "9fe1b90bbd9965bdf77bac517c7d2495");
    assertEquals(md5OfAttributes(bytes), "31a92b15d92f8db860eda32aceb656c3");
    const all = { ...text, ...custom, ...bytes };
    assertEquals(md5OfAttributes(all), "c932db14a896c663f83c260297d594ff");
  });

  it("does not depend on the order of the attributes", () => {
    assertEquals(md5OfAttributes({ b: "2", a: "1" }), md5OfAttributes({ a: "1", b: "2" }));
  });
});
