/** A stand-in for `fetch` that answers as AWS would, and remembers what it was asked. */
import type { AwsBackendOptions } from "../../../backends/aws/mod.ts";
import { VirtualClock } from "../../../backends/memory/testing.ts";
import { within } from "../../wait.ts";

/** A request that was sent. */
export interface Call {
  readonly url: string;
  /** As AWS names it. */
  readonly action: string;
  readonly headers: Headers;
  readonly body: string;
  /** The body of SQS as JSON; the fields of SNS by name. */
  // deno-lint-ignore no-explicit-any
  readonly input: any;
  readonly init: RequestInit;
}

/** Answers a request. */
export type Respond = (call: Call, count: number) => Response | Promise<Response>;

/** What a test works with. */
export interface FakeAws {
  readonly calls: Call[];
  readonly clock: VirtualClock;
  /** Options for a backend whose requests come here. */
  readonly options: AwsBackendOptions;
  /** The actions that were called, in order. */
  actions(): string[];
  /** Resolves when the next request is sent. Signing takes a while that no clock counts. */
  sent(): Promise<void>;
}

export const SECRET = "SECRET-ACCESS-KEY-DO-NOT-SHOW";
export const TOKEN = "SESSION-TOKEN-DO-NOT-SHOW";

/** Creates a service of which nothing is real, not even its time. */
export function fakeAws(respond: Respond): FakeAws {
  const calls: Call[] = [];
  const clock = new VirtualClock();
  let announce = () => {};
  const fakeFetch = async (input: string | URL | Request, init: RequestInit = {}) => {
    const headers = new Headers(init.headers);
    const body = String(init.body);
    const target = headers.get("x-amz-target");
    const fields = Object.fromEntries(new URLSearchParams(body));
    const call = {
      url: String(input),
      action: target?.split(".")[1] ?? fields.Action ?? "",
      headers,
      body,
      input: target ? JSON.parse(body) : fields,
      init,
    };
    calls.push(call);
    announce();
    return await respond(call, calls.length);
  };
  return {
    calls,
    clock,
    actions: () => calls.map(({ action }) => action),
    sent: () => within(new Promise((resolve) => announce = resolve), { what: "a request" }),
    options: {
      region: "eu-west-1",
      accountId: "123456789012",
      credentials: { accessKeyId: "AKID", secretAccessKey: SECRET, sessionToken: TOKEN },
      environment: () => undefined,
      fetch: fakeFetch as typeof fetch,
      random: () => 0,
      clock,
    },
  };
}

/** An answer of SQS. */
export function json(value: unknown, init?: ResponseInit): Response {
  return new Response(JSON.stringify(value), init);
}

/** An error of SQS, with both of its names. */
export function sqsError(
  code: string,
  options: { status?: number; query?: string; message?: string; headers?: HeadersInit } = {},
): Response {
  const { status = 400, query = code, message = "…" } = options;
  const headers = new Headers(options.headers);
  headers.set("x-amzn-query-error", `${query};Sender`);
  return json({ __type: `com.amazonaws.sqs#${code}`, message }, { status, headers });
}

/** An answer of SNS or STS. */
export function xml(action: string, result = ""): Response {
  const namespace = "http://sns.amazonaws.com/doc/2010-03-31/";
  return new Response(
    `<?xml version="1.0"?><${action}Response xmlns="${namespace}"><${action}Result>${result}</${action}Result>` +
      `<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></${action}Response>`,
  );
}

/** An error of SNS or STS. */
export function snsError(code: string, status = 400): Response {
  return new Response(
    `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>…</Message></Error></ErrorResponse>`,
    { status },
  );
}

/** Successes for every entry of a batch. */
export function allStored({ input }: Call): Response {
  const Successful = input.Entries.map(({ Id }: { Id: string }) => ({ Id, MessageId: `m-${Id}` }));
  return json({ Successful });
}

/** A message without attributes. */
export function message(body = "{}"): { body: string; attributes: Record<string, never> } {
  return { body, attributes: {} };
}

/** The URL of the queue that tests send to: given in full, so that nothing is asked first. */
export const QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/orders";
