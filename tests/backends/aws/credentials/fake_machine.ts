/** A machine of which nothing is real: its variables, its files, its network, its time. */
import type { SearchContext } from "../../../../backends/aws/credentials/source.ts";
import { VirtualClock } from "../../../../backends/memory/testing.ts";
import { MelangeError } from "../../../../src/support/errors.ts";

/** A request that was sent. */
export interface Request {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly body: string;
  readonly redirect: string | undefined;
}

/** Answers a request; the first has the number 1. */
export type Respond = (request: Request, number: number) => Response | Promise<Response>;

/** What a test works with, and may change at any time. */
export interface Machine {
  readonly clock: VirtualClock;
  readonly variables: Record<string, string>;
  readonly files: Record<string, string>;
  readonly requests: Request[];
  /** The paths that were read. */
  readonly reads: string[];
  respond: Respond;
  readonly context: SearchContext;
  /** Lets a promise settle that waits for the clock. */
  settle<T>(promise: Promise<T>): Promise<T>;
  /** The error with which it settles; throws if it does not, or if a secret is in it. */
  failure(promise: Promise<unknown>): Promise<MelangeError>;
}

/** What must be in no error. */
export const SECRET = "SECRET-KEY-DO-NOT-SHOW";
export const TOKEN = "TOKEN-DO-NOT-SHOW";

/** Creates a machine. Without `respond`, nobody answers a request. */
export function fakeMachine(
  options: {
    variables?: Record<string, string>;
    files?: Record<string, string>;
    respond?: Respond;
  } = {},
): Machine {
  const { variables = {}, files = {}, respond = unreachable } = options;
  const clock = new VirtualClock();
  const requests: Request[] = [];
  const reads: string[] = [];
  const machine: Machine = {
    clock,
    variables,
    files,
    requests,
    reads,
    respond,
    context: {
      environment: (name) => variables[name],
      readTextFile(path) {
        reads.push(path);
        const text = files[path];
        return text === undefined
          ? Promise.reject(Object.assign(new Error(`no such file: ${path}`), { code: "ENOENT" }))
          : Promise.resolve(text);
      },
      fetch: (async (input: string, init: RequestInit = {}) => {
        const { method = "GET", redirect } = init;
        const headers = new Headers(init.headers);
        const request = { url: input, method, headers, body: String(init.body ?? ""), redirect };
        requests.push(request);
        return await machine.respond(request, requests.length);
      }) as typeof fetch,
      clock,
      random: () => 0.5,
      endpoints: { region: "eu-west-1" },
    },
    settle: (promise) => settle(clock, promise),
    failure: (promise) => failure(settle(clock, promise)),
  };
  return machine;
}

async function settle<T>(clock: VirtualClock, promise: Promise<T>): Promise<T> {
  let settled = false;
  promise.then(() => settled = true, () => settled = true);
  for (let turn = 0; turn < 200 && !settled; turn++) await clock.advance(turn < 3 ? 0 : 250);
  if (!settled) throw new Error("still waiting after 50 seconds");
  return await promise;
}

async function failure(promise: Promise<unknown>): Promise<MelangeError> {
  const error = await promise.then(() => undefined, (reason) => reason);
  if (!(error instanceof MelangeError)) throw new Error(`no MelangeError: ${error}`);
  const printed = `${error.message}\n${error.stack}\n${error.cause}`;
  if (/DO-NOT-SHOW/.test(printed)) throw new Error("a secret is in the error");
  return error;
}

/** Nobody is there. */
export function unreachable(): Promise<Response> {
  return Promise.reject(new TypeError("connection refused"));
}

/** Somebody is there and says nothing. */
export function silence(): Promise<Response> {
  return new Promise(() => {});
}

/** A page of a proxy. */
export function html(status = 200): Response {
  return new Response(`<!DOCTYPE html><title>${SECRET}</title>`, { status });
}

/** What a metadata service answers. */
export function credentialsJson(
  options: { id?: string; expires?: number | string } = {},
): Response {
  const { id = "ASIA1", expires = "2026-01-01T06:00:00Z" } = options;
  return Response.json({
    Code: "Success",
    AccessKeyId: id,
    SecretAccessKey: SECRET,
    Token: TOKEN,
    Expiration: typeof expires === "number" ? new Date(expires).toISOString() : expires,
  });
}

/** What STS answers. */
export function credentialsXml(
  action: string,
  options: { id?: string; expires?: string } = {},
): Response {
  const { id = "ASIA1", expires = "2026-01-01T06:00:00Z" } = options;
  return new Response(
    `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><${action}Result>` +
      `<AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/r/s</Arn></AssumedRoleUser>` +
      `<Credentials><AccessKeyId>${id}</AccessKeyId><SecretAccessKey>${SECRET}</SecretAccessKey>` +
      `<SessionToken>${TOKEN}</SessionToken><Expiration>${expires}</Expiration></Credentials>` +
      `</${action}Result></${action}Response>`,
  );
}

/** An error of STS; its text quotes what it was sent. */
export function stsError(code: string, status = 400): Response {
  return new Response(
    `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${TOKEN}</Message></Error></ErrorResponse>`,
    { status },
  );
}
