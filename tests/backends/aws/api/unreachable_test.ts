import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { AwsBackend, type AwsBackendOptions } from "../../../../backends/aws/mod.ts";
import { tellingWaits } from "../../../../backends/aws/api/unreachable.ts";
import { VirtualClock } from "../../../../backends/memory/testing.ts";
import { MelangeError } from "../../../../src/support/errors.ts";
import { recordingLogger } from "../../../fakes/world.ts";
import { type FakeAws, fakeAws, message, QUEUE, xml } from "../fake_aws.ts";

const coded = (text: string, code: string) => Object.assign(new Error(text), { code });
const named = (text: string, name: string) => Object.assign(new Error(text), { name });
const failed = (cause: unknown) => new TypeError("fetch failed", { cause });
const connect = (text: string) =>
  failed(new Error(`error sending request for url (http://x/): client error (Connect): ${text}`));

/** As they were seen on Deno 2.9, Node.js 20 and Bun 1.4. */
const HOPELESS: [what: string, error: unknown][] = [
  ["a closed port on Deno", connect("tcp connect error: Connection refused (os error 111)")],
  ["a closed port on Node.js", failed(coded("connect ECONNREFUSED 127.0.0.1:1", "ECONNREFUSED"))],
  [
    "a closed port on Node.js, of two addresses",
    failed(new AggregateError([coded("", "ECONNREFUSED"), coded("", "ECONNREFUSED")])),
  ],
  [
    "a closed port on Bun",
    coded("Unable to connect. Is the computer able to access the url?", "ConnectionRefused"),
  ],
  ["a closed port on a newer Bun", coded("ECONNREFUSED: Unable to connect.", "ECONNREFUSED")],
  [
    "no such host on Deno",
    connect("dns error: failed to lookup address information: Name or service not known"),
  ],
  [
    "no such host on Deno on a Mac",
    connect(
      "dns error: failed to lookup address information: nodename nor servname provided, or not known",
    ),
  ],
  [
    "no such host on Deno on Windows",
    connect("dns error: No such host is known. (os error 11001)"),
  ],
  [
    "no such host on Node.js",
    failed(coded("getaddrinfo ENOTFOUND sqs.eu-wset-1.example", "ENOTFOUND")),
  ],
  [
    "no permission on Deno",
    named('Requires net access to "sqs:443", run again with the --allow-net flag', "NotCapable"),
  ],
  ["no permission on an older Deno", named("Requires net access", "PermissionDenied")],
  [
    "no permission on Node.js",
    failed(coded("Access to this API has been restricted", "ERR_ACCESS_DENIED")),
  ],
  ["no address", failed(coded("Invalid URL", "ERR_INVALID_URL"))],
  [
    "a port that is not asked on Deno",
    new TypeError("Fetch failed: Requests to port 1 are blocked"),
  ],
  ["a port that is not asked on Node.js", failed(new Error("bad port"))],
  ["a certificate of nobody on Deno", connect("invalid peer certificate: UnknownIssuer")],
  [
    "a certificate of nobody on Node.js",
    failed(coded("self-signed certificate", "DEPTH_ZERO_SELF_SIGNED_CERT")),
  ],
  ["a certificate of another host", failed(coded("", "ERR_TLS_CERT_ALTNAME_INVALID"))],
  ["a server of something else on Deno", failed(new Error("invalid HTTP version parsed"))],
  [
    "a server of something else on Node.js",
    failed(
      coded(
        "Response does not match the HTTP/1.1 protocol (Expected HTTP/)",
        "HPE_INVALID_CONSTANT",
      ),
    ),
  ],
  [
    "a server of something else on a newer Node.js",
    failed(new Error("Response does not match the HTTP/1.1 protocol (Expected HTTP/, RTSP/)")),
  ],
  [
    "a server of something else on Bun",
    coded("Malformed_HTTP_Response fetching", "Malformed_HTTP_Response"),
  ],
];

const PASSING: [what: string, error: unknown][] = [
  ["a connection that was reset", failed(coded("read ECONNRESET", "ECONNRESET"))],
  ["a name service that is busy", failed(coded("getaddrinfo EAI_AGAIN", "EAI_AGAIN"))],
  [
    "a name service that is busy on Deno",
    connect(
      "dns error: failed to lookup address information: Temporary failure in name resolution",
    ),
  ],
  [
    "a connection that takes too long",
    failed(coded("Connect Timeout Error", "UND_ERR_CONNECT_TIMEOUT")),
  ],
  ["a network that is down", failed(coded("connect ENETUNREACH", "ENETUNREACH"))],
  ["nothing that says why", new TypeError("fetch failed")],
  ["no error at all", "refused"],
];

/** A backend, and what it warned of. */
function setUp(respond: Parameters<typeof fakeAws>[0], own: AwsBackendOptions = {}) {
  const aws = fakeAws(respond);
  const warnings: [message: string, fields: Record<string, unknown>][] = [];
  const logger = {
    debug() {},
    info() {},
    warn: (message: string, fields = {}) => void warnings.push([message, fields]),
    error() {},
  };
  return { aws, warnings, backend: new AwsBackend({ ...aws.options, logger, ...own }) };
}

async function patient<T>({ clock }: FakeAws, call: Promise<T>): Promise<T> {
  let settled = false;
  call.then(() => settled = true, () => settled = true);
  for (let turn = 0; turn < 2_000 && !settled; turn++) await clock.advance(100);
  return await call;
}

const CALLS: [what: string, call: (backend: AwsBackend) => Promise<unknown>][] = [
  ["declareTopic", (backend) => backend.declareTopic("orders")],
  ["declareQueue", (backend) => backend.declareQueue("billing", { subscribeTo: ["orders"] })],
  ["declareEndpoint", (backend) => backend.declareEndpoint("orders", "https://shop.example/sns")],
  ["describeQueue", (backend) => backend.describeQueue("billing")],
  ["deleteQueue", (backend) => backend.deleteQueue("billing")],
  ["deleteTopic", (backend) => backend.deleteTopic("orders")],
];

describe("what cannot succeed", () => {
  for (const [what, error] of HOPELESS) {
    it(`ends a declaration at once, with address and cause: ${what}`, async () => {
      const { aws, backend, warnings } = setUp(() => Promise.reject(error));
      const startedAt = aws.clock.now();
      const reason = await assertRejects(() => backend.declareTopic("orders"), MelangeError);
      assertEquals([reason.code, reason.retryable], ["CONFIGURATION", false]);
      assert(reason.message.includes("https://sns.eu-west-1.amazonaws.com"), reason.message);
      assertStrictEquals(reason.cause, error);
      assertEquals([aws.calls.length, aws.clock.now() - startedAt], [1, 0]);
      assertEquals([aws.clock.pending, warnings.length], [0, 0]);
    });
  }

  for (const [what, call] of CALLS) {
    it(`ends ${what}`, async () => {
      const { aws, backend } = setUp(() => Promise.reject(HOPELESS[1]![1]));
      const reason = await assertRejects(() => call(backend), MelangeError);
      assertEquals([reason.code, reason.retryable], ["CONFIGURATION", false]);
      assert(/https:\/\/s[nq]s\.eu-west-1\.amazonaws\.com/.test(reason.message), reason.message);
      assertEquals(aws.calls.length, 1);
    });
  }

  it("ends it also where the account id is asked for first", async () => {
    const { aws } = setUp(() => Promise.reject(HOPELESS[0]![1]));
    const { accountId: _, ...options } = aws.options;
    const reason = await assertRejects(
      () => new AwsBackend(options).deleteTopic("orders"),
      MelangeError,
    );
    assertEquals(reason.code, "CONFIGURATION");
    assert(reason.message.includes("https://sts.eu-west-1.amazonaws.com"), reason.message);
  });

  it("ends it also where credentials are asked for first", async () => {
    const { aws } = setUp(() => Promise.reject(HOPELESS[1]![1]));
    const { credentials: _, ...options } = aws.options;
    const environment = (name: string) =>
      name === "AWS_CONTAINER_CREDENTIALS_FULL_URI" ? "http://localhost:1338/" : undefined;
    const declaring = new AwsBackend({ ...options, environment }).declareTopic("orders");
    const failing = assertRejects(() => declaring, MelangeError);
    const startedAt = aws.clock.now();
    await patient(aws, declaring).catch(() => {});
    const reason = await failing;
    assertEquals([reason.code, reason.retryable], ["CONFIGURATION", false]);
    assert(reason.message.includes("nothing listens there"), reason.message);
    assert(aws.clock.now() - startedAt < 2_000);
  });

  it("is left to workers and publishers to wait for: they live through outages", async () => {
    for (const [, error] of HOPELESS) {
      const { backend } = setUp(() => Promise.reject(error));
      const options = { max: 1, waitMs: 0, visibilityMs: 1_000 };
      for (
        const call of [
          () => backend.receive(QUEUE, options),
          () => backend.send({ queue: QUEUE }, [message()]),
        ]
      ) {
        const reason = await assertRejects(call, MelangeError);
        assertEquals([reason.code, reason.retryable], ["OUTCOME_UNKNOWN", true]);
      }
    }
  });
});

describe("what may succeed later", () => {
  const slowly = { random: () => 0.99 };

  for (const [what, error] of PASSING) {
    it(`is waited for, and told: ${what}`, async () => {
      let fails = true;
      const arn = "<TopicArn>arn:aws:sns:eu-west-1:123456789012:orders</TopicArn>";
      const { aws, backend, warnings } = setUp(
        ({ action }) => fails ? Promise.reject(error) : xml(action, arn),
        slowly,
      );
      const declaring = backend.declareTopic("orders");
      for (let turn = 0; turn < 60; turn++) await aws.clock.advance(100);
      assertEquals(warnings.length, 1);
      const [[text, fields]] = warnings as [[string, Record<string, unknown>]];
      assert(text.startsWith("Waiting"), text);
      assertEquals(fields.code, "OUTCOME_UNKNOWN");
      assert(String(fields.reason).includes("https://sns.eu-west-1.amazonaws.com"));
      fails = false;
      assertEquals((await patient(aws, declaring)).name, "orders");
    });
  }

  it("is told again and again, not at every attempt", async () => {
    const { aws, backend, warnings } = setUp(() => new Response("", { status: 503 }), slowly);
    const declared = () => patient(aws, backend.declareTopic("orders"));
    assertEquals((await assertRejects(declared, MelangeError)).code, "OUTCOME_UNKNOWN");
    const times = warnings.map(([, { forSeconds }]) => Number(forSeconds));
    assert(times.length > 3 && times.length < 12, times.join());
    times.slice(1).forEach((time, at) => assert(time - times[at]! >= 9, times.join()));
  });

  it("is told where no answer comes", async () => {
    const { aws, warnings, backend } = setUp(() => new Promise(() => {}));
    const declaring = backend.declareTopic("orders");
    declaring.catch(() => {});
    for (let turn = 0; turn < 12; turn++) await aws.clock.advance(1_000);
    assertEquals(warnings.length, 1);
    assert(String(warnings[0]![1].reason).includes("no answer came in time"));
    await backend.close();
  });
});

describe("tellingWaits()", () => {
  for (const step of [-3_600_000, 3_600_000]) {
    it(`tells how long it has waited, when the clock is set by ${step} ms`, async () => {
      const clock = new VirtualClock();
      const logger = recordingLogger();
      const telling = tellingWaits({ clock, logger });
      const failing = () =>
        telling(() => Promise.reject(new MelangeError("THROTTLED", "x", { retryable: true })))
          .catch(() => {});
      clock.step(step);
      await failing();
      assertEquals(logger.lines.length, 0);
      await clock.advance(2_000);
      await failing();
      assertEquals(logger.lines.map(({ fields }) => fields.forSeconds), [2]);
    });
  }
});
