import { abortable, type Clock, systemClock } from "../../../src/support/clock.ts";
import { countedText } from "./counted_text.ts";
import {
  cacheCredentials,
  type Credentials,
  type CredentialsProvider,
  environmentCredentials,
} from "../credentials/credentials.ts";
import {
  type EndpointOptions,
  type EndpointSettings,
  type Locate,
  type Located,
  type Place,
  place,
  type Service,
} from "./endpoints.ts";
import { type Environment, processEnvironment } from "./environment.ts";
import { type ErrorClass, type Failure, remedyOf, serviceError, unknownOutcome } from "./errors.ts";
import type { MelangeError } from "../../../src/support/errors.ts";
import { shortName } from "./names.ts";
import { createSigner, type Sign } from "./signing.ts";

/** Options of everything that talks to AWS. */
export interface AwsClientOptions extends EndpointOptions {
  /**
   * Credentials that sign requests, or their provider. Default: `AWS_ACCESS_KEY_ID`,
   * `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`.
   */
  credentials?: Credentials | CredentialsProvider;
  /**
   * Longest time of a request, in milliseconds; a receive may take its wait longer. Default:
   * 10 000.
   */
  requestTimeoutMs?: number;
  /** Sends requests. Default: `globalThis.fetch`. */
  fetch?: typeof fetch;
  /** The clock of requests and waits. Default: the machine's clock. */
  clock?: Clock;
  /**
   * Source of defaults; on an edge worker `(name) => env[name]`. Default: the environment variables
   * of the process.
   */
  environment?: Environment;
}

/** Settings that any call takes. */
export interface CallSettings {
  readonly signal?: AbortSignal | undefined;
  /** Region of the call. Default: the region in the address, else the client's. */
  readonly region?: string | undefined;
  /** Time that this call may take longer than other calls, in milliseconds. */
  readonly waitMs?: number | undefined;
  /**
   * Controller whose abort ends the call, and which is aborted when the call fails. Default: a new
   * controller.
   */
  readonly ending?: AbortController;
  /** Errors of this action, beside the errors of every action. */
  readonly errors?: readonly ErrorClass[];
}

/** One call of one service. */
export interface AwsRequest<T> extends CallSettings {
  readonly service: Service;
  /** The action, as AWS names it. */
  readonly action: string;
  /** The name, ARN or URL of the object of the call, if the call has an object. */
  readonly address?: string | undefined;
  readonly headers: Record<string, string>;
  readonly body: string;
  /** The method, for a signer and a `fetch` that know of others. Default: `POST`. */
  readonly method?: "PUT" | "GET";
  /** Reads the answer; throws if it makes no sense. */
  read(text: string): T;
}

/** Signs and sends requests, and returns their results. */
export interface AwsClient {
  readonly clock: Clock;
  readonly environment: Environment;
  /**
   * Returns the target of a request. Throws `CONFIGURATION`, or rejects with it, if no target can
   * be told.
   */
  place(request: Located): Place | Promise<Place>;
  /** Makes one call. Nothing is tried again, but expired credentials and a wrong clock are mended once. */
  call<T>(request: AwsRequest<T>): Promise<T>;
}

/**
 * Parts that differ between the backend and the sender of an edge worker, which must stay small.
 */
export interface AwsClientParts {
  /** Finds where requests go. Default: by options and environment. */
  locate?: Locate;
  /** Reads an answer. Default: `countedText`. */
  read?(answer: Response): Promise<string>;
  /** Signs requests. Default: with aws4fetch. */
  sign?: Sign;
  /** Makes the error of a refused request, whose answer had this text. Default: without the text. */
  fail?(what: string, failure: Refused, text: string): MelangeError;
}

/** A refused request, with the names that the service has for the reason. */
export type Refused = Failure & { readonly service: Service };

/** Creates a client. Nothing is read, checked or sent before the first call. */
export function createClient(options: AwsClientOptions & AwsClientParts): AwsClient {
  const { clock = systemClock, environment = processEnvironment, locate = place } = options;
  const { requestTimeoutMs = 10_000 } = options;
  const settings = { ...options, clock, environment };
  const send = createSend({ ...settings, locate });
  return {
    clock,
    environment,
    place: (request) => locate(request, settings),
    async call(request) {
      // One per call, none that is shared: edge workers allow none outside of a request.
      const { action, address, signal, waitMs = 0, ending = new AbortController() } = request;
      signal?.throwIfAborted();
      const name = address ? `${action} on "${shortName(address)}"` : action;
      const late = () => ending.abort(unknownOutcome(action, "no answer came in time"));
      const cancel = clock.after(requestTimeoutMs + waitMs, late);
      try {
        return await abortable(
          abortable(send({ ...request, name }, ending.signal), ending.signal),
          signal,
        );
      } catch (error) {
        // Not after a success: an abort is an error with a stack, which costs as much as a message.
        ending.abort();
        throw error;
      } finally {
        cancel();
      }
    },
  };
}

/** A request, with its name in errors. */
type Sendable<T> = AwsRequest<T> & { name: string };

/** Settings of {@linkcode createSend}. */
type SendSettings = AwsClientOptions & AwsClientParts & EndpointSettings & {
  clock: Clock;
  locate: Locate;
};

function createSend(settings: SendSettings) {
  const {
    clock,
    environment,
    locate,
    read = countedText,
    sign = createSigner(),
    fail = serviceError,
  } = settings;
  const source = settings.credentials ?? environmentCredentials(environment);
  const credentials = cacheCredentials(source, settings);
  let clockOffsetMs = 0;

  return async function send<T>(request: Sendable<T>, signal: AbortSignal): Promise<T> {
    const { name, body } = request;
    for (const tried: unknown[] = [];;) {
      const { url, region } = await locate(request, settings);
      const used = await credentials.get();
      signal.throwIfAborted();
      // All times are times of the service, as far as we know them.
      const offsetMs = clockOffsetMs;
      const now = clock.now() + offsetMs;
      const headers = await sign({ ...request, url, region, now }, used);
      // A redirect is never followed: it would take the session token to another host.
      const init = { method: "POST", headers, body, signal, redirect: "manual" } as const;
      let answer, text;
      try {
        answer = await (settings.fetch ?? fetch)(url, init);
        text = await read(answer);
      } catch (cause) {
        signal.throwIfAborted();
        throw unknownOutcome(name, `the connection to ${url} failed`, { retryable: true, cause });
      }
      if (answer.ok) return parsed(request, text);

      const { headers: said } = answer;
      const answeredAt = clock.now() + offsetMs;
      const failure = {
        ...request,
        said: [`${answer.status}`, ...codesIn(said, text)],
        retryAfterMs: retryAfterMsOf(said, answeredAt),
      };
      const remedy = remedyOf(failure);
      const skewMs = skewIn(said, answeredAt);
      // The machine slept in between: the clocks agree, and it was the signature that was old. The
      // time in an answer that took long says nothing about now if they do not agree.
      const isOld = Math.abs(answeredAt - now) >= SKEW_MS;
      if (!remedy || tried.includes(remedy) || (remedy === "clock" && !skewMs === !isOld)) {
        throw fail(name, failure, text);
      }
      if (remedy === "credentials") credentials.drop(used);
      else if (skewMs) clockOffsetMs = offsetMs + skewMs;
      tried.push(remedy);
    }
  };
}

/**
 * Difference of two clocks from which the difference counts as the cause of a failure: the SDKs'
 * threshold.
 */
const SKEW_MS = 240_000;

/** Reads by how much the clock of the service is ahead of ours; 0 for a difference that harms nothing. */
function skewIn(headers: Headers, now: number): number {
  const skewMs = Date.parse(`${headers.get("date")}`) - now;
  // Not so for NaN either. A cached answer has an old date.
  return Math.abs(skewMs) >= SKEW_MS && !headers.has("age") ? skewMs : 0;
}

function parsed<T>({ name, read }: Sendable<T>, text: string): T {
  try {
    return read(text);
  } catch {
    // Not kept as the cause: parsers quote what they read.
    throw unknownOutcome(name, "the answer made no sense");
  }
}

/**
 * The codes of both protocols, found by pattern. So a truncated answer still shows its code, and a
 * quoted message does not count.
 */
const CODES = /^[\w.]+(?=;)|(?<=^[^{]{0,999}<Code>|"__type"\s*:\s*")[\w.#]{1,99}/g;

function codesIn(headers: Headers, text: string): string[] {
  return `${headers.get("x-amzn-query-error") ?? ""};${text}`.match(CODES) ?? [];
}

function retryAfterMsOf(headers: Headers, now: number): number | undefined {
  const value = headers.get("retry-after") ?? "";
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now;
  return ms > -Infinity ? Math.max(ms, 0) : undefined;
}
