import { abortable, type Clock, systemClock } from "../../src/clock.ts";
import { MelangeError } from "../../src/errors.ts";
import {
  cacheCredentials,
  type Credentials,
  credentialsChain,
  type CredentialsProvider,
  environmentCredentials,
} from "./credentials.ts";
import { endpointFrom, type EndpointOptions, regionFrom, type Service } from "./endpoints.ts";
import { type Environment, processEnvironment } from "./environment.ts";
import { type Failure, remedyOf, serviceError, unknownOutcome } from "./errors.ts";
import { createLifetime, type Lifetime } from "./lifetime.ts";
import { createSigner } from "./signing.ts";

/** Options of everything that talks to AWS. */
export interface AwsClientOptions extends EndpointOptions {
  /** What requests are signed with, or where that comes from. Default: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`. */
  credentials?: Credentials | CredentialsProvider;
  /** How long a request may take, in milliseconds; a receive may take its wait longer. Default: 10 000. */
  requestTimeoutMs?: number;
  /** Sends requests. Default: `globalThis.fetch`. */
  fetch?: typeof fetch;
  /** Where time comes from. Default: the machine's clock. */
  clock?: Clock;
  /** Where defaults come from; on an edge worker `(name) => env[name]`. Default: the environment variables of the process. */
  environment?: Environment;
}

/** One call of one service. */
export interface AwsRequest<T> {
  readonly service: Service;
  /** The action, as AWS names it. */
  readonly action: string;
  /** What it acts on, for error messages. */
  readonly subject?: string | undefined;
  /** Default: the client's. */
  readonly region?: string | undefined;
  readonly headers: Record<string, string>;
  readonly body: string;
  /** How much longer than other requests it may take, in milliseconds. */
  readonly waitMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Reads the answer; throws if it makes no sense. */
  parse(text: string): T;
}

/** Signs and sends, and tells what came of it. */
export interface AwsClient {
  readonly clock: Clock;
  readonly environment: Environment;
  /** Runs what consists of several calls until its signal aborts or the client is closed. */
  readonly during: Lifetime["during"];
  /** Ends what is under way. */
  readonly close: Lifetime["close"];
  /** The region where nothing says otherwise; throws `CONFIGURATION` if there is none. */
  region(): string;
  /** Makes one call. Nothing is tried again, but expired credentials and a wrong clock are mended once. */
  call<T>(request: AwsRequest<T>): Promise<T>;
}

/** Creates a client. Nothing is read, checked or sent before the first call. */
export function createClient(options: AwsClientOptions): AwsClient {
  const { clock = systemClock, environment = processEnvironment, requestTimeoutMs = 10_000 } =
    options;
  const lifetime = createLifetime(clock);
  const region = () => regionFrom(options, environment);
  const send = createSend({ ...options, clock, environment });
  return {
    clock,
    environment,
    region,
    during: lifetime.during,
    close: lifetime.close,
    call: (request) =>
      lifetime.during({
        signal: request.signal,
        timeoutMs: requestTimeoutMs + (request.waitMs ?? 0),
        timeoutError: () => unknownOutcome(request.action, "no answer came in time"),
      }, (signal) => send(request, request.region ?? region(), signal)),
  };
}

type Defaults = { clock: Clock; environment: Environment };

function createSend(options: AwsClientOptions & Defaults) {
  const { clock } = options;
  const credentials = cacheCredentials(providerOf(options), { clock });
  const sign = createSigner();
  let clockOffsetMs = 0;

  return async <T>(request: AwsRequest<T>, region: string, signal: AbortSignal): Promise<T> => {
    const url = endpointFrom(request.service, region, options);
    const mended = new Set<string>();
    for (;;) {
      const used = await abortable(credentials.get(), signal);
      const offsetMs = clockOffsetMs;
      const startedAt = clock.now();
      const unsigned = { ...request, url, region, now: startedAt + offsetMs };
      const headers = await sign(unsigned, used);
      const answer = await exchange(request, { url, headers, signal, fetch: options.fetch });
      if (answer.ok) return parsed(request, answer.text);

      const failure = failureOf(answer, clock.now() + offsetMs);
      const error = serviceError(nameOf(request), failure);
      const remedy = remedyOf(failure);
      if (!remedy || mended.has(remedy)) throw error;
      mended.add(remedy);
      if (remedy === "credentials") credentials.drop(used);
      else clockOffsetMs = correctedOffsetMs(answer, { startedAt, offsetMs, now: clock.now() });
      if (remedy === "clock" && clockOffsetMs === offsetMs) throw error;
    }
  };
}

function providerOf(options: AwsClientOptions & Defaults): CredentialsProvider {
  const { credentials, environment } = options;
  if (typeof credentials === "function") return credentials;
  if (credentials) return () => Promise.resolve(credentials);
  return credentialsChain([environmentCredentials(environment)]);
}

function nameOf({ action, subject }: AwsRequest<unknown>): string {
  return subject === undefined ? action : `${action} on "${subject}"`;
}

interface Answer {
  readonly ok: boolean;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

interface Exchange {
  readonly url: string;
  readonly headers: Headers;
  readonly signal: AbortSignal;
  readonly fetch: typeof fetch | undefined;
}

/** Sends a signed request, and reads the whole answer. */
async function exchange(request: AwsRequest<unknown>, options: Exchange): Promise<Answer> {
  const { url, headers, signal, fetch = globalThis.fetch } = options;
  const { body } = request;
  let response: Response;
  try {
    // A redirect is never followed: it would take the session token to another host.
    response = await fetch(url, { method: "POST", headers, body, signal, redirect: "manual" });
    const { ok, status } = response;
    const redirects = response.type === "opaqueredirect" || (status >= 300 && status < 400);
    if (!redirects) return { ok, status, headers: response.headers, text: await textOf(response) };
  } catch (cause) {
    signal.throwIfAborted();
    throw unknownOutcome(nameOf(request), "the connection failed", { retryable: true, cause });
  }
  response.body?.cancel().catch(() => {});
  throw new MelangeError(
    "CONFIGURATION",
    `Cannot ${nameOf(request)} as the endpoint answered with a redirect: check endpoint and region`,
  );
}

/** Ten messages of 1 MiB, in which an escape makes six bytes of one. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

async function textOf(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  if (!reader) return "";
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    size += value.length;
    if (size > MAX_ANSWER_BYTES) {
      reader.cancel().catch(() => {});
      throw new RangeError(
        `Cannot read an answer as it may have ${MAX_ANSWER_BYTES} bytes: current value is ${size} or more`,
      );
    }
    text += decoder.decode(value, { stream: true });
  }
}

function parsed<T>(request: AwsRequest<T>, text: string): T {
  try {
    return request.parse(text);
  } catch {
    // Not kept as the cause: parsers quote what they read.
    throw unknownOutcome(nameOf(request), "the answer made no sense");
  }
}

/** Reads the errors of both protocols. By pattern, so that a truncated one still has its code. */
function failureOf({ status, headers, text }: Answer, now: number): Failure {
  const [, json, xml] = /"__type"\s*:\s*"([^"]*)"|<Code>([^<]*)<\/Code>/.exec(text) ?? [];
  const query = headers.get("x-amzn-query-error")?.split(";")[0];
  const codes = [query, json, xml].filter((code) => code !== undefined);
  return { status, codes, text, retryAfterMs: retryAfterMsOf(headers, now) };
}

function retryAfterMsOf(headers: Headers, now: number): number | undefined {
  const value = headers.get("retry-after") ?? "";
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

/** From here on the difference of two clocks is what a request failed for: the SDKs' threshold. */
const SKEW_MS = 4 * 60_000;
/** A `Date` in an answer that took longer says nothing about now. */
const MAX_CALL_MS = 15 * 60_000;

function correctedOffsetMs(
  { headers }: Answer,
  call: { startedAt: number; offsetMs: number; now: number },
): number {
  const { startedAt, offsetMs, now } = call;
  const offset = Date.parse(headers.get("date") ?? "") - now;
  const trusted = !headers.has("age") && now - startedAt <= MAX_CALL_MS;
  // Not so for NaN either.
  return trusted && Math.abs(offset - offsetMs) >= SKEW_MS ? offset : offsetMs;
}
