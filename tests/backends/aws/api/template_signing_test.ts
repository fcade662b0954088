import { assertEquals, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { processHashes } from "../../../../backends/aws/api/environment.ts";
import type { Hashes } from "../../../../backends/aws/api/hashes.ts";
import { createSigner, type Unsigned } from "../../../../backends/aws/api/signing.ts";
import {
  createTemplateSigner,
  quickestSigner,
} from "../../../../backends/aws/api/template_signing.ts";
import { agree, signed } from "./random_requests.ts";

const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "SECRET" };
const base: Unsigned = {
  url: "https://sqs.eu-west-1.amazonaws.com",
  service: "sqs",
  region: "eu-west-1",
  headers: { "content-type": "application/x-amz-json-1.0", "x-amz-target": "AmazonSQS.Send" },
  body: '{"MessageBody":"é漢🙂"}',
  now: Date.UTC(2026, 10, 28, 12, 36, 9, 5),
};

const hashes = processHashes();

function isWorkers(): boolean {
  return globalThis.navigator?.userAgent === "Cloudflare-Workers";
}

/** Registers a test where the runtime has synchronous hashes: on all servers, and not on workerd. */
function itOnServers(name: string, body: () => void | Promise<void>): void {
  if (hashes) it(name, body);
}

describe("createTemplateSigner()", () => {
  // Ten times as many are in template_signing_suite.ts.
  itOnServers("signs 1,000 requests of all kinds as aws4fetch does", () => agree(hashes!, 1_000));

  itOnServers("needs no hash in one call", async () => {
    const { createHash, createHmac } = hashes!;
    const expected = await signed(() => createSigner()(base, credentials));
    for (const found of [{ createHash, createHmac }, hashes!]) {
      const headers = createTemplateSigner(found)(base, credentials);
      assertEquals(await signed(() => headers), expected);
    }
  });

  itOnServers("signs with templates and keys that it has used before", async () => {
    const sign = createTemplateSigner(hashes!);
    const later = { ...base, now: base.now + 24 * 60 * 60_000, body: "another" };
    const rotated = { ...credentials, secretAccessKey: "another", sessionToken: "token" };
    const rounds = [credentials, credentials, rotated, credentials, { ...credentials }];
    for (const [index, keys] of rounds.entries()) {
      for (const unsigned of [base, later, { ...base, region: "us-east-1" }, base]) {
        const expected = await signed(() => createSigner()(unsigned, keys));
        assertEquals(await signed(() => sign(unsigned, keys)), expected, `round ${index}`);
      }
    }
  });

  itOnServers("looks at URL and headers once for all requests that have them in common", () => {
    const sign = createTemplateSigner(hashes!);
    let reads = 0;
    const url = { toString: () => (reads += 1, base.url) } as unknown as string;
    for (let n = 0; n < 5; n++) sign({ ...base, url, body: `${n}` }, credentials);
    assertEquals(reads, 6, "the key of each, and one template");
  });
});

describe("quickestSigner()", () => {
  it("finds hashes on Deno, Bun and Node", () => {
    const isServer = "Deno" in globalThis || "Bun" in globalThis || "setImmediate" in globalThis;
    assertEquals(hashes !== undefined, isServer && !isWorkers());
  });

  it("looks for hashes when the first request is signed, and once", async () => {
    let asked = 0;
    const sign = quickestSigner(() => (asked += 1, undefined));
    assertEquals(asked, 0);
    for (let n = 0; n < 3; n++) {
      const expected = await signed(() => createSigner()(base, credentials));
      assertEquals(await signed(() => sign(base, credentials)), expected);
    }
    assertEquals(asked, 1);
  });

  itOnServers("takes the hashes that it finds", () => {
    const used = new Set<string>();
    const counted: Hashes = {
      createHash: (algorithm) => (used.add("hash"), hashes!.createHash(algorithm)),
      createHmac: (algorithm, key) => (used.add("hmac"), hashes!.createHmac(algorithm, key)),
    };
    const headers = quickestSigner(() => counted)(base, credentials);
    assertStrictEquals(headers instanceof Promise, false);
    assertEquals([...used].sort(), ["hash", "hmac"]);
  });
});
