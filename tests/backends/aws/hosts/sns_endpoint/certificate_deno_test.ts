/** Holds our reader against a library that is known: both must find the same in a certificate. */
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { readCertificate } from "../../../../../backends/aws/hosts/sns_endpoint/certificate.ts";
import { seededRandom } from "../../../../../backends/memory/testing.ts";
import { generateKeys, writeCertificate } from "./fake_certificate.ts";

describe("readCertificate(), beside @peculiar/x509", () => {
  it("reads the same, also in what random changes have made of a certificate", async () => {
    const { X509Certificate } = await import("npm:@peculiar/x509@^1.14");
    const { spki, privateKeys } = await generateKeys();
    const valid = await writeCertificate({
      spki,
      privateKey: privateKeys[2],
      dnsNames: ["sns-signing.af-south-1.amazonaws.com", "sns.af-south-1.amazonaws.com"],
    });
    const theirs = (bytes: Uint8Array<ArrayBuffer>) => {
      const certificate = new X509Certificate(bytes);
      const names = certificate.getExtension("2.5.29.17")?.rawData;
      return {
        commonNames: certificate.subjectName.getField("CN"),
        hasAlternativeNames: names !== undefined,
        notBefore: certificate.notBefore.getTime(),
        notAfter: certificate.notAfter.getTime(),
        spki: new Uint8Array(certificate.publicKey.rawData),
      };
    };
    const { commonNames, ...known } = theirs(valid);
    const ours = readCertificate(valid);
    assertEquals(commonNames, ["sns.amazonaws.com"]);
    assertEquals(ours.names.slice(0, 1), commonNames);
    assertEquals(known.notBefore, ours.notBefore);
    assertEquals(known.notAfter, ours.notAfter);
    assertEquals(known.spki, ours.spki);

    const random = seededRandom(7);
    let compared = 0;
    for (let round = 0; round < 2_000; round++) {
      const bytes = valid.slice();
      bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      const [mine, other] = [attempt(readCertificate, bytes), attempt(theirs, bytes)];
      if (!mine || !other) continue;
      compared += 1;
      assertEquals(mine.notBefore, other.notBefore);
      assertEquals(mine.notAfter, other.notAfter);
      assertEquals(mine.spki, other.spki);
      for (const name of other.commonNames) assert(mine.names.includes(name), name);
    }
    assert(compared > 1_000, `${compared} compared`);
  });
});

function attempt<T>(
  read: (bytes: Uint8Array<ArrayBuffer>) => T,
  bytes: Uint8Array<ArrayBuffer>,
): T | undefined {
  try {
    return read(bytes);
  } catch {
    return undefined;
  }
}
