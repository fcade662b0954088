/** A range of IP addresses: its first bits, of IPv4 (32 bits) or IPv6 (128 bits). */
export interface AddressRange {
  /** The address in which the range lies. */
  readonly address: Address;
  /** Number of leading bits that count. */
  readonly prefixBits: number;
}

/** An IP address as a number. */
export interface Address {
  /** 32 for IPv4, 128 for IPv6. */
  readonly bits: 32 | 128;
  /** The address. */
  readonly value: bigint;
}

/** Reads `10.0.0.0/24` or `2001:db8::/32`; `undefined` if it is neither. */
export function parseRange(text: string): AddressRange | undefined {
  const [first = "", length = "", ...more] = text.split("/");
  const address = parseAddress(first);
  if (!address || more.length > 0 || !/^\d{1,3}$/.test(length)) return undefined;
  const prefixBits = Number(length);
  return prefixBits <= address.bits ? { address, prefixBits } : undefined;
}

/** Tells whether text is an IP address in a range. */
export function isInRange(text: string, range: AddressRange): boolean {
  const address = parseAddress(text);
  if (address?.bits !== range.address.bits) return false;
  const rest = BigInt(address.bits - range.prefixBits);
  return address.value >> rest === range.address.value >> rest;
}

function parseAddress(text: string): Address | undefined {
  const value = text.includes(":") ? parseIpv6(text) : parseIpv4(text);
  if (value === undefined) return undefined;
  return { bits: text.includes(":") ? 128 : 32, value };
}

function parseIpv4(text: string): bigint | undefined {
  const parts = text.split(".");
  const fits = (part: string) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255;
  if (parts.length !== 4 || !parts.every(fits)) return undefined;
  return parts.reduce((value, part) => value << 8n | BigInt(part), 0n);
}

function parseIpv6(text: string): bigint | undefined {
  const [head = "", tail, ...more] = text.split("::");
  if (more.length > 0) return undefined;
  const before = hextets(head);
  const after = hextets(tail ?? "");
  const missing = 8 - before.length - after.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const all = [...before, ...Array<string>(missing).fill("0"), ...after];
  if (!all.every((part) => /^[0-9a-f]{1,4}$/i.test(part))) return undefined;
  return all.reduce((value, part) => value << 16n | BigInt(`0x${part}`), 0n);
}

function hextets(text: string): string[] {
  return text === "" ? [] : text.split(":");
}
