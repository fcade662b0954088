import type { Credentials } from "./credentials.ts";

/** Temporary credentials, as metadata services and STS write them. */
export interface TemporaryCredentials {
  readonly AccessKeyId?: unknown;
  readonly SecretAccessKey?: unknown;
  readonly Token?: unknown;
  readonly Expiration?: unknown;
}

/** Refreshing starts five minutes before the end: so nobody is asked more than once a minute. */
const MIN_LIFETIME_MS = 360_000;

/**
 * Reads temporary credentials; `undefined` if they make no sense. Credentials that end soon, or
 * have ended by our clock, count as good for six minutes more. Our clock may be wrong, a metadata
 * service that cannot renew credentials hands the old ones out, and AWS tells when credentials are
 * expired.
 */
export function temporaryCredentials(
  answer: TemporaryCredentials,
  now: number,
): Credentials | undefined {
  const { AccessKeyId, SecretAccessKey, Token, Expiration } = answer;
  const ends = typeof Expiration === "string" ? Date.parse(Expiration) : NaN;
  if (!isText(AccessKeyId) || !isText(SecretAccessKey) || !isText(Token) || Number.isNaN(ends)) {
    return undefined;
  }
  return {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: Token,
    expiration: new Date(Math.max(ends, now + MIN_LIFETIME_MS)),
  };
}

/**
 * Reads temporary credentials from JSON; `undefined` for any other text, such as a page of a proxy.
 */
export function temporaryCredentialsFromJson(text: string, now: number): Credentials | undefined {
  try {
    const answer: unknown = JSON.parse(text);
    return answer instanceof Object ? temporaryCredentials(answer, now) : undefined;
  } catch {
    return undefined;
  }
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}
