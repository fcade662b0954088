/** What a service checks before it does anything: the time of a request, and its token. */
import type { IncomingHttpHeaders } from "node:http";
import type { Clock } from "../../src/support/clock.ts";

/** What the service believes. */
export interface Gate {
  /** Its clock, apart from the offset. */
  clock: Pick<Clock, "now">;
  /** How far it is ahead of that clock, in milliseconds. */
  clockOffsetMs: number;
  /** How it complains of a request of another time. */
  clockError: "RequestExpired" | "InvalidSignatureException";
  /** The only session token that it takes; `undefined` takes any. */
  token: string | undefined;
}

/** A request that is refused at the gate. */
export interface Refusal {
  status: number;
  output: { __type: string; message: string };
}

/** Returns the time that the service believes it is. */
export function timeAt({ clock, clockOffsetMs }: Gate): number {
  return clock.now() + clockOffsetMs;
}

/** A request may be as old, or as far ahead, as AWS lets it. */
const MAX_SKEW_MS = 5 * 60_000;

/** Refuses a request that is of another time, or signed with a token that is over. */
export function refusalOf(headers: IncomingHttpHeaders, gate: Gate): Refusal | undefined {
  const skewMs = Math.abs(signedAt(headers) - timeAt(gate));
  if (skewMs > MAX_SKEW_MS) {
    return {
      status: gate.clockError === "RequestExpired" ? 400 : 403,
      output: { __type: gate.clockError, message: "Signature expired" },
    };
  }
  if (gate.token === undefined || headers["x-amz-security-token"] === gate.token) return undefined;
  const output = { __type: "ExpiredTokenException", message: "The security token is expired" };
  return { status: 403, output };
}

function signedAt(headers: IncomingHttpHeaders): number {
  const text = String(headers["x-amz-date"] ?? "");
  return Date.parse(
    text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"),
  );
}
