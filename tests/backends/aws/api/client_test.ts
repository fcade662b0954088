import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { AwsBackend, type AwsBackendOptions, awsSender } from "../../../../backends/aws/mod.ts";
import type { Clock } from "../../../../src/support/clock.ts";
import type { MelangeErrorCode } from "../../../../src/support/errors.ts";
import { MelangeError } from "../../../../src/support/errors.ts";
import {
  allStored,
  type FakeAws,
  fakeAws,
  json,
  message,
  QUEUE,
  type Respond,
  SECRET,
  snsError,
  sqsError,
  TOKEN,
  xml,
} from "../fake_aws.ts";

const BODY = "BODY-DO-NOT-SHOW";

/** Sends one message to the queue. */
function send(aws: FakeAws, options: AwsBackendOptions = {}, signal?: AbortSignal) {
  const backend = new AwsBackend({ ...aws.options, ...options });
  return backend.send({ queue: QUEUE }, [message(BODY)], { signal });
}

async function failure(sending: Promise<unknown>): Promise<MelangeError> {
  return await assertRejects(() => sending, MelangeError);
}

/** Everything that would be printed of an error and of what caused it. */
function printed(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { name, message, stack, cause, ...rest } = error;
  return [name, message, stack, JSON.stringify(rest), cause ? printed(cause) : ""].join("\n");
}

describe("AwsBackend makes requests", () => {
  it("by POST, without following redirects, to the endpoint of the region", async () => {
    const aws = fakeAws(allStored);
    await send(aws);
    const { url, init, headers } = aws.calls[0]!;
    assertEquals(url, "https://sqs.eu-west-1.amazonaws.com");
    assertEquals([init.method, init.redirect], ["POST", "manual"]);
    assertEquals(headers.get("content-type"), "application/x-amz-json-1.0");
    assertEquals(headers.get("x-amz-target"), "AmazonSQS.SendMessageBatch");
    assertEquals(headers.get("x-amzn-query-mode"), "true");
    assertEquals(headers.get("x-amz-security-token"), TOKEN);
    const { authorization } = Object.fromEntries(headers);
    assert(authorization!.includes("/eu-west-1/sqs/aws4_request"), authorization);
  });

  it("in the region of an ARN or a URL, if that is another", async () => {
    const aws = fakeAws((call) =>
      call.action === "SendMessageBatch" ? allStored(call) : xml("", "")
    );
    const backend = new AwsBackend(aws.options);
    await backend.send({ queue: QUEUE.replace("eu-west-1", "us-west-2") }, [message()]);
    const topic = "arn:aws-cn:sns:cn-north-1:123456789012:orders";
    await backend.send({ topic }, [message()]).catch(() => {});
    assertEquals(aws.calls.map(({ url }) => url), [
      "https://sqs.us-west-2.amazonaws.com",
      "https://sns.cn-north-1.amazonaws.com.cn",
    ]);
    assert(aws.calls[1]!.headers.get("authorization")!.includes("/cn-north-1/sns/"));
  });

  it("to the endpoints of the options, else of the environment", async () => {
    const environment = (name: string) =>
      ({
        AWS_ENDPOINT_URL: "http://all.example",
        AWS_ENDPOINT_URL_SQS: "http://sqs.example",
        AWS_REGION: "eu-north-1",
      })[name];
    const cases: [AwsBackendOptions, string][] = [
      [{}, "http://sqs.example"],
      [{ endpoint: "http://127.0.0.1:4566" }, "http://127.0.0.1:4566"],
      [{ endpoint: "", sqsEndpoint: "" }, "http://sqs.example"],
      [{ endpoint: "http://a.example", sqsEndpoint: "http://b.example/p" }, "http://b.example/p"],
    ];
    for (const [options, url] of cases) {
      const aws = fakeAws(allStored);
      await send(aws, { ...options, environment });
      assertEquals(aws.calls[0]!.url, url);
    }
    const aws = fakeAws(() => snsError("AuthorizationError", 403));
    const { region: _, ...options } = aws.options;
    const backend = new AwsBackend({ ...options, environment });
    await backend.send({ topic: "orders" }, [message()]).catch(() => {});
    assertEquals(aws.calls[0]!.url, "http://all.example");
    assert(aws.calls[0]!.input.TopicArn.startsWith("arn:aws:sns:eu-north-1:"));
  });
});

describe("AwsBackend without configuration", () => {
  const noInstance = (name: string) => name === "AWS_EC2_METADATA_DISABLED" ? "true" : undefined;
  const refused: [what: string, options: AwsBackendOptions, says: string][] = [
    ["a region", { region: undefined! }, "AWS_REGION"],
    ["a region that is a name", { region: "evil.example/#" }, "AWS_REGION"],
    ["credentials", { credentials: undefined!, environment: noInstance }, "AWS_ACCESS_KEY_ID"],
    ["a secret", { credentials: { accessKeyId: "AKID" } as never }, "secretAccessKey"],
    ["an endpoint that is a URL", { endpoint: "localhost:4566" }, "endpoint"],
    ["an endpoint without a password", { endpoint: `http://me:${SECRET}@h.example` }, "endpoint"],
    ["an account id of twelve digits", { accountId: "123" }, "account id"],
  ];
  for (const [what, options, says] of refused) {
    it(`needs ${what}: CONFIGURATION, at the first call, before anything is sent`, async () => {
      const aws = fakeAws(allStored);
      const backend = new AwsBackend({ ...aws.options, ...options });
      const error = await failure(backend.send({ topic: "orders" }, [message()]));
      assertEquals([error.code, error.retryable], ["CONFIGURATION", false]);
      assert(error.message.includes(says), error.message);
      assertEquals(aws.calls.length, 0);
      assert(!printed(error).includes(SECRET));
    });
  }

  it("survives an environment that must not be read", async () => {
    const aws = fakeAws(allStored);
    const { environment: _, ...options } = aws.options;
    await new AwsBackend(options).send({ queue: QUEUE }, [message()]);
  });
});

describe("AwsBackend tells what came of a call", () => {
  const page = (status: number) => () =>
    new Response("<!DOCTYPE html><html><body>Bad gateway</body></html>", { status });
  const text = (value: string, status = 200) => () => new Response(value, { status });
  const stored = '{"Successful":[{"Id":"0","MessageId":"m"}';
  const redirect = (status: number) => () =>
    new Response(null, { status, headers: { location: "https://evil.example/" } });
  const rows: [what: string, Respond, code: MelangeErrorCode, retryable: boolean][] = [
    [
      "a refused connection",
      () => Promise.reject(new TypeError("refused")),
      "OUTCOME_UNKNOWN",
      true,
    ],
    ["HTML of a load balancer with 502", page(502), "OUTCOME_UNKNOWN", true],
    ["HTML of a load balancer with 200", page(200), "OUTCOME_UNKNOWN", true],
    ["HTML with 403", page(403), "ACCESS_DENIED", false],
    ["HTML with 404", page(404), "REFUSED", false],
    ["HTML with 429", page(429), "THROTTLED", true],
    ["nothing with 500", text("", 500), "OUTCOME_UNKNOWN", true],
    ["nothing with 503", text("", 503), "OUTCOME_UNKNOWN", true],
    ["nothing with 400", text("", 400), "REFUSED", false],
    ["nothing with 200", text(""), "OUTCOME_UNKNOWN", true],
    ["truncated JSON", text(stored), "OUTCOME_UNKNOWN", true],
    ["null instead of an object", text("null"), "OUTCOME_UNKNOWN", true],
    ["a throttle as 400", () => sqsError("ThrottlingException"), "THROTTLED", true],
    ["a throttle as 403", () => sqsError("RequestThrottled", { status: 403 }), "THROTTLED", true],
    ["a throttle as 429", () => sqsError("TooManyRequests", { status: 429 }), "THROTTLED", true],
    ["a truncated error", text('{"__type":"a#QueueDoesNotExist","mess', 400), "NOT_FOUND", false],
    [
      "the second of two names",
      () => sqsError("Unheard", { query: "AWS.SimpleQueueService.NonExistentQueue" }),
      "NOT_FOUND",
      false,
    ],
    [
      "a code in what the error quotes",
      () => sqsError("InvalidParameterValue", { message: "<Code>RequestThrottled</Code>" }),
      "INVALID_MESSAGE",
      false,
    ],
    ["a redirect with 301", redirect(301), "CONFIGURATION", false],
    ["a redirect with 307", redirect(307), "CONFIGURATION", false],
  ];
  for (const [what, respond, code, retryable] of rows) {
    it(`${what} is ${code}`, async () => {
      const aws = fakeAws(respond);
      const error = await failure(send(aws));
      assertEquals([error.code, error.retryable], [code, retryable]);
      assertEquals(aws.calls.length, 1, "nothing is tried again");
      assertEquals(aws.clock.pending, 0, "no timer is left");
      for (const hidden of [SECRET, TOKEN, BODY]) assert(!printed(error).includes(hidden));
    });
  }

  it("a redirect that the browser hides is CONFIGURATION", async () => {
    const opaque = Object.defineProperties(new Response(), {
      type: { value: "opaqueredirect" },
      status: { value: 0 },
      ok: { value: false },
    });
    assertEquals((await failure(send(fakeAws(() => opaque)))).code, "CONFIGURATION");
  });

  for (const text of ["[]", '"ok"', "{}"]) {
    it(`an answer of ${text} mentions nothing: OUTCOME_UNKNOWN for each message`, async () => {
      const [result] = await send(fakeAws(() => new Response(text)));
      assert(result && !result.ok);
      assertEquals([result.error.code, result.error.retryable], ["OUTCOME_UNKNOWN", true]);
    });
  }

  it("an answer that breaks off is OUTCOME_UNKNOWN", async () => {
    const aws = fakeAws(() => {
      let pulls = 0;
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          if (pulls++ > 0) controller.error(new TypeError("connection reset"));
          else controller.enqueue(new TextEncoder().encode('{"Succ'));
        },
      });
      return new Response(body);
    });
    assertEquals((await failure(send(aws))).code, "OUTCOME_UNKNOWN");
  });

  it("an answer without end is OUTCOME_UNKNOWN, and is not read to the end", async () => {
    let pulled = 0;
    let cancelled = false;
    const aws = fakeAws(() => {
      const chunk = new Uint8Array(8 * 1024 * 1024).fill(32);
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          pulled += chunk.length;
          controller.enqueue(chunk);
        },
        cancel() {
          cancelled = true;
        },
      });
      return new Response(body);
    });
    const sender = () => awsSender(aws.options).send({ queue: QUEUE }, [message()]);
    for (const sent of [() => send(aws), sender]) {
      pulled = 0;
      cancelled = false;
      assertEquals((await failure(sent())).code, "OUTCOME_UNKNOWN");
      assert(cancelled && pulled < 128 * 1024 * 1024, `${pulled} bytes`);
    }
  });

  it("reads characters that are split between pieces", async () => {
    const bytes = new TextEncoder().encode(
      '{"Messages":[{"MessageId":"m","ReceiptHandle":"r","Body":"é漢🙂"}]}',
    );
    const aws = fakeAws(() =>
      new Response(
        new ReadableStream<Uint8Array>({
          start(controller) {
            for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
            controller.close();
          },
        }),
      )
    );
    const call = { max: 1, waitMs: 0, visibilityMs: 30_000 };
    const [delivery] = await new AwsBackend(aws.options).receive(QUEUE, call);
    assertEquals(delivery?.message.body, "é漢🙂");
  });
});

describe("AwsBackend passes on when to try again", () => {
  const retryAfter = async (value: string) => {
    const headers = { "retry-after": value };
    const aws = fakeAws(() => sqsError("RequestThrottled", { status: 403, headers }));
    return (await failure(send(aws))).retryAfterMs;
  };

  it("in seconds", async () => assertEquals(await retryAfter("7"), 7_000));

  it("as a date", async () => {
    const { clock } = fakeAws(allStored);
    assertEquals(await retryAfter(new Date(clock.now() + 9_000).toUTCString()), 9_000);
    assertEquals(await retryAfter(new Date(clock.now() - 9_000).toUTCString()), 0);
  });

  it("not, if it makes no sense", async () => assertEquals(await retryAfter("soon"), undefined));
});

describe("AwsBackend limits the time of a call", () => {
  const never = () => new Promise<Response>(() => {});

  it("to ten seconds, and to requestTimeoutMs", async () => {
    for (const [options, ms] of [[{}, 10_000], [{ requestTimeoutMs: 500 }, 500]] as const) {
      const aws = fakeAws(never);
      const sent = aws.sent();
      const sending = failure(send(aws, options));
      await sent;
      await aws.clock.advance(ms - 1);
      assert(!(aws.calls[0]!.init.signal!.aborted));
      await aws.clock.advance(1);
      const error = await sending;
      assertEquals([error.code, error.retryable], ["OUTCOME_UNKNOWN", true]);
      assert(aws.calls[0]!.init.signal!.aborted, "the request is ended too");
    }
  });

  it("to ten seconds more than the wait of a receive", async () => {
    const aws = fakeAws(never);
    const backend = new AwsBackend(aws.options);
    const call = { max: 1, waitMs: 20_000, visibilityMs: 30_000 };
    const sent = aws.sent();
    const receiving = failure(backend.receive(QUEUE, call));
    await sent;
    await aws.clock.advance(29_999);
    assert(!(aws.calls[0]!.init.signal!.aborted));
    await aws.clock.advance(1);
    assertEquals((await receiving).code, "OUTCOME_UNKNOWN");
  });

  it("when the answer hangs after its beginning", async () => {
    const aws = fakeAws(() =>
      new Response(new ReadableStream({ pull: () => new Promise(() => {}) }))
    );
    const sent = aws.sent();
    const sending = failure(send(aws));
    await sent;
    await aws.clock.advance(10_000);
    assertEquals((await sending).code, "OUTCOME_UNKNOWN");
  });

  it("when the credentials hang", async () => {
    const aws = fakeAws(allStored);
    const sending = failure(send(aws, { credentials: () => new Promise(() => {}) }));
    await aws.clock.advance(10_000);
    assertEquals((await sending).retryable, true);
    assertEquals(aws.calls.length, 0);
  });
});

describe("AwsBackend ends a call", () => {
  it("by an abort of its request where it failed, and not where it succeeded", async () => {
    const steps: Respond[] = [allStored, () => Promise.reject(new TypeError("refused"))];
    for (const [index, respond] of steps.entries()) {
      const aws = fakeAws(respond);
      await send(aws).catch(() => {});
      assertEquals(aws.calls[0]!.init.signal?.aborted, index === 1);
    }
  });

  it("and reads a short answer in one piece, a long or compressed one piece by piece", async () => {
    const read: string[] = [];
    const answering = (headers: Record<string, string>): Respond => (call) => {
      const text = JSON.stringify({
        Successful: call.input.Entries.map(({ Id }: { Id: string }) => ({ Id, MessageId: "m" })),
      });
      const answer = new Response(text, { headers });
      return Object.defineProperties(answer, {
        text: { value: () => (read.push("whole"), Promise.resolve(text)) },
      });
    };
    const cases: Record<string, string>[] = [
      { "content-length": "60" },
      { "content-length": "67108864" },
      { "content-length": "67108865" },
      { "content-length": "60", "content-encoding": "gzip" },
      { "content-length": "6e1" },
      {},
    ];
    for (const headers of cases) {
      const [result] = await send(fakeAws(answering(headers)));
      assert(result?.ok);
      if (read.length > 2) read.push(JSON.stringify(headers));
    }
    assertEquals(read, ["whole", "whole"]);
  });

  it("with the reason of its signal, and leaves nothing at the signal", async () => {
    const aws = fakeAws(() => new Promise(() => {}));
    const controller = new AbortController();
    const sent = aws.sent();
    const sending = send(aws, {}, controller.signal);
    await sent;
    controller.abort("enough");
    assertEquals(await sending.catch((reason) => reason), "enough");
    assertEquals(aws.clock.pending, 0);
  });

  it("before anything is sent, if its signal was aborted", async () => {
    const aws = fakeAws(allStored);
    const reason = await send(aws, {}, AbortSignal.abort("before")).catch((reason) => reason);
    assertEquals([reason, aws.calls.length], ["before", 0]);
  });

  it("before anything is sent, if its signal is aborted while credentials are fetched", async () => {
    const aws = fakeAws(allStored);
    const abort = new AbortController();
    const gate: { open?: () => void } = {};
    const opened = new Promise<void>((resolve) => gate.open = resolve);
    const credentials = () => opened.then(() => ({ accessKeyId: "A", secretAccessKey: "s" }));
    const sending = send(aws, { credentials }, abort.signal).catch((reason) => reason);
    abort.abort("meanwhile");
    gate.open?.();
    assertEquals(await sending, "meanwhile");
    await aws.clock.advance(1);
    assertEquals(aws.calls.length, 0);
  });

  it("with CLOSED when the backend is closed, then and later", async () => {
    const aws = fakeAws(() => new Promise(() => {}));
    const backend = new AwsBackend(aws.options);
    const sent = aws.sent();
    const sending = failure(backend.send({ queue: QUEUE }, [message()]));
    await sent;
    await backend.close();
    assertEquals((await sending).code, "CLOSED");
    assertEquals((await failure(backend.describeQueue(QUEUE))).code, "CLOSED");
    assertEquals((await failure(backend.declareQueue("orders"))).code, "CLOSED");
    assertEquals(aws.calls.length, 1);
  });

  it("with CLOSED between the attempts of a declaration", async () => {
    const aws = fakeAws(() => sqsError("RequestThrottled", { status: 403 }));
    const backend = new AwsBackend({ ...aws.options, random: () => 0.99 });
    const sent = aws.sent();
    const declaring = failure(backend.declareQueue("orders"));
    await sent;
    await aws.clock.advance(1);
    await backend.close();
    assertEquals((await declaring).code, "CLOSED");
  });
});

describe("AwsBackend refreshes credentials that the service calls expired", () => {
  const rotating = () => {
    let count = 0;
    const provider = () => {
      count++;
      return Promise.resolve({ accessKeyId: `AKID${count}`, secretAccessKey: SECRET });
    };
    return { provider, asked: () => count };
  };
  const expired = (accept: string): Respond => (call) =>
    call.headers.get("authorization")!.includes(accept)
      ? allStored(call)
      : sqsError("ExpiredToken", { status: 403 });

  it("once, and repeats the call with them", async () => {
    const { provider, asked } = rotating();
    const aws = fakeAws(expired("AKID2"));
    const [result] = await send(aws, { credentials: provider });
    assertEquals([result?.ok, aws.calls.length, asked()], [true, 2, 2]);
    assertEquals(aws.calls[0]!.body, aws.calls[1]!.body);
  });

  it("once for all calls that fail at the same time", async () => {
    const { provider, asked } = rotating();
    const aws = fakeAws(expired("AKID2"));
    const backend = new AwsBackend({ ...aws.options, credentials: provider });
    const sendings = Array.from({ length: 8 }, () => backend.send({ queue: QUEUE }, [message()]));
    for (const [result] of await Promise.all(sendings)) assert(result?.ok);
    assertEquals(asked(), 2);
  });

  it("and gives up if the new ones are expired too", async () => {
    const { provider } = rotating();
    const aws = fakeAws(expired("none"));
    const error = await failure(send(aws, { credentials: provider }));
    assertEquals([error.code, error.retryable], ["ACCESS_DENIED", false]);
    assertEquals(aws.calls.length, 2);
  });
});

describe("AwsBackend corrects a wrong clock", () => {
  const MINUTE = 60_000;
  const skewed = (
    ahead: number | (() => number),
    code = "RequestTimeTooSkewed",
    more: HeadersInit = {},
  ) => {
    const aws: FakeAws = fakeAws((call) => {
      const theirs = aws.clock.now() + (typeof ahead === "number" ? ahead : ahead());
      const stamp = call.headers.get("x-amz-date")!;
      const signed = Date.parse(
        stamp.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, "$1-$2-$3T$4:$5:$6Z"),
      );
      if (Math.abs(signed - theirs) < 5 * MINUTE) return allStored(call);
      const headers = { date: new Date(theirs).toUTCString(), ...more };
      return sqsError(code, { status: 403, headers });
    });
    return aws;
  };

  for (const aheadMs of [10 * MINUTE, -10 * MINUTE, 400 * 24 * 60 * MINUTE]) {
    it(`that is ${aheadMs / MINUTE} minutes off, once, and remembers by how much`, async () => {
      const aws = skewed(aheadMs);
      const backend = new AwsBackend(aws.options);
      for (let turn = 0; turn < 3; turn++) {
        const [result] = await backend.send({ queue: QUEUE }, [message()]);
        assert(result?.ok);
      }
      assertEquals(aws.calls.length, 4);
    });
  }

  it("that was set again afterwards, once for each time, by the whole difference", async () => {
    let aheadMs = 0;
    const aws = skewed(() => aheadMs);
    const backend = new AwsBackend(aws.options);
    for (const minutes of [30, 90, -45, 0]) {
      aheadMs = minutes * MINUTE;
      const before = aws.calls.length;
      for (let turn = 0; turn < 2; turn++) {
        const [result] = await backend.send({ queue: QUEUE }, [message()]);
        assert(result?.ok, `${minutes} minutes`);
      }
      assertEquals(aws.calls.length - before, 3, `${minutes} minutes`);
    }
  });

  it("for every code that a wrong clock has", async () => {
    const codes = ["RequestExpired", "RequestInTheFuture", "InvalidSignatureException"];
    for (const code of [...codes, "SignatureDoesNotMatch"]) {
      const [result] = await send(skewed(10 * MINUTE, code));
      assert(result?.ok, code);
    }
  });

  const permanent: [what: string, aws: FakeAws][] = [
    [
      "the date is within four minutes",
      fakeAws(() => {
        const date = new Date(Date.UTC(2026, 0) + 3.9 * MINUTE).toUTCString();
        return sqsError("SignatureDoesNotMatch", { status: 403, headers: { date } });
      }),
    ],
    ["the answer comes from a cache", skewed(10 * MINUTE, "RequestExpired", { age: "3" })],
    ["there is no date", fakeAws(() => sqsError("RequestExpired", { status: 403 }))],
    ["the date makes no sense", skewed(10 * MINUTE, "RequestExpired", { date: "soon" })],
  ];
  for (const [what, aws] of permanent) {
    it(`not, if ${what}`, async () => {
      const error = await failure(send(aws));
      assertEquals([error.code, aws.calls.length], ["ACCESS_DENIED", 1]);
    });
  }

  it("not a second time in one call", async () => {
    let ahead = 0;
    const aws: FakeAws = fakeAws(() => {
      const date = new Date(aws.clock.now() + (ahead += 60 * MINUTE)).toUTCString();
      return sqsError("RequestExpired", { status: 403, headers: { date } });
    });
    assertEquals((await failure(send(aws))).code, "ACCESS_DENIED");
    assertEquals(aws.calls.length, 2);
  });

  it("not from an answer that took more than a quarter of an hour", async () => {
    const aws: FakeAws = fakeAws(async () => {
      await aws.clock.advance(16 * MINUTE);
      const date = new Date(aws.clock.now() + 60 * MINUTE).toUTCString();
      return sqsError("RequestExpired", { status: 403, headers: { date } });
    });
    const error = await failure(send(aws, { requestTimeoutMs: 60 * MINUTE }));
    assertEquals([error.code, aws.calls.length], ["ACCESS_DENIED", 1]);
  });

  it("beside expired credentials, each once", async () => {
    let count = 0;
    const credentials = () =>
      Promise.resolve({ accessKeyId: `AKID${++count}`, secretAccessKey: SECRET });
    const aws: FakeAws = fakeAws((call, turn) => {
      if (turn === 1) return sqsError("ExpiredToken", { status: 403 });
      if (turn > 2) return allStored(call);
      const date = new Date(aws.clock.now() + 60 * MINUTE).toUTCString();
      return sqsError("RequestExpired", { status: 403, headers: { date } });
    });
    const [result] = await send(aws, { credentials });
    assertEquals([result?.ok, aws.calls.length], [true, 3]);
  });

  for (const aheadMs of [10 * MINUTE, -10 * MINUTE]) {
    it(`that is ${aheadMs / MINUTE} minutes off, also for what is to be tried at a date`, async () => {
      const aws: FakeAws = fakeAws((_call, turn) => {
        const theirs = aws.clock.now() + aheadMs;
        const headers = { date: new Date(theirs).toUTCString() };
        if (turn === 1) return sqsError("RequestTimeTooSkewed", { status: 403, headers });
        const later = { ...headers, "retry-after": new Date(theirs + 9_000).toUTCString() };
        return sqsError("RequestThrottled", { status: 403, headers: later });
      });
      const error = await failure(send(aws));
      assertEquals([error.code, error.retryAfterMs], ["THROTTLED", 9_000]);
    });
  }

  const off: [what: string, aheadMs: number, tookMs: number, calls: number][] = [
    ["four minutes ahead", 4 * MINUTE, 0, 2],
    ["four minutes behind", -4 * MINUTE, 0, 2],
    ["a second less than four minutes ahead", 4 * MINUTE - 1_000, 0, 1],
    ["an hour ahead, by an answer that took almost four minutes", 60 * MINUTE, 4 * MINUTE - 1, 2],
    ["an hour ahead, by an answer that took four minutes", 60 * MINUTE, 4 * MINUTE, 1],
  ];
  for (const [what, aheadMs, tookMs, calls] of off) {
    it(`${calls > 1 ? "that is" : "not one that is"} ${what}`, async () => {
      const aws: FakeAws = fakeAws(async (call, turn) => {
        if (turn > 1) return allStored(call);
        await aws.clock.advance(tookMs);
        const theirs = Math.floor((aws.clock.now() + aheadMs) / 1_000) * 1_000;
        const headers = { date: new Date(theirs).toUTCString() };
        return sqsError("RequestExpired", { status: 403, headers });
      });
      await send(aws, { requestTimeoutMs: 60 * MINUTE }).catch(() => {});
      assertEquals(aws.calls.length, calls);
    });
  }

  it("not again, if the service agrees with the correction and refuses all the same", async () => {
    for (const aheadMs of [10 * MINUTE, -10 * MINUTE]) {
      const aws: FakeAws = fakeAws((call, turn) => {
        if (turn === 2) return allStored(call);
        const headers = { date: new Date(aws.clock.now() + aheadMs).toUTCString() };
        return sqsError("SignatureDoesNotMatch", { status: 403, headers });
      });
      const backend = new AwsBackend(aws.options);
      await backend.send({ queue: QUEUE }, [message()]);
      const error = await failure(backend.send({ queue: QUEUE }, [message()]));
      assertEquals([error.code, aws.calls.length], ["ACCESS_DENIED", 3]);
    }
  });
});

describe("AwsBackend signs anew what was signed too long ago", () => {
  const HOUR = 3_600_000;
  /** A machine that sleeps when its first request goes out; the service says what AWS says then. */
  function sleeper(code: string, options: { sleepMs?: number; dated?: boolean } = {}) {
    const { sleepMs = HOUR, dated = true } = options;
    let slept = 0;
    const aws: FakeAws = fakeAws((call, turn) => {
      if (turn > 1) return allStored(call);
      slept = sleepMs;
      const headers = dated ? { date: new Date(now()).toUTCString() } : {};
      return sqsError(code, { status: 403, headers });
    });
    const now = () => aws.clock.now() + slept;
    return { aws, clock: clockOf(aws, now), now };
  }
  /** Only the time of day is another: sleeping fires no timer. */
  const clockOf = ({ clock }: FakeAws, now: () => number): Clock =>
    new Proxy<Clock>(clock, {
      get(target, name: keyof Clock) {
        const value = target[name];
        return name === "now" ? now : typeof value === "function" ? value.bind(target) : value;
      },
    });
  const stampOf = (aws: FakeAws, call: number) => aws.calls[call]!.headers.get("x-amz-date");

  for (
    const code of [
      "RequestExpired",
      "InvalidSignatureException",
      "RequestTimeTooSkewed",
      "SignatureDoesNotMatch",
    ]
  ) {
    it(`as the machine slept: ${code}`, async () => {
      const { aws, clock } = sleeper(code);
      const [result] = await send(aws, { clock });
      assert(result?.ok);
      assertEquals(aws.calls.length, 2);
      assertEquals([stampOf(aws, 0), stampOf(aws, 1)], ["20260101T000000Z", "20260101T010000Z"]);
      assertEquals(aws.calls[0]!.body, aws.calls[1]!.body);
    });
  }

  it("also if the answer has no date, or the clock was set back", async () => {
    for (const how of [{ dated: false }, { sleepMs: -HOUR }]) {
      const { aws, clock } = sleeper("RequestExpired", how);
      const [result] = await send(aws, { clock });
      assertEquals([result?.ok, aws.calls.length], [true, 2]);
    }
  });

  it("with new credentials, if they ended meanwhile", async () => {
    const { aws, clock, now } = sleeper("RequestExpired");
    let asked = 0;
    const credentials = () =>
      Promise.resolve({
        accessKeyId: `AKID${++asked}`,
        secretAccessKey: SECRET,
        expiration: new Date(now() + HOUR / 2),
      });
    const [result] = await send(aws, { clock, credentials });
    assertEquals([result?.ok, aws.calls.length, asked], [true, 2, 2]);
    assert(aws.calls[1]!.headers.get("authorization")!.includes("AKID2"));
  });

  it("and replaces a token that expired while it slept, beside that", async () => {
    let slept = 0;
    const aws: FakeAws = fakeAws((call, turn) => {
      if (turn > 2) return allStored(call);
      slept = HOUR;
      const headers = { date: new Date(aws.clock.now() + slept).toUTCString() };
      return sqsError(turn === 1 ? "RequestExpired" : "ExpiredToken", { status: 403, headers });
    });
    const clock = clockOf(aws, () => aws.clock.now() + slept);
    let asked = 0;
    const credentials = () =>
      Promise.resolve({ accessKeyId: `AKID${++asked}`, secretAccessKey: SECRET });
    const [result] = await send(aws, { clock, credentials });
    assertEquals([result?.ok, aws.calls.length, asked], [true, 3, 2]);
  });

  it("once, and not what was refused for another reason", async () => {
    const always = fakeAws(() => sqsError("RequestExpired", { status: 403 }));
    let reads = 0;
    const clock = clockOf(always, () => always.clock.now() + HOUR * reads++);
    assertEquals((await failure(send(always, { clock }))).code, "ACCESS_DENIED");
    assertEquals(always.calls.length, 2);
    const { aws, clock: own } = sleeper("AccessDenied");
    assertEquals((await failure(send(aws, { clock: own }))).code, "ACCESS_DENIED");
    assertEquals(aws.calls.length, 1);
  });

  it("and corrects the clock of all services by what STS says", async () => {
    const aws: FakeAws = fakeAws(({ headers, action }) => {
      const date = new Date(aws.clock.now() + HOUR).toUTCString();
      if (headers.get("x-amz-date") !== "20260101T010000Z") {
        return new Response(
          "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code></Error></ErrorResponse>",
          { status: 403, headers: { date } },
        );
      }
      return xml(action, action === "GetCallerIdentity" ? "<Account>123456789012</Account>" : "");
    });
    const { accountId: _, ...options } = aws.options;
    await new AwsBackend(options).send({ topic: "t" }, [message()]).catch(() => {});
    assertEquals(aws.actions(), ["GetCallerIdentity", "GetCallerIdentity", "PublishBatch"]);
  });
});

describe("AwsBackend keeps secrets", () => {
  it("out of what is printed of it", () => {
    const backend = new AwsBackend(fakeAws(() => json({})).options);
    assert(!JSON.stringify(backend).includes(SECRET));
    assert(!Object.values(backend).join().includes(SECRET));
  });

  it("out of errors about credentials that no header can carry", async () => {
    const aws = fakeAws(allStored);
    const credentials = { accessKeyId: "AKID", secretAccessKey: "x", sessionToken: `${TOKEN}\n` };
    const error = await failure(send(aws, { credentials }));
    assertEquals([error.code, aws.calls.length], ["CONFIGURATION", 0]);
    assert(!printed(error).includes(TOKEN));
  });

  it("out of errors about providers that fail", async () => {
    const aws = fakeAws(allStored);
    const credentials = () => Promise.reject(new SyntaxError(`Unexpected token in ${SECRET}`));
    const error = await failure(send(aws, { credentials }));
    assertInstanceOf(error, MelangeError);
    assertEquals([error.code, error.retryable], ["CONFIGURATION", true]);
    assert(!printed(error).includes(SECRET));
  });
});
