import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  temporaryCredentials,
  temporaryCredentialsFromJson,
} from "../../../../backends/aws/credentials/temporary.ts";

const NOW = Date.UTC(2026, 0, 1, 12);
const MINUTE = 60_000;
const ANSWER = {
  AccessKeyId: "ASIA1",
  SecretAccessKey: "secret",
  Token: "token",
  Expiration: "2026-01-01T18:00:00Z",
};

describe("temporaryCredentials()", () => {
  it("takes an answer that has all four fields", () => {
    assertEquals(temporaryCredentials(ANSWER, NOW), {
      accessKeyId: "ASIA1",
      secretAccessKey: "secret",
      sessionToken: "token",
      expiration: new Date("2026-01-01T18:00:00Z"),
    });
  });

  for (const field of Object.keys(ANSWER)) {
    for (const value of [undefined, null, "", 5, {}]) {
      it(`refuses one whose ${field} alone is ${JSON.stringify(value)}`, () => {
        assertEquals(temporaryCredentials({ ...ANSWER, [field]: value }, NOW), undefined);
      });
    }
  }

  it("refuses an end that is no time", () => {
    assertEquals(temporaryCredentials({ ...ANSWER, Expiration: "soon" }, NOW), undefined);
  });

  it("uses what ends within six minutes for six, and asks again only then", () => {
    const endOf = (ms: number) => {
      const Expiration = new Date(NOW + ms).toISOString();
      return temporaryCredentials({ ...ANSWER, Expiration }, NOW)?.expiration?.getTime();
    };
    for (const ms of [-60 * MINUTE, 0, 6 * MINUTE - 1, 6 * MINUTE]) {
      assertEquals(endOf(ms), NOW + 6 * MINUTE);
    }
    assertEquals(endOf(6 * MINUTE + 1), NOW + 6 * MINUTE + 1);
  });
});

describe("temporaryCredentialsFromJson()", () => {
  it("reads an object, and refuses everything else", () => {
    assertEquals(
      temporaryCredentialsFromJson(JSON.stringify(ANSWER), NOW),
      temporaryCredentials(ANSWER, NOW),
    );
    for (const text of ["", "{", "null", "5", '"text"', "[]"]) {
      assertEquals(temporaryCredentialsFromJson(text, NOW), undefined);
    }
  });
});
