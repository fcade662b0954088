import { isIP } from "node:net";

/**
 * Tells whether a request for this host (the header `Host`) may be answered: an address, localhost,
 * or one of the names. A foreign page whose name leads to this machine has another host. Browsers
 * always send a host, so a request without a host does not come from a browser.
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
