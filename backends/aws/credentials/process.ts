/**
 * Credentials that a program prints.
 *
 * https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
 */
import type { Credentials } from "./credentials.ts";
import { brokenSource, inTime, type SearchContext } from "./source.ts";

/** A program may ask a person. */
const TIMEOUT_MS = 60_000;

/** Runs the program of a profile. Errors quote neither its command line nor its output. */
export async function processCredentials(
  { runProcess, clock }: SearchContext,
  { commandLine, shown }: { commandLine: string; shown: string },
): Promise<Credentials> {
  if (!runProcess) {
    throw brokenSource(
      `${shown} has a credential_process, and no program is started: allow it with the option allowCredentialProcess or pass runProcess, or give the variables that \`aws configure export-credentials --format env\` prints`,
    );
  }
  const failed = (what: string) =>
    brokenSource(`the credential_process of ${shown} ${what}`, { retryable: true });
  const text = await inTime(clock, TIMEOUT_MS, async () => await runProcess(commandLine))
    .catch(() => Promise.reject(failed("cannot be run, or failed")));
  if (text === undefined) throw failed("did not end in time");
  const credentials = credentialsIn(text);
  if (!credentials) throw failed("printed no credentials of version 1");
  if (credentials.expiration && credentials.expiration.getTime() <= clock.now()) {
    throw failed("printed credentials that have expired");
  }
  return credentials;
}

function credentialsIn(text: string): Credentials | undefined {
  try {
    const { Version, AccessKeyId, SecretAccessKey, SessionToken, Expiration } = JSON.parse(text);
    if (Version !== 1 || !isText(AccessKeyId) || !isText(SecretAccessKey)) return undefined;
    if (SessionToken !== undefined && SessionToken !== null && !isText(SessionToken)) {
      return undefined;
    }
    const expiration = Expiration == null ? undefined : new Date(Expiration);
    if (Number.isNaN(expiration?.getTime())) return undefined;
    return {
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      sessionToken: SessionToken ?? undefined,
      expiration,
    };
  } catch {
    return undefined;
  }
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}
