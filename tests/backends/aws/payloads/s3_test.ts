import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { objectUrl } from "../../../../backends/aws/api/s3.ts";
import { s3Payloads, type S3PayloadsOptions } from "../../../../backends/aws/payloads/s3.ts";
import { VirtualClock } from "../../../../backends/memory/testing.ts";
import { MelangeError } from "../../../../src/support/errors.ts";
import type { PayloadStore } from "../../../../src/wire/payloads/mod.ts";
import { TOKEN } from "../fake_aws.ts";

const SECRET = "SECRET-ACCESS-KEY-DO-NOT-SHOW";
const CANARY = "canary-7d1f";
const destination = { queue: "q" };
const limits = { messageBytes: 600, delayMs: 0 };

/** A request as it was sent. */
interface Sent {
  readonly url: string;
  readonly init: RequestInit;
  readonly headers: Headers;
}

function setUp(answer: (sent: Sent) => Response | Promise<Response>, options = {}) {
  const sent: Sent[] = [];
  const clock = new VirtualClock({ now: Date.UTC(2026, 0, 2, 3, 4, 5) });
  const fetch = async (input: string | URL | Request, init: RequestInit = {}) => {
    const request = { url: String(input), init, headers: new Headers(init.headers) };
    sent.push(request);
    return await answer(request);
  };
  const settings: S3PayloadsOptions = {
    bucket: "my-bucket",
    region: "eu-west-1",
    credentials: { accessKeyId: "AKID", secretAccessKey: SECRET, sessionToken: TOKEN },
    environment: () => undefined,
    readTextFile: () => Promise.reject(new Error("no files")),
    fetch: fetch as typeof globalThis.fetch,
    clock,
    retry: { maxAttempts: 1 },
    ...options,
  };
  return { sent, clock, store: s3Payloads(settings) };
}

function put(store: PayloadStore, body = CANARY.repeat(60), clock = new VirtualClock()) {
  return store.offload({ body, attributes: {} }, { destination, limits, clock, random: () => 0 });
}

function get(store: PayloadStore, key = "k", size: number | undefined = 3) {
  const s3 = { s3BucketName: "my-bucket", s3Key: key };
  const body = JSON.stringify(["software.amazon.payloadoffloading.PayloadS3Pointer", s3]);
  const attributes = size === undefined ? {} : { ExtendedPayloadSize: size };
  const message = { id: "m", body, attributes, sentAt: new Date(0), attempt: 1 };
  return store.restore(message, { clock: new VirtualClock() });
}

function errorAnswer(code: string, status: number): Response {
  const text =
    `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${CANARY}</Message></Error>`;
  return new Response(text, { status });
}

describe("s3Payloads()", () => {
  it("puts a body with a signature over its hash", async () => {
    const { store, sent } = setUp(() => new Response());
    const body = "é".repeat(400);
    const message = await put(store, body);
    const [, { s3Key }] = JSON.parse(message.body);
    const [{ url, init, headers }] = sent as [Sent];
    assertEquals(url, `https://my-bucket.s3.eu-west-1.amazonaws.com/${s3Key}`);
    assertEquals([init.method, init.body, init.redirect], ["PUT", body, "manual"]);
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(body));
    const hash = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0"));
    assertEquals(headers.get("x-amz-content-sha256"), hash.join(""));
    assertMatch(
      headers.get("authorization") ?? "",
      /Credential=AKID\/20260102\/eu-west-1\/s3\/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,/,
    );
    assert(!JSON.stringify([...headers]).includes(SECRET));
  });

  it("gets no more than it may, without a body", async () => {
    const { store, sent } = setUp(() => new Response("abc", { status: 206 }));
    assertEquals((await get(store)).body, "abc");
    const [{ url, init, headers }] = sent as [Sent];
    assertEquals(url, "https://my-bucket.s3.eu-west-1.amazonaws.com/k");
    assertEquals([init.method, init.body, headers.get("range")], ["GET", null, "bytes=0-3"]);
  });

  it("takes the endpoint of S3 from options, the environment and the profile", async () => {
    const file =
      "[services s]\ns3 =\n  endpoint_url = http://profile:1\n[profile p]\nservices = s\nregion = eu-west-1\n";
    const variables = (values: Record<string, string>) => ({
      environment: (name: string) => values[name],
      readTextFile: (path: string) => Promise.resolve(path === "config" ? file : ""),
    });
    const profile = { AWS_PROFILE: "p", AWS_CONFIG_FILE: "config" };
    const table: [object, string][] = [
      [{ endpoint: "http://option:1/base/" }, "http://option:1/base/my-bucket/k"],
      [variables({ AWS_ENDPOINT_URL_S3: "http://own:1" }), "http://own:1/my-bucket/k"],
      [variables({ AWS_ENDPOINT_URL: "http://all:1" }), "http://all:1/my-bucket/k"],
      [variables(profile), "http://profile:1/my-bucket/k"],
      [{ pathStyle: true }, "https://s3.eu-west-1.amazonaws.com/my-bucket/k"],
      [{ useFipsEndpoint: true }, "https://my-bucket.s3-fips.eu-west-1.amazonaws.com/k"],
      [{ useDualstackEndpoint: true }, "https://my-bucket.s3.dualstack.eu-west-1.amazonaws.com/k"],
      [{ region: "cn-north-1" }, "https://my-bucket.s3.cn-north-1.amazonaws.com.cn/k"],
    ];
    for (const [options, url] of table) {
      const { store, sent } = setUp(() => new Response("abc"), options);
      await get(store);
      assertEquals(sent.map((request) => request.url), [url]);
    }
  });

  it("knows what errors mean for a read", async () => {
    const table: [Response | Error, string, boolean][] = [
      [errorAnswer("NoSuchKey", 404), "UNDECODABLE", false],
      [errorAnswer("InvalidRange", 416), "UNDECODABLE", false],
      [errorAnswer("NoSuchBucket", 404), "CONFIGURATION", false],
      [errorAnswer("AccessDenied", 403), "ACCESS_DENIED", false],
      [errorAnswer("PermanentRedirect", 301), "CONFIGURATION", false],
      [errorAnswer("SlowDown", 503), "OUTCOME_UNKNOWN", true],
      [errorAnswer("InternalError", 500), "OUTCOME_UNKNOWN", true],
      [errorAnswer("XMinioStorageFull", 507), "OUTCOME_UNKNOWN", true],
      [new Response("not found", { status: 404 }), "REFUSED", false],
      [new TypeError(CANARY), "OUTCOME_UNKNOWN", true],
    ];
    for (const [answer, code, retryable] of table) {
      const { store } = setUp(() => {
        if (answer instanceof Error) throw answer;
        return answer;
      });
      const error = await assertRejects(() => get(store), MelangeError);
      assertEquals([error.code, error.retryable], [code, retryable], error.message);
      assert(!error.message.includes(CANARY) && !error.message.includes(SECRET));
    }
  });

  it("fails a write that S3 refused, or may have refused, as not published", async () => {
    for (
      const [code, status, expected] of [
        ["AccessDenied", 403, "ACCESS_DENIED"],
        ["InternalError", 500, "REFUSED"],
        ["NoSuchBucket", 404, "CONFIGURATION"],
      ] as const
    ) {
      const { store } = setUp(() => errorAnswer(code, status));
      const error = await assertRejects(() => put(store), MelangeError);
      assertEquals(error.code, expected);
      assert(!`${error.stack}`.includes(CANARY));
    }
  });

  it("refuses a longer answer than it asked for", async () => {
    const { store } = setUp(() => new Response("abcd"));
    const error = await assertRejects(() => get(store), MelangeError);
    assertEquals(error.code, "UNDECODABLE");
    const endless = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
    });
    const bomb = setUp(() => new Response(endless), { maxBytes: 1_000 });
    await assertRejects(() => get(bomb.store), MelangeError);
  });

  it("keeps a mark of byte order, which is a character of the body", async () => {
    const { store } = setUp(() => new Response("\ufeffabc"));
    assertEquals((await get(store, "k", 6)).body, "\ufeffabc");
  });

  it("asks for other credentials once where these have expired", async () => {
    let asked = 0;
    const credentials = () => {
      asked += 1;
      return Promise.resolve({ accessKeyId: `K${asked}`, secretAccessKey: SECRET });
    };
    const { store, sent } = setUp(
      ({ headers }) =>
        headers.get("authorization")?.includes("K1/")
          ? errorAnswer("ExpiredToken", 400)
          : new Response("abc"),
      { credentials },
    );
    assertEquals((await get(store)).body, "abc");
    assertEquals([asked, sent.length, sent[1]!.init.method], [2, 2, "GET"]);
  });

  it("refuses options that make no sense", () => {
    for (const options of [{ bucket: "a/b" }, { prefix: "../" }, { useFipsEndpoint: "yes" }]) {
      assertThrows(() => setUp(() => new Response(), options), TypeError);
    }
    for (const options of [{ maxBytes: -1 }, { timeoutMs: 0 }]) {
      assertThrows(() => setUp(() => new Response(), options), RangeError);
    }
  });
});

describe("objectUrl()", () => {
  it("puts a bucket into the host where AWS answers and the name allows it", () => {
    const aws = "https://s3.eu-west-1.amazonaws.com";
    assertEquals(objectUrl(aws, "my-bucket/k"), "https://my-bucket.s3.eu-west-1.amazonaws.com/k");
    assertEquals(objectUrl(aws, "my.bucket/k"), `${aws}/my.bucket/k`);
    assertEquals(objectUrl(aws, "My_Bucket/k"), `${aws}/My_Bucket/k`);
    assertEquals(
      objectUrl("https://s3.eu-west-1.amazonaws.com.evil.example", "my-bucket/k"),
      "https://s3.eu-west-1.amazonaws.com.evil.example/my-bucket/k",
    );
    const r2 = "https://0123.r2.cloudflarestorage.com";
    assertEquals(objectUrl(r2, "my-bucket/a/b"), `${r2}/my-bucket/a/b`);
    assertEquals(
      objectUrl(r2, "my-bucket/k", false),
      "https://my-bucket.0123.r2.cloudflarestorage.com/k",
    );
  });

  it("encodes keys as the signature does", () => {
    const url = objectUrl("http://127.0.0.1:9000", "b/a b/+é%2e*'()!?#&=~/c");
    assertEquals(url, "http://127.0.0.1:9000/b/a%20b/%2B%C3%A9%252e%2A%27%28%29%21%3F%23%26%3D~/c");
    assertEquals(new URL(url).href, url);
  });
});
