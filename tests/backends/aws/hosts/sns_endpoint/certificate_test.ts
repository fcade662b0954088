import { assert, assertEquals, assertThrows } from "@std/assert";
import { before, describe, it } from "@std/testing/bdd";
import {
  readCertificate,
  readPem,
} from "../../../../../backends/aws/hosts/sns_endpoint/certificate.ts";
import { seededRandom } from "../../../../../backends/memory/testing.ts";
import { MelangeError } from "../../../../../src/support/errors.ts";
import { ascii, concat, der, toPem, writeCertificate } from "./fake_certificate.ts";

/** Not a key, but where one would be. */
const SPKI = der(0x30, der(0x30, der(0x06, Uint8Array.of(42, 3))), der(0x03, new Uint8Array(300)));

describe("readCertificate()", () => {
  let valid: Uint8Array<ArrayBuffer>;

  before(async () => {
    valid = await writeCertificate({ spki: SPKI, dnsNames: ["sns.af-south-1.amazonaws.com"] });
  });

  it("reads names, validity and key", () => {
    assertEquals(readCertificate(valid), {
      names: ["sns.amazonaws.com", "sns.af-south-1.amazonaws.com"],
      notBefore: Date.UTC(2026, 0, 1),
      notAfter: Date.UTC(2026, 11, 31, 23, 59, 59),
      spki: SPKI,
    });
  });

  it("reads a certificate without extensions, and times of both kinds", async () => {
    const bytes = await writeCertificate({
      spki: SPKI,
      notBefore: "500101000000Z",
      notAfter: "20500228000000Z",
    });
    const { names, notBefore, notAfter } = readCertificate(bytes);
    assertEquals(names, ["sns.amazonaws.com"]);
    assertEquals(notBefore, Date.UTC(1950, 0, 1));
    assertEquals(notAfter, Date.UTC(2050, 1, 28));
  });

  for (
    const time of ["261301000000Z", "260230000000Z", "260101246000Z", "2601010000Z", "260101000000"]
  ) {
    it(`refuses the time ${time}`, async () => {
      const bytes = await writeCertificate({ spki: SPKI, notAfter: time });
      assertUndecodable(() => readCertificate(bytes));
    });
  }

  it("refuses lengths that are not those of DER", () => {
    const refused: Record<string, number[]> = {
      indefinite: [0x30, 0x80, 0, 0],
      "long form of a short one": [0x30, 0x81, 1, 0],
      "a zero in front": [0x30, 0x82, 0, 0x80, ...new Array(128).fill(0)],
      "four bytes": [0x30, 0x84, 1, 0, 0, 0],
      "beyond the end": [0x30, 5, 0],
      "a tag of several bytes": [0x3f, 0x81, 0x01, 0],
      "only a tag": [0x30],
      "nothing": [],
    };
    for (const [name, bytes] of Object.entries(refused)) {
      assertUndecodable(() => readCertificate(Uint8Array.from(bytes)), name);
    }
  });

  it("refuses bytes that follow the certificate", () => {
    assertUndecodable(() => readCertificate(concat(valid, Uint8Array.of(5, 0))));
  });

  it("throws nothing but UNDECODABLE for a certificate that is cut anywhere", () => {
    for (let length = 0; length < valid.length; length++) {
      assertUndecodable(() => readCertificate(valid.slice(0, length)), `${length} bytes`);
    }
  });

  it("throws nothing but UNDECODABLE for bytes that were changed at random", () => {
    const random = seededRandom(11);
    let refused = 0;
    for (let round = 0; round < 5_000; round++) {
      const bytes = valid.slice();
      for (let change = 0; change <= round % 4; change++) {
        bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      }
      try {
        readCertificate(bytes);
      } catch (error) {
        assert(error instanceof MelangeError && error.code === "UNDECODABLE", String(error));
        refused += 1;
      }
    }
    assert(refused > 500, `${refused} refused`);
  });

  it("reads names of every length, whose lengths take one to three bytes", async () => {
    for (const length of [1, 127, 128, 129, 130, 255, 256, 60_000]) {
      const commonName = "n".repeat(length);
      const { names } = readCertificate(await writeCertificate({ spki: SPKI, commonName }));
      assertEquals(names, [commonName], `${length} characters`);
    }
  });
});

describe("readPem()", () => {
  it("reads the first certificate, whatever is around it", async () => {
    const [first, second] = await Promise.all(
      ["first", "second"].map((commonName) => writeCertificate({ spki: SPKI, commonName })),
    );
    const pem = `subject=first\r\n${toPem(first!).replaceAll("\n", "\r\n")}${toPem(second!)}`;
    assertEquals(readPem(pem).names, ["first"]);
  });

  it("refuses what is no PEM file", () => {
    const pems = ["", "<html>", "-----BEGIN CERTIFICATE-----\n====\n-----END CERTIFICATE-----"];
    for (const pem of pems) assertUndecodable(() => readPem(pem), pem);
    assertUndecodable(() => readPem(toPem(ascii("hello"))));
  });
});

function assertUndecodable(read: () => unknown, message?: string): void {
  const error = assertThrows(read, MelangeError, "Cannot read a certificate", message);
  assertEquals(error.code, "UNDECODABLE");
}
