/**
 * The calls of STS that return credentials, in the Query protocol.
 *
 * https://docs.aws.amazon.com/STS/latest/APIReference/welcome.html
 */
import { MelangeError } from "../../../src/support/errors.ts";
import { retry } from "../../../src/support/retry.ts";
import { boundedText } from "../api/bounded_text.ts";
import { createClient } from "../api/client.ts";
import type { Credentials } from "./credentials.ts";
import { type Located, type Place, place } from "../api/endpoints.ts";
import { find, parseXml, textOf } from "../api/xml.ts";
import { ask } from "./ask.ts";
import { brokenSource, type SearchContext } from "./source.ts";
import { temporaryCredentials } from "./temporary.ts";

/** The options that both calls share. */
export interface RoleInput {
  RoleArn: string;
  RoleSessionName: string;
  DurationSeconds?: string | undefined;
}

/** The role to assume, and the place of STS. */
export interface AssumeRoleOptions {
  readonly credentials: Credentials;
  /** The region to ask in if nothing else names one. */
  readonly region: string | undefined;
}

const VERSION = "2011-06-15";
const TIMEOUT_MS = 5_000;
const HEADERS = { "content-type": "application/x-www-form-urlencoded" };

/** https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html */
export async function assumeRole(
  context: SearchContext,
  input: RoleInput & { ExternalId?: string | undefined },
  options: AssumeRoleOptions,
): Promise<Credentials> {
  const { clock, random, environment, fetch } = context;
  const client = createClient({
    locate: stsLocator(context, options.region),
    read: boundedText,
    credentials: options.credentials,
    requestTimeoutMs: TIMEOUT_MS,
    clock,
    environment,
    fetch,
  });
  const call = () =>
    client.call({
      service: "sts",
      action: "AssumeRole",
      headers: HEADERS,
      body: form("AssumeRole", input),
      read: (text) => credentialsIn(text, clock.now()),
    });
  try {
    return await retry(call, { maxAttempts: 3, clock, random });
  } catch (error) {
    if (!(error instanceof MelangeError)) throw error;
    // Its code would speak of the request that the credentials are for.
    const { message, retryable } = error;
    throw brokenSource(`STS did not let us assume the role: ${message}`, { retryable });
  }
}

/** Signed by the token alone. https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html */
export async function assumeRoleWithWebIdentity(
  context: SearchContext,
  input: RoleInput & { WebIdentityToken: string },
  region?: string,
): Promise<Credentials> {
  const { clock } = context;
  const { url } = await stsLocator(context, region)({ service: "sts" });
  const { status, text } = await ask(context, {
    who: "STS",
    url,
    method: "POST",
    headers: HEADERS,
    body: form("AssumeRoleWithWebIdentity", input),
    timeoutMs: TIMEOUT_MS,
  });
  if (status !== 200) throw refusedToken(status, text);
  try {
    return credentialsIn(text, clock.now());
  } catch {
    // Not kept as the cause: parsers quote what they read.
    throw brokenSource("STS answered without credentials", { retryable: true });
  }
}

/** The region of the client and of the environment comes before the one of a profile. */
function stsLocator(context: SearchContext, region: string | undefined) {
  const { endpoints, environment, locate } = context;
  const isKnown = endpoints.region ?? environment("AWS_REGION") ??
    environment("AWS_DEFAULT_REGION");
  return async (request: Located): Promise<Place> => {
    const wanted = isKnown ? request : { ...request, region };
    return await locate?.(wanted) ?? place(wanted, { ...endpoints, environment });
  };
}

function form(Action: string, input: object): string {
  const fields = Object.entries({ Action, Version: VERSION, ...input });
  return new URLSearchParams(fields.filter(([, value]) => value !== undefined)).toString();
}

function credentialsIn(text: string, now: number): Credentials {
  const element = find(parseXml(text), "Credentials");
  const field = (name: string) => element && textOf(element, name);
  const credentials = temporaryCredentials({
    AccessKeyId: field("AccessKeyId"),
    SecretAccessKey: field("SecretAccessKey"),
    Token: field("SessionToken"),
    Expiration: field("Expiration"),
  }, now);
  if (!credentials) throw new SyntaxError("no credentials");
  return credentials;
}

/**
 * Errors that may pass: a token is replaced while the old token is sent, and STS may not reach the
 * issuer.
 */
const MAY_PASS = /^(IDPCommunicationError|ExpiredToken|Throttl)/;

function refusedToken(status: number, text: string): MelangeError {
  const [, code = ""] = /<Code>([\w.]{1,80})<\/Code>/.exec(text) ?? [];
  const answer = code ? `${code} (HTTP ${status})` : `HTTP ${status}`;
  return brokenSource(
    `STS answered ${answer} to the web identity token: check the trust policy of the role and the age of the token`,
    { retryable: MAY_PASS.test(code) },
  );
}
