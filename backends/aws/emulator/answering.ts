/** Answers requests: reads a request, lets the host do the work, and writes the result. */
import type { Clock } from "../../../src/support/clock.ts";
import { identify, type IdentityOptions } from "./accounts.ts";
import { RequestError } from "./errors.ts";
import type { FaultSource } from "./faults.ts";
import type { Host } from "./host.ts";
import { answer, type AnswerStyle, refusal } from "./http/answer.ts";
import { readAuthorization } from "./http/authorization.ts";
import { addressOf, type EmulatorAnswer, type Incoming } from "./http/incoming.ts";
import { type Asked, protocolOf, readRequest } from "./http/request.ts";
import { verify } from "./http/verify.ts";
import type { Operation, Output, Rules } from "./operation.ts";
import { type EmulatorRequest, loggedRequest } from "./requests.ts";
import type { Signer } from "./signer.ts";

/** Options of {@linkcode createAnswering}. */
export interface AnsweringOptions {
  /** The world. */
  readonly host: Host;
  /** The time. */
  readonly clock: Clock;
  /** Makes the id of a request. */
  readonly newId: () => string;
  /** Has the certificate. */
  readonly signer: Signer;
  /** The source of faults. */
  readonly faults: FaultSource;
  /** The keys, and the defaults for requests without a key. */
  readonly identity: IdentityOptions;
  /** The rules of the emulator. */
  readonly rules: Rules;
  /** The log of requests. */
  readonly requests: EmulatorRequest[];
  /** Highest number of requests in the log. */
  readonly maxRequests: number;
}

const CERTIFICATE = /^\/SimpleNotificationService-[0-9a-f]{1,64}\.pem$/;

const decoder = new TextDecoder();

/** One request on its way. */
interface Job {
  readonly request: Incoming;
  readonly body: string;
  readonly requestId: string;
  asked?: Asked;
  output?: Output;
}

/** Answers requests. */
export interface Answering {
  /** Answers a request of the Web. */
  fetch(input: string | URL | Request, init?: RequestInit | object): Promise<Response>;
  /** Answers a request whose body was read. */
  answer(request: Incoming, body: string): Promise<EmulatorAnswer>;
}

/** Creates the functions that answer requests. */
export function createAnswering(options: AnsweringOptions): Answering {
  const { signer, newId, faults, requests, maxRequests, host } = options;

  async function answer(request: Incoming, body: string): Promise<EmulatorAnswer> {
    if (request.method === "GET" && CERTIFICATE.test(addressOf(request.url).pathname)) {
      const headers = { "content-type": "application/x-pem-file" };
      return { status: 200, headers, body: await signer.certificate() };
    }
    const job: Job = { request, body, requestId: newId() };
    const response = await respond(job, options);
    const lost = faults.losesAnswer();
    if (maxRequests > 0) {
      const { output } = job;
      const status = lost ? 0 : response.status;
      requests.push(loggedRequest(job.asked, { body, output, status }));
      if (requests.length > maxRequests) requests.splice(0, requests.length - maxRequests);
    }
    await host.written();
    if (lost) throw new TypeError("The answer was lost: a fault of the emulator");
    return response;
  }

  return {
    answer,
    async fetch(input, init) {
      const request = requestOf(input, init);
      const text = decoder.decode(await request.arrayBuffer());
      const { status, headers, body } = await answer(request, text);
      return new Response(body, { status, headers });
    },
  };
}

/** Returns the bare request. A server may pass on more, such as facts about the connection. */
function requestOf(input: string | URL | Request, init: object | undefined): Request {
  const isWhole = !init || !["method", "headers", "body", "signal"].some((name) => name in init);
  return input instanceof Request && isWhole ? input : new Request(input, init);
}

async function respond(job: Job, options: AnsweringOptions): Promise<EmulatorAnswer> {
  const { request, requestId } = job;
  const protocol = protocolOf(request.headers);
  const style = (): AnswerStyle => ({
    protocol,
    service: job.asked?.service ?? "sqs",
    action: job.asked?.action ?? "",
    requestId,
  });
  try {
    job.output = await done(job, options);
    return answer(job.output, style());
  } catch (error) {
    if (!(error instanceof RequestError)) request.signal.throwIfAborted();
    return refusal(error, style());
  }
}

async function done(job: Job, options: AnsweringOptions): Promise<Output> {
  const { host, faults, clock } = options;
  const { request } = job;
  const operation = await operationOf(job, options);
  const { service, action, input } = operation;
  faults.throttle(service);
  if (action !== "ReceiveMessage" || service !== "sqs") {
    return host.run({ ...operation, ...faults.marks(action, input), at: clock.now() });
  }
  if (!Number(input.WaitTimeSeconds ?? 1) && faults.findsNothing()) return {};
  return await host.receive(operation, request.signal);
}

async function operationOf(job: Job, options: AnsweringOptions): Promise<Operation> {
  const { request, body, requestId } = job;
  const authorization = readAuthorization(request);
  const asked = job.asked = readRequest(request, body, authorization?.service);
  const identity = identify(authorization, asked.action, options.identity);
  const now = options.clock.now();
  if (authorization && identity.secretAccessKey !== undefined) {
    const { secretAccessKey } = identity;
    await verify(request, authorization, { secretAccessKey, body, now });
  }
  const traceHeader = request.headers.get("x-amzn-trace-id");
  return {
    at: now,
    service: asked.service,
    action: asked.action,
    input: asked.input,
    account: identity.account,
    region: identity.region,
    origin: addressOf(request.url).origin,
    id: requestId,
    ...(traceHeader === null ? {} : { traceHeader }),
    rules: options.rules,
  };
}
