/**
 * Credentials of a single sign-on (IAM Identity Center), for the cached token of `aws sso login`.
 * https://docs.aws.amazon.com/sdkref/latest/guide/feature-sso-credentials.html
 */
import type { Credentials } from "./credentials.ts";
import { serviceUrl } from "../api/names.ts";
import { ask } from "./ask.ts";
import { cachedJson, cachePath } from "./cached_json.ts";
import type { Section } from "./ini.ts";
import { brokenSource, type SearchContext } from "./source.ts";

/** A profile with a single sign-on. */
export interface SingleSignOnProfile {
  readonly profile: Section;
  readonly ssoSessions: ReadonlyMap<string, Section>;
  /** The profile in error messages. */
  readonly shown: string;
  /** The command that signs in anew. */
  readonly login: string;
}

/** Exchanges the cached token for the credentials of the profile's role. */
export async function singleSignOnCredentials(
  context: SearchContext,
  given: SingleSignOnProfile,
): Promise<Credentials> {
  const session = sessionOf(given);
  const accessToken = await accessTokenOf(context, given, session);
  const query = new URLSearchParams({ role_name: session.role, account_id: session.account });
  const { status, text } = await ask(context, {
    who: WHO,
    url: `${await urlOf(context, "portal.sso", session)}/federation/credentials?${query}`,
    headers: { "x-amz-sso_bearer_token": accessToken },
    timeoutMs: TIMEOUT_MS,
  });
  if (status === 401) throw usedUp(given);
  const credentials = status === 200 ? credentialsIn(text) : undefined;
  if (credentials) return credentials;
  throw brokenSource(
    `${WHO} answered HTTP ${status} for ${given.shown}: check sso_account_id and sso_role_name`,
    { retryable: status === 200 },
  );
}

const TIMEOUT_MS = 5_000;
const WHO = "the single sign-on";

interface Session {
  readonly region: string;
  readonly account: string;
  readonly role: string;
  /** The text that the name of the cached file is made of: the session, or else the start URL. */
  readonly cacheKey: string;
  /** Tells that the token is of a session, which can be renewed. */
  readonly isRenewable: boolean;
}

function sessionOf({ profile, ssoSessions, shown }: SingleSignOnProfile): Session {
  const name = profile.get("sso_session");
  const section = name === undefined ? profile : ssoSessions.get(name);
  if (!section) {
    throw brokenSource(`${shown} has a single sign-on whose sso_session is not in the config file`);
  }
  const setting = (key: string, from: Section) => {
    const value = from.get(key);
    if (value === undefined) throw brokenSource(`${shown} has a single sign-on without ${key}`);
    if ((profile.get(key) ?? value) === value) return value;
    throw brokenSource(`${shown} has another ${key} than its sso_session`);
  };
  const region = setting("sso_region", section);
  const startUrl = setting("sso_start_url", section);
  // It becomes a part of a host name.
  if (!/^[a-z0-9-]+$/.test(region)) throw brokenSource(`${shown} has an sso_region that is none`);
  return {
    region,
    account: setting("sso_account_id", profile),
    role: setting("sso_role_name", profile),
    cacheKey: name ?? startUrl,
    isRenewable: name !== undefined,
  };
}

async function urlOf(
  { locate }: SearchContext,
  service: "portal.sso" | "oidc",
  { region }: Session,
): Promise<string> {
  const url = locate ? (await locate({ service, region })).url : serviceUrl(service, region);
  return url.replace(/\/$/, "");
}

/** Tokens that end within this time are renewed. */
const RENEW_BEFORE_MS = 300_000;

async function accessTokenOf(
  context: SearchContext,
  given: SingleSignOnProfile,
  session: Session,
): Promise<string> {
  const path = await cachePath(context, {
    folder: "~/.aws/sso/cache",
    key: session.cacheKey,
    hash: "SHA-1",
  });
  const cached = await cachedJson(context, path);
  const { accessToken } = cached ?? {};
  if (!cached || !isHeaderText(accessToken)) throw usedUp(given);
  const leftMs = timeOf(cached.expiresAt) - context.clock.now();
  if (leftMs > RENEW_BEFORE_MS) return accessToken;
  const renewed = session.isRenewable ? await renew(context, session, cached) : undefined;
  if (renewed) {
    await context.writeTextFile?.(path!, JSON.stringify(renewed)).catch(ignoreUnwritable);
    return renewed.accessToken;
  }
  // Not so for NaN either.
  if (leftMs > 0) return accessToken;
  throw usedUp(given);
}

/** Older versions of the command line write the zone as `UTC`. */
function timeOf(text: unknown): number {
  return Date.parse(String(text).replace(/UTC$/, "Z"));
}

/** Ignores a failed write. Other programs then renew the token for themselves. */
function ignoreUnwritable(): void {}

/** https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/API_CreateToken.html */
async function renew(
  context: SearchContext,
  session: Session,
  cached: Record<string, unknown>,
): Promise<(Record<string, unknown> & { accessToken: string }) | undefined> {
  const { clientId, clientSecret, refreshToken, registrationExpiresAt } = cached;
  const now = context.clock.now();
  if (!clientId || !clientSecret || !refreshToken) return undefined;
  if (timeOf(registrationExpiresAt) <= now) return undefined;
  const body = { clientId, clientSecret, grantType: "refresh_token", refreshToken };
  try {
    const { status, text } = await ask(context, {
      who: WHO,
      url: `${await urlOf(context, "oidc", session)}/token`,
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      timeoutMs: TIMEOUT_MS,
    });
    const answer = JSON.parse(text);
    const { accessToken, expiresIn } = answer;
    if (status !== 200 || !isHeaderText(accessToken) || !(expiresIn > 0)) return undefined;
    const expiresAt = new Date(now + expiresIn * 1000).toISOString();
    return {
      ...cached,
      accessToken,
      expiresAt,
      refreshToken: answer.refreshToken ?? refreshToken,
    };
  } catch {
    // The old token may still live; if it does not, the session is used up.
    return undefined;
  }
}

function credentialsIn(text: string): Credentials | undefined {
  try {
    const { accessKeyId, secretAccessKey, sessionToken, expiration } =
      JSON.parse(text).roleCredentials;
    const isText = [accessKeyId, secretAccessKey, sessionToken].every(isHeaderText);
    const ends = /^(number|string)$/.test(typeof expiration) ? new Date(expiration) : undefined;
    if (!isText || !ends || Number.isNaN(ends.getTime())) return undefined;
    return { accessKeyId, secretAccessKey, sessionToken, expiration: ends };
  } catch {
    return undefined;
  }
}

/**
 * Tells whether a secret may stand in a header. `Headers` would quote any other value in an error.
 */
function isHeaderText(value: unknown): value is string {
  return typeof value === "string" && /^[!-~]+$/.test(value);
}

/** Somebody may sign in meanwhile. */
function usedUp({ shown, login }: SingleSignOnProfile): Error {
  return brokenSource(`the single sign-on session of ${shown} is used up: run ${login}`, {
    retryable: true,
  });
}
