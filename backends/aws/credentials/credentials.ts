import { type Clock, reading } from "../../../src/support/clock.ts";
import { isMelangeError, MelangeError } from "../../../src/support/errors.ts";
import type { Environment } from "../api/environment.ts";

/** The keys that requests are signed with. */
export interface Credentials {
  /** The access key id. */
  readonly accessKeyId: string;
  /** The secret access key. */
  readonly secretAccessKey: string;
  /** The session token of temporary credentials. */
  readonly sessionToken?: string | undefined;
  /** When temporary credentials end; a provider may also give ISO text, or milliseconds since the epoch. Default: never. */
  readonly expiration?: Date | undefined;
}

/**
 * Returns credentials, in the shape of the AWS SDK's providers. The backend calls the provider for
 * the first credentials, five minutes before they expire, and once after a service called them
 * expired or unknown. There is one call at a time; only a call without an answer for nine seconds
 * gets a second beside it.
 */
export type CredentialsProvider = () => Promise<Credentials>;

/**
 * A source of credentials. `undefined` stands for no credentials; then the next source is asked.
 */
export type CredentialsSource = () => Promise<Credentials | undefined> | Credentials | undefined;

/** Reads `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`. */
export function environmentCredentials(
  environment: Environment,
): () => Credentials | undefined {
  return () => {
    const accessKeyId = environment("AWS_ACCESS_KEY_ID");
    const secretAccessKey = environment("AWS_SECRET_ACCESS_KEY");
    const sessionToken = environment("AWS_SESSION_TOKEN");
    return accessKeyId && secretAccessKey
      ? { accessKeyId, secretAccessKey, sessionToken }
      : undefined;
  };
}

/** Credentials that are remembered. */
export interface CredentialsCache {
  /** Returns the remembered credentials, or asks the provider, once for all callers that wait. */
  get(): Promise<Credentials>;
  /** Forgets these credentials, unless they were replaced meanwhile. */
  drop(used: Credentials): void;
}

/** The time before their expiry at which credentials are replaced. */
const REFRESH_BEFORE_MS = 300_000;
/** The pause after a provider failed, while the old credentials are still good. */
const ASK_AGAIN_MS = 10_000;

/**
 * The longest time for a provider, in milliseconds, shorter than the time of the waiting request.
 */
const PROVIDER_MS = 9_000;

/** Remembers the credentials of a source until shortly before they expire. */
export function cacheCredentials(
  source: Credentials | CredentialsSource,
  { clock }: { clock: Clock },
): CredentialsCache {
  let current: Credentials | undefined;
  let refreshing: Promise<Credentials> | undefined;
  let askAgainAt = 0;
  const ask = () =>
    new Promise<Credentials>((resolve, reject) => {
      const cancel = clock.after(PROVIDER_MS, () => reject(notProvided()));
      // What comes late is of use all the same, to those who come later.
      provide(source).then((credentials) => resolve(current = credentials), reject)
        .finally(cancel);
    });
  const refresh = () => refreshing ??= ask().finally(() => refreshing = undefined);
  return {
    async get() {
      const now = clock.now();
      const validMs = (current?.expiration?.getTime() ?? Infinity) - now;
      if (!current || validMs <= 0) return await refresh();
      // Still good: nobody waits for the new ones, and a failure to get them shows when they are due.
      if (validMs <= REFRESH_BEFORE_MS && reading(clock) >= askAgainAt) {
        refresh().catch(() => askAgainAt = reading(clock) + ASK_AGAIN_MS);
      }
      return current;
    },
    drop(used) {
      if (current === used) current = undefined;
    },
  };
}

async function provide(source: Credentials | CredentialsSource): Promise<Credentials> {
  try {
    const found = typeof source === "function" ? await source() : source;
    // Nothing else, as the signer reads what it gets by names; and what a class may have as getters.
    const { accessKeyId, secretAccessKey, sessionToken, expiration } = found ?? {} as Credentials;
    const ends = expiration == null ? undefined : new Date(expiration);
    const credentials = { accessKeyId, secretAccessKey, sessionToken, expiration: ends };
    const texts = { sessionToken: sessionToken || "-", expiration: `${ends?.getTime()}` };
    assertUsable({ ...credentials, ...texts });
    return credentials;
  } catch (error) {
    throw notProvided(error);
  }
}

/**
 * Returns an error of ours unchanged. Of a foreign error, neither the text nor the cause is kept,
 * because both may quote a secret or a text that failed to be parsed.
 */
function notProvided(error?: unknown): MelangeError {
  if (isMelangeError(error)) return error;
  return new MelangeError("CONFIGURATION", "Cannot sign as credentials() failed", {
    retryable: true,
  });
}

/**
 * Checks that a header can carry the fields. `Headers` would quote any other text, such as a
 * secret, in its error.
 */
function assertUsable(fields: Record<string, string>): void {
  const wrong = Object.entries(fields).find(([, value]) => !/^(?!NaN$)[!-~]+$/.test(value ?? ""));
  if (!wrong) return;
  throw new MelangeError(
    "CONFIGURATION",
    `Cannot sign as ${wrong[0]} must be ASCII: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`,
  );
}
