/**
 * Credentials that `aws login` left in its cache. The credentials live for 15 minutes. The commands
 * of AWS renew them with a proof that they hold a key; this library does not renew them.
 *
 * https://docs.aws.amazon.com/sdkref/latest/guide/feature-login-credentials.html
 */
import type { Credentials } from "./credentials.ts";
import { cachedJson, cachePath } from "./cached_json.ts";
import { brokenSource, type SearchContext } from "./source.ts";

/** Reads the credentials of a login session. */
export async function loginCredentials(
  context: SearchContext,
  { session, shown, login }: { session: string; shown: string; login: string },
): Promise<Credentials> {
  const folder = context.environment("AWS_LOGIN_CACHE_DIRECTORY") ?? "~/.aws/login/cache";
  const path = await cachePath(context, { folder, key: session, hash: "SHA-256" });
  const { accessToken } = await cachedJson(context, path) ?? {};
  const { accessKeyId, secretAccessKey, sessionToken, expiresAt } = accessToken instanceof Object
    ? accessToken as Record<string, unknown>
    : {};
  const expiration = new Date(String(expiresAt));
  const isText = [accessKeyId, secretAccessKey, sessionToken].every((value) =>
    typeof value === "string" && value !== ""
  );
  if (isText && expiration.getTime() > context.clock.now()) {
    return { accessKeyId, secretAccessKey, sessionToken, expiration } as Credentials;
  }
  throw brokenSource(`the login session of ${shown} is used up: run ${login}`, {
    retryable: true,
  });
}
