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
  ["255.255.255.255", "255.255.255.255/32", true],
  ["128.0.0.0", "0.0.0.0/1", false],
  ["127.255.255.255", "0.0.0.0/1", true],
  ["1.2.3.4", "1.2.0.0/16", true],
  ["2.1.3.4", "1.2.0.0/16", false],
  ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0/128", true],
  ["::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8/128", true],
  ["ffff::", "FFFF::/16", true],
  ["1::0:8", "1:0:0:0:0:0:0:8/128", true],
  ["1::9", "1::8/127", true],
  ["1::a", "1::8/127", false],
  ["8000::", "::/0", true],
  ["8000::", "::/1", false],
  ["1:2:3:4:5:6:7:8:9", "::/0", false],
  ["1:2:3:4:5:6:7:8::", "::/0", false],
  ["12345::", "::/0", false],
  ["1::2::3", "::/0", false],
  ["1.2.3.4.5", "0.0.0.0/0", false],
  ["256.0.0.0", "0.0.0.0/0", false],
  ["0.0.0.256", "0.0.0.0/0", false],
  ["00.0.0.0", "0.0.0.0/0", false],
  ["1000.0.0.0", "0.0.0.0/0", false],
  ["10.0.0", "10.0.0.0/8", false],
  ["no address", "0.0.0.0/0", false],
];

const malformed = [
  "",
  "10.0.0.0",
  "10.0.0.0/",
  "10.0.0.0/33",
  "10.0.0.0/0032",
  "10.0.0.0/8x",
  "10.0.0/8",
  "10.0.0.0.0/8",
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

  it("parseRange() takes each number of bits that an address has", () => {
    const lengths = [["0.0.0.0", 0], ["0.0.0.0", 32], ["::", 0], ["::", 128]] as const;
    for (const [address, bits] of lengths) {
      assertEquals(parseRange(`${address}/${bits}`)?.prefixBits, bits);
    }
  });

  it("parseRange() refuses what is no range", () => {
    for (const text of malformed) assertEquals(parseRange(text), undefined, text);
  });
});
