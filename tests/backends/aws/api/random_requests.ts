/** Random requests, on which the two signers must agree. */
import { assert, assertEquals } from "@std/assert";
import type { Hashes } from "../../../../backends/aws/api/hashes.ts";
import { createSigner, type Unsigned } from "../../../../backends/aws/api/signing.ts";
import { createTemplateSigner } from "../../../../backends/aws/api/template_signing.ts";
import type { Credentials } from "../../../../backends/aws/credentials/credentials.ts";
import { seeded } from "../../../chaos/random.ts";

/** Characters that a path, a query, a header or a body may be spoiled by. */
const PIECES = [
  ..."aZ09-._~ /+%&=?#!'()*:;,@$[]|\\\"<>^`{}",
  ...["é", "漢", "🙂", "\ud800", "%2F", "%41", "%zz", "//", "..", "a=b&a=a", "  "],
];
const NAMES = [
  ...["content-type", "X-Amz-Target", "x-amzn-query-mode", "a-header", "zz-last", "x-amz-a"],
  ...["user-agent", "X-Amz-Content-Sha256", "Host", "authorization", "x-amz-date", "range"],
];

/** Makes requests of all kinds out of a seed. */
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

/** Returns all headers, or `undefined` where the request cannot be signed. */
export async function signed(sign: () => HeadersInit | Promise<HeadersInit>) {
  try {
    return Object.fromEntries(new Headers(await sign()));
  } catch {
    return undefined;
  }
}

/** Signs random requests by the template and by aws4fetch, and compares all headers. */
export async function agree(hashes: Hashes, requests: number): Promise<void> {
  const next = generator(20_261_128);
  const sign = createTemplateSigner(hashes);
  const reference = createSigner();
  let count = 0;
  for (let n = 0; n < requests; n++) {
    const [unsigned, keys] = next();
    if (!URL.canParse(unsigned.url)) continue;
    const expected = await signed(() => reference(unsigned, keys));
    const found = await signed(() => sign(unsigned, keys));
    assertEquals(found, expected, JSON.stringify(unsigned));
    if (expected) count += 1;
  }
  assert(count > requests * 0.9, `${count} of ${requests} could be signed`);
}
