import type { Clock } from "../../src/clock.ts";
import { MelangeError } from "../../src/errors.ts";
import type { Environment } from "./environment.ts";

/** What requests are signed with. */
export interface Credentials {
  /** The access key id. */
  readonly accessKeyId: string;
  /** The secret access key. */
  readonly secretAccessKey: string;
  /** The session token of temporary credentials. */
  readonly sessionToken?: string | undefined;
  /** When temporary credentials end. Default: never. */
  readonly expiration?: Date | undefined;
}

/**
 * Returns credentials: the shape of the AWS SDK's providers. Called when there are none yet, five
 * minutes before they expire, and once after a service said that they are expired or unknown;
 * never twice at the same time.
 */
export type CredentialsProvider = () => Promise<Credentials>;

/** One place where credentials may be: `undefined` if there are none, so that the next is asked. */
export type CredentialsSource = () => Promise<Credentials | undefined>;

/** Asks each source in turn, and takes the first credentials. */
export function credentialsChain(sources: readonly CredentialsSource[]): CredentialsProvider {
  return async () => {
    for (const source of sources) {
      const credentials = await source();
      if (credentials) return credentials;
    }
    throw new MelangeError(
      "CONFIGURATION",
      "Cannot sign a request as there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the option `credentials`",
    );
  };
}

/** Reads `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`. */
export function environmentCredentials(environment: Environment): CredentialsSource {
  return () => {
    const accessKeyId = environment("AWS_ACCESS_KEY_ID");
    const secretAccessKey = environment("AWS_SECRET_ACCESS_KEY");
    if (!accessKeyId || !secretAccessKey) return Promise.resolve(undefined);
    const sessionToken = environment("AWS_SESSION_TOKEN");
    return Promise.resolve({ accessKeyId, secretAccessKey, sessionToken });
  };
}

/** Credentials that are remembered. */
export interface CredentialsCache {
  /** Returns what is remembered, or asks the provider; once for all that wait for it. */
  get(): Promise<Credentials>;
  /** Forgets these credentials, unless they were replaced meanwhile. */
  drop(used: Credentials): void;
}

/** How long before they expire credentials are replaced. */
const REFRESH_BEFORE_MS = 5 * 60_000;
/** How long a provider that failed is left alone while there are credentials that are still good. */
const ASK_AGAIN_MS = 10_000;

/** Remembers the credentials of a provider until shortly before they expire. */
export function cacheCredentials(
  provider: CredentialsProvider,
  options: { clock: Clock },
): CredentialsCache {
  let current: Credentials | undefined;
  let refreshing: Promise<Credentials> | undefined;
  let askAgainAt = -Infinity;
  const refresh = () =>
    refreshing ??= provide(provider).then((credentials) => current = credentials)
      .finally(() => refreshing = undefined);
  return {
    async get() {
      const validMs = (current?.expiration?.getTime() ?? Infinity) - options.clock.now();
      if (current && validMs > REFRESH_BEFORE_MS) return current;
      if (!current || validMs <= 0) return await refresh();
      // Still good: nobody waits for the new ones, and a failure to get them shows when they are due.
      const now = options.clock.now();
      if (now >= askAgainAt) refresh().catch(() => askAgainAt = now + ASK_AGAIN_MS);
      return current;
    },
    drop(used) {
      if (current === used) current = undefined;
    },
  };
}

async function provide(provider: CredentialsProvider): Promise<Credentials> {
  try {
    return checked(await provider());
  } catch (error) {
    if (error instanceof MelangeError) throw error;
    // Neither its text nor itself as the cause: what failed to be parsed may be quoted there.
    const name = error instanceof Error ? error.name : typeof error;
    const message = `Cannot sign a request as the credentials provider threw ${name}`;
    throw new MelangeError("CONFIGURATION", message, { retryable: true });
  }
}

/** What a header can carry. `Headers` would quote anything else, a secret among it, in its error. */
const PRINTABLE = /^[!-~]+$/;

function checked(credentials: Credentials): Credentials {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const wrong = !PRINTABLE.test(accessKeyId ?? "")
    ? "accessKeyId"
    : !PRINTABLE.test(secretAccessKey ?? "")
    ? "secretAccessKey"
    : sessionToken !== undefined && !PRINTABLE.test(sessionToken)
    ? "sessionToken"
    : undefined;
  if (!wrong) return credentials;
  throw new MelangeError(
    "CONFIGURATION",
    `Cannot sign a request as the ${wrong} of the credentials is missing or has a space or a line break in it`,
  );
}
