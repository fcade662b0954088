import { isIP } from "node:net";

/**
 * Tells whether a request may be answered that came for this host (the header `Host`): an address,
 * localhost, or one of the names. A page of somebody else whose name leads to this machine has another
 * one. Browsers always say a host, so where there is none it was not a browser.
 */
export function isAskedHost(header: string | undefined, names: readonly string[]): boolean {
  if (header === undefined) return true;
  const [, address, name = ""] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(header) ?? [];
  if (address !== undefined) return isIP(address) === 6;
  const asked = normal(name);
  return isIP(asked) === 4 || ["localhost", ...names.map(normal)].includes(asked);
}

/** Names do not differ by capitals, nor by the dot of the root. */
function normal(name: string): string {
  return name.toLowerCase().replace(/\.$/, "");
}
