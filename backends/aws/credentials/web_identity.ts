/**
 * Credentials for the token of an identity provider, such as IAM roles for service accounts (EKS).
 *
 * https://docs.aws.amazon.com/sdkref/latest/guide/feature-assume-role-credentials.html
 */
import type { Credentials } from "./credentials.ts";
import { brokenSource, type Found, NO_FILES, readFile, type SearchContext } from "./source.ts";
import { assumeRoleWithWebIdentity } from "./sts.ts";

/** Exchanges the token in the file of `AWS_WEB_IDENTITY_TOKEN_FILE` for the role of `AWS_ROLE_ARN`. */
export async function webIdentityCredentials(context: SearchContext): Promise<Found> {
  const { environment } = context;
  const tokenFile = environment("AWS_WEB_IDENTITY_TOKEN_FILE");
  const roleArn = environment("AWS_ROLE_ARN");
  if (!tokenFile) return { none: "AWS_WEB_IDENTITY_TOKEN_FILE is not set" };
  if (!roleArn) return { none: "AWS_ROLE_ARN is not set" };
  if (!context.readTextFile) return { none: NO_FILES };
  const sessionName = environment("AWS_ROLE_SESSION_NAME");
  return { credentials: await exchangeToken(context, { tokenFile, roleArn, sessionName }) };
}

/** A token, with its role. */
export interface WebIdentity {
  readonly tokenFile: string;
  readonly roleArn: string;
  /** Shown in logs of AWS. Default: our name and the time. */
  readonly sessionName: string | undefined;
  /** The region to ask in if nothing else names one. */
  readonly region?: string | undefined;
}

/**
 * Exchanges a token for credentials. The file of the token is read anew each time, because it is
 * replaced.
 */
export async function exchangeToken(
  context: SearchContext,
  identity: WebIdentity,
): Promise<Credentials> {
  const { readTextFile, clock } = context;
  const { tokenFile, roleArn, sessionName, region } = identity;
  if (!readTextFile) throw brokenSource(NO_FILES);
  const file = await readFile({ readTextFile, clock }, tokenFile);
  if ("unreadable" in file) {
    throw brokenSource(`the web identity token file cannot be read (${file.unreadable})`, {
      retryable: true,
    });
  }
  const token = file.text.trim();
  if (!token) throw brokenSource("the web identity token file is empty", { retryable: true });
  return await assumeRoleWithWebIdentity(context, {
    RoleArn: roleArn,
    RoleSessionName: sessionName ?? defaultSessionName(clock.now()),
    WebIdentityToken: token,
  }, region);
}

/** The name of a session that nobody named. */
export function defaultSessionName(now: number): string {
  return `melange-${now}`;
}
