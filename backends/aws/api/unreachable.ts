/**
 * The rule for a service that cannot be reached, in one place. A fault that only a person can mend
 * (nothing listens at the address, no such host, no permission, an invalid address, an untrusted
 * certificate) ends declarations, other administration and the command line at once. A fault that
 * may pass (no answer in time, a lost connection, a 5xx, a busy name service) leads to a wait, and
 * the log tells the wait. A running worker, and a publisher in a program, wait in both cases,
 * because both must live through an outage.
 */
import { type Clock, reading } from "../../../src/support/clock.ts";
import { MelangeError } from "../../../src/support/errors.ts";
import type { Logger } from "../../../src/support/logger.ts";

/**
 * The words of runtimes: in the code of an error (Node.js, Bun), in the name or the text (Deno,
 * workerd).
 */
const HOPELESS: readonly (readonly [said: RegExp, reason: string])[] = [
  [/ECONNREFUSED|ConnectionRefused|connection refused/i, "nothing listens there"],
  [/ENOTFOUND|dns error.*not known|no such host|nodename nor servname/i, "there is no such host"],
  [
    /NotCapable|PermissionDenied|ERR_ACCESS_DENIED|EACCES|EPERM/,
    "this program is not permitted to",
  ],
  [
    /ERR_INVALID_URL|Invalid URL|Failed to parse URL|bad port|ports? .*blocked/i,
    "it is no address that can be asked",
  ],
  [
    /CERT_|_CERT|SELF_SIGNED|invalid peer certificate|ERR_TLS|ERR_SSL|EPROTO|InvalidContentType/,
    "its certificate is not trusted, or it does not speak TLS",
  ],
  [
    /HPE_INVALID_CONSTANT|Expected HTTP\/|invalid HTTP version|Malformed_HTTP_Response/,
    "what answers there does not speak HTTP",
  ],
];

/** The most causes that are followed. */
const MAX_DEPTH = 5;

/** Returns the reason why another attempt is hopeless; `undefined` if the fault may pass. */
export function hopelessReason(error: unknown): string | undefined {
  const said = saidBy(error);
  return HOPELESS.find(([pattern]) => pattern.test(said))?.[1];
}

/**
 * Turns an error into a final error: `CONFIGURATION`, not retryable, with the address and the
 * cause. Returns `undefined` if the fault may pass.
 */
export function hopeless(error: unknown): MelangeError | undefined {
  if (!(error instanceof MelangeError) || !error.retryable) return undefined;
  const { message, cause } = error;
  // Whoever looks for credentials keeps no cause, and says it in the text.
  if (HOPELESS.some(([, reason]) => message.endsWith(`: ${reason}`))) {
    return new MelangeError("CONFIGURATION", message);
  }
  const [, where] = /the connection to (\S+) failed/.exec(message) ?? [];
  const reason = where && hopelessReason(cause);
  if (!reason) return undefined;
  // Deno names the flag in the text of the cause.
  const [flag] = /--allow-[a-z-]+/.exec(saidBy(cause)) ?? [];
  const hint = flag ? `run it with ${flag}` : "check endpoint and region";
  return new MelangeError("CONFIGURATION", `Cannot reach ${where} as ${reason}: ${hint}`, {
    cause,
  });
}

/** Returns the codes, names and texts of an error, of its causes, and of its inner errors. */
function saidBy(error: unknown, depth = 0): string {
  if (!(error instanceof Error) || depth > MAX_DEPTH) return "";
  const { name, message, cause } = error;
  const code = "code" in error ? String(error.code) : "";
  const inner = "errors" in error && Array.isArray(error.errors) ? error.errors : [];
  return [code, name, message, ...[cause, ...inner].map((each) => saidBy(each, depth + 1))].join(
    "\n",
  );
}

/** The time for which a wait is not logged, in milliseconds. */
const QUIET_MS = 1_000;

/**
 * Passes the results and errors of calls on. A hopeless error ends the attempts. Any other error
 * leads to a wait, and the log tells the wait at its beginning and then every ten seconds.
 */
export function tellingWaits(
  { clock, logger }: { clock: Clock; logger: Logger },
): <T>(call: () => Promise<T>) => Promise<T> {
  const startedAt = reading(clock);
  let sayAt = startedAt + QUIET_MS;
  return async (call) => {
    try {
      return await call();
    } catch (error) {
      const end = hopeless(error);
      if (end) throw end;
      const now = reading(clock);
      if (error instanceof MelangeError && error.retryable && now >= sayAt) {
        sayAt = now + 10 * QUIET_MS;
        const { code, message } = error;
        const forSeconds = Math.round((now - startedAt) / 1000);
        logger.warn("Waiting for AWS, and trying again", { forSeconds, code, reason: message });
      }
      throw error;
    }
  };
}
