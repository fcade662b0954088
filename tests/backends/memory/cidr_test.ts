import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { isInRange, parseRange } from "../../../backends/memory/cidr.ts";

const inside: [address: string, range: string, expected: boolean][] = [
  ["10.0.0.0", "10.0.0.0/24", true],
  ["10.0.0.255", "10.0.0.0/24", true],
  ["10.0.1.0", "10.0.0.0/24", false],
  ["192.168.7.9", "0.0.0.0/0", true],
  ["10.0.0.5", "10.0.0.5/32", true],
  ["10.0.0.4", "10.0.0.5/32", false],
  ["2001:db8::1", "2001:db8::/32", true],
  ["2001:db9::1", "2001:db8::/32", false],
  ["::1", "::1/128", true],
  ["1:2:3:4:5:6:7:8", "1:2:3:4::/64", true],
  ["10.0.0.1", "::/0", false],
  ["010.0.0.1", "10.0.0.0/8", false],
  ["10.0.0", "10.0.0.0/8", false],
  ["no address", "0.0.0.0/0", false],
];

const malformed = [
  "",
  "10.0.0.0",
  "10.0.0.0/",
  "10.0.0.0/33",
  "10.0.0.256/8",
  "10.0.0.0/8/8",
  "10.0.0.0/-1",
  "::/129",
  "1::2::3/64",
  "1:2:3/64",
  "1:2:3:4:5:6:7::8/64",
  "g::/16",
];

describe("cidr", () => {
  for (const [address, range, expected] of inside) {
    it(`isInRange() tells that ${address} is ${expected ? "" : "not "}in ${range}`, () => {
      assertEquals(isInRange(address, parseRange(range)!), expected);
    });
  }

  it("parseRange() refuses what is no range", () => {
    for (const text of malformed) assertEquals(parseRange(text), undefined, text);
  });
});
