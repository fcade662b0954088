import { assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createSigner, type Unsigned } from "../../../../backends/aws/api/signing.ts";

const credentials = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
};
const base: Unsigned = {
  url: "https://example.amazonaws.com/",
  service: "service",
  region: "us-east-1",
  headers: {},
  body: "",
  now: Date.UTC(2015, 7, 30, 12, 36),
};

/** The steps of Signature Version 4, written from its description and not from our signer. */
async function independently(unsigned: Unsigned, signed: Headers, secret: string) {
  const names = /SignedHeaders=([^,]+)/.exec(signed.get("authorization")!)![1]!;
  const value = (name: string) =>
    name === "host" ? new URL(unsigned.url).host : signed.get(name)!.trim();
  const canonicalRequest = [
    "POST",
    new URL(unsigned.url).pathname,
    "",
    ...names.split(";").map((name) => `${name}:${value(name)}`),
    "",
    names,
    hex(await crypto.subtle.digest("SHA-256", utf8(unsigned.body))),
  ].join("\n");
  const stamp = signed.get("x-amz-date")!;
  const scope = [stamp.slice(0, 8), unsigned.region, unsigned.service, "aws4_request"];
  const hash = hex(await crypto.subtle.digest("SHA-256", utf8(canonicalRequest)));
  const stringToSign = ["AWS4-HMAC-SHA256", stamp, scope.join("/"), hash].join("\n");
  let key: BufferSource = utf8(`AWS4${secret}`);
  for (const part of scope) key = await hmac(key, part);
  return { scope: scope.join("/"), names, signature: hex(await hmac(key, stringToSign)) };
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

async function hmac(key: BufferSource, text: string): Promise<ArrayBuffer> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", key, algorithm, false, ["sign"]);
  return await crypto.subtle.sign("HMAC", imported, utf8(text));
}

function hex(buffer: ArrayBuffer): string {
  return Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

describe("createSigner() agrees with the vectors of AWS", () => {
  it("post-vanilla", async () => {
    const headers = await createSigner()(base, credentials);
    assertEquals(headers.get("x-amz-date"), "20150830T123600Z");
    assertEquals(
      headers.get("authorization"),
      "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, " +
        "SignedHeaders=host;x-amz-date, " +
        "Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
    );
  });

  it("post-sts-header-before", async () => {
    const sessionToken =
      "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";
    const headers = await createSigner()(base, { ...credentials, sessionToken });
    assertEquals(headers.get("x-amz-security-token"), sessionToken);
    assertMatch(
      headers.get("authorization")!,
      /SignedHeaders=host;x-amz-date;x-amz-security-token, Signature=85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead$/,
    );
  });
});

describe("createSigner() agrees with an independent computation", () => {
  const cases: Record<string, Partial<Unsigned> & { sessionToken?: string }> = {
    "a JSON body with characters of two, three and four bytes": {
      service: "sqs",
      headers: {
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": "AmazonSQS.SendMessageBatch",
        "x-amzn-query-mode": "true",
      },
      body: '{"MessageBody":"é漢🙂"}',
    },
    "a form body": {
      service: "sns",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: "Action=Publish&Message=a+b%2F%7E%C3%A9&Version=2010-03-31",
    },
    "a session token": { service: "sqs", sessionToken: "token/with+marks==" },
    "a port in the host": { service: "sqs", url: "http://127.0.0.1:4566/" },
    "a path": { service: "sqs", url: "https://proxy.example/aws/sqs" },
    "a region that the host does not name": { service: "sqs", region: "eu-central-1" },
  };
  for (const [name, { sessionToken, ...changes }] of Object.entries(cases)) {
    it(`for ${name}`, async () => {
      const unsigned = { ...base, ...changes };
      const headers = await createSigner()(unsigned, { ...credentials, sessionToken });
      const steps = await independently(unsigned, headers, credentials.secretAccessKey);
      const [, scope, names, signature] =
        /Credential=AKIDEXAMPLE\/(.+), SignedHeaders=(.+), Signature=(.+)$/.exec(
          headers.get("authorization")!,
        )!;
      assertEquals(scope, steps.scope, "credential scope");
      const must = ["host", "x-amz-date", ...(sessionToken ? ["x-amz-security-token"] : [])];
      for (const header of must) assertEquals(names!.split(";").includes(header), true, header);
      assertEquals(signature, steps.signature, "signature");
    });
  }
});

describe("createSigner()", () => {
  it("signs with other keys after a rotation and on another day", async () => {
    const sign = createSigner();
    const signatures = new Set<string | null>();
    const other = { ...credentials, secretAccessKey: "another" };
    const tomorrow = { ...base, now: base.now + 24 * 60 * 60_000 };
    for (
      const [unsigned, set] of [[base, credentials], [base, other], [tomorrow, other]] as const
    ) {
      const headers = await sign(unsigned, set);
      const steps = await independently(unsigned, headers, set.secretAccessKey);
      assertMatch(headers.get("authorization")!, new RegExp(`Signature=${steps.signature}$`));
      signatures.add(headers.get("authorization"));
    }
    assertEquals(signatures.size, 3);
  });
});
