import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { processHashes } from "../../../../backends/aws/api/environment.ts";
import type { Hashes } from "../../../../backends/aws/api/hashes.ts";
import { createSigner, type Unsigned } from "../../../../backends/aws/api/signing.ts";
import {
  createTemplateSigner,
  quickestSigner,
} from "../../../../backends/aws/api/template_signing.ts";
import type { Credentials } from "../../../../backends/aws/credentials/credentials.ts";
import { seeded } from "../../../chaos/random.ts";

const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "SECRET" };
const base: Unsigned = {
  url: "https://sqs.eu-west-1.amazonaws.com",
  service: "sqs",
  region: "eu-west-1",
  headers: { "content-type": "application/x-amz-json-1.0", "x-amz-target": "AmazonSQS.Send" },
  body: '{"MessageBody":"é漢🙂"}',
  now: Date.UTC(2026, 10, 28, 12, 36, 9, 5),
};

/** Characters that a path, a query, a header or a body may be spoiled by. */
const PIECES = [
  ..."aZ09-._~ /+%&=?#!'()*:;,@$[]|\\\"<>^`{}",
  ...["é", "漢", "🙂", "\ud800", "%2F", "%41", "%zz", "//", "..", "a=b&a=a", "  "],
];
const NAMES = [
  ...["content-type", "X-Amz-Target", "x-amzn-query-mode", "a-header", "zz-last", "x-amz-a"],
  ...["user-agent", "X-Amz-Content-Sha256", "Host", "authorization", "x-amz-date", "range"],
];

/** What makes requests of all kinds out of a seed. */
function generator(seed: number) {
  const random = seeded(seed);
  const below = (count: number) => Math.floor(random() * count);
  const one = <T>(list: readonly T[]): T => list[below(list.length)]!;
  const text = (most: number) => Array.from({ length: below(most) }, () => one(PIECES)).join("");
  /** Headers take bytes only. */
  const value = () => text(6).replace(/[^\x20-\xff]/g, "é");
  const headers = () =>
    Object.fromEntries(
      Array.from({ length: below(6) }, () => [one(NAMES), value()]),
    );
  const host = () => one(["sqs.eu-west-1.amazonaws.com", "127.0.0.1:4566", "EXAMPLE.com:443"]);
  const query = () => one(["", `?${text(9)}`, `?b=${text(3)}&a=${text(3)}&a=${text(2)}`]);
  const keys: Credentials[] = Array.from({ length: 5 }, (_, n) => ({
    accessKeyId: `AKID${n}`,
    secretAccessKey: `secret/+é${n}`,
    ...(n % 2 === 0 ? {} : { sessionToken: ` token//${n}  ==` }),
  }));
  let count = 0;
  return () => {
    count += 1;
    const unsigned: Unsigned = {
      url: `${one(["http", "https"])}://${host()}/${text(8)}${query()}`,
      service: one(["sqs", "sns", "sts"]),
      region: one(["eu-west-1", "us-gov-east-1", "r"]),
      headers: headers(),
      body: text(20),
      now: Date.UTC(2026, 0, 1 + below(3)) + below(86_400_000),
    };
    return [unsigned, keys[Math.floor(count / 500) % keys.length]!] as const;
  };
}

/** All headers, or `undefined` where the request cannot be signed. */
async function signed(sign: () => HeadersInit | Promise<HeadersInit>) {
  try {
    return Object.fromEntries(new Headers(await sign()));
  } catch {
    return undefined;
  }
}

const hashes = processHashes();

function isWorkers(): boolean {
  return globalThis.navigator?.userAgent === "Cloudflare-Workers";
}

/** Registers a test where the runtime has synchronous hashes: on all servers, and not on workerd. */
function itOnServers(name: string, body: () => void | Promise<void>): void {
  if (hashes) it(name, body);
}

describe("createTemplateSigner()", () => {
  itOnServers("signs 10,000 requests of all kinds as aws4fetch does", async () => {
    const next = generator(20_261_128);
    const sign = createTemplateSigner(hashes!);
    const reference = createSigner();
    let count = 0;
    for (let n = 0; n < 10_000; n++) {
      const [unsigned, keys] = next();
      if (!URL.canParse(unsigned.url)) continue;
      const expected = await signed(() => reference(unsigned, keys));
      const found = await signed(() => sign(unsigned, keys));
      assertEquals(found, expected, JSON.stringify(unsigned));
      if (expected) count += 1;
    }
    assert(count > 9_000, `${count} of them could be signed`);
  });

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
