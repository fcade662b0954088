import { isIP } from "node:net";
import { addressOf, type Incoming } from "../../backends/aws/emulator/http/incoming.ts";

/** Names of this machine that no page of somebody else has. */
const OWN = ["127.0.0.1", "localhost", "::1"];
/** Addresses that stand for all addresses of the machine. */
const ALL = ["0.0.0.0", "::"];

/** The names by which a server may be asked. */
export interface AskedNames {
  /** The address of the broker. */
  readonly host: string;
  /** Other names. */
  readonly names: readonly string[];
}

/**
 * Tells why a request is refused, if it is. A foreign page in a browser of this machine could send
 * requests: by a foreign name that leads here, or straight to this address.
 */
export function refusalOf(request: Incoming, asked: AskedNames): string | undefined {
  const { headers, method } = request;
  const { hostname, host, pathname, search } = addressOf(request.url);
  if (!isAsked(hostname, asked)) {
    return "The host is not known: ask for localhost, or name it with --host-name";
  }
  const origin = headers.get("origin");
  const site = headers.get("sec-fetch-site") ?? "none";
  const isForeign = origin !== null && origin !== `http://${host}` ||
    !["none", "same-origin"].includes(site);
  if (!isForeign) return undefined;
  // A link to the page does nothing but open it.
  const isLink = headers.get("sec-fetch-mode") === "navigate" && method === "GET" &&
    origin === null && pathname === "/" && search === "";
  return isLink ? undefined : "A page of another origin may not use this broker";
}

function isAsked(hostname: string, { host, names }: AskedNames): boolean {
  if (hostname === "127.0.0.1" || hostname === "localhost") return true;
  const name = normal(hostname);
  if ([...OWN, host, ...names].map(normal).includes(name)) return true;
  return ALL.includes(host) && isIP(name) !== 0;
}

/** Names do not differ by capitals, by brackets, nor by the dot of the root. */
function normal(name: string): string {
  return name.toLowerCase().replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "");
}
