/**
 * The needed parts of an X.509 certificate: names, times and key. The issuer is not checked here.
 * The certificates of SNS are trusted because of their host, from which they are fetched over TLS.
 */
import { fromBase64 } from "../../../../src/support/base64.ts";
import { MelangeError, probe } from "../../../../src/support/errors.ts";

/** The content of a certificate. */
export interface Certificate {
  /** The common names of the subject, and the DNS names among the alternative names. */
  readonly names: readonly string[];
  /** The first moment of its validity, in milliseconds since the Unix epoch. */
  readonly notBefore: number;
  /** The last moment of its validity, in milliseconds since the Unix epoch. */
  readonly notAfter: number;
  /** The public key, as `SubjectPublicKeyInfo`. */
  readonly spki: Uint8Array<ArrayBuffer>;
}

/** The first certificate of a PEM file; throws `UNDECODABLE` if there is none. */
export function readPem(pem: string): Certificate {
  const [, base64 = ""] =
    /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/.exec(pem) ?? [];
  const der = probe(() => fromBase64(base64.replace(/\s/g, "")));
  if (!der) throw malformed("it is not base64");
  return readCertificate(der);
}

/**
 * Reads a DER certificate; throws `UNDECODABLE` for everything that is none. Each byte is looked at
 * a few times at most, and nothing nests deeper than the code below is long.
 * https://www.rfc-editor.org/rfc/rfc5280#section-4.1
 */
export function readCertificate(der: Uint8Array<ArrayBuffer>): Certificate {
  const [certificate, ...trailing] = elements(der);
  if (trailing.length > 0) throw malformed("something follows it");
  const [tbs] = inside(certificate, SEQUENCE);
  const fields = inside(tbs, SEQUENCE);
  if (fields[0]?.tag === VERSION) fields.shift();
  const [_serial, _algorithm, _issuer, validity, subject, spki, ...rest] = fields;
  const [notBefore, notAfter] = inside(validity, SEQUENCE).map(readTime);
  if (notBefore === undefined || notAfter === undefined || spki?.tag !== SEQUENCE) {
    throw malformed("a part is missing");
  }
  const extensions = rest.find(({ tag }) => tag === EXTENSIONS);
  return {
    names: [...commonNames(subject), ...dnsNames(extensions)],
    notBefore,
    notAfter,
    spki: spki.whole,
  };
}

/** https://www.itu.int/rec/T-REC-X.690 8.1.2, and the context-specific tags of a certificate. */
const BOOLEAN = 0x01;
const OCTET_STRING = 0x04;
const OBJECT_IDENTIFIER = 0x06;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const SEQUENCE = 0x30;
const SET = 0x31;
const VERSION = 0xa0;
const EXTENSIONS = 0xa3;
const DNS_NAME = 0x82;
/** UTF8String, PrintableString, IA5String. */
const TEXTS: readonly number[] = [0x0c, 0x13, 0x16];
/** 2.5.4.3 and 2.5.29.17, as they are encoded. */
const COMMON_NAME = "85,4,3";
const ALTERNATIVE_NAME = "85,29,17";

interface Element {
  readonly tag: number;
  readonly content: Uint8Array<ArrayBuffer>;
  /** The content with the tag and the length before it. */
  readonly whole: Uint8Array<ArrayBuffer>;
}

/** Returns the elements that fill `bytes` to the end. */
function elements(bytes: Uint8Array<ArrayBuffer>): Element[] {
  const found: Element[] = [];
  for (let rest = bytes; rest.length > 0;) {
    const element = firstElement(rest);
    found.push(element);
    rest = rest.subarray(element.whole.length);
  }
  return found;
}

function firstElement(bytes: Uint8Array<ArrayBuffer>): Element {
  const [tag = 0, first] = bytes;
  if ((tag & 0x1f) === 0x1f) throw malformed("a tag has several bytes");
  if (first === undefined) throw malformed("it ends within an element");
  const { start, length } = first < 0x80 ? { start: 2, length: first } : longLength(bytes, first);
  const end = start + length;
  if (end > bytes.length) throw malformed("it ends within an element");
  return { tag, content: bytes.subarray(start, end), whole: bytes.subarray(0, end) };
}

/** A length of 128 and more, in as few bytes as possible, as DER has it. */
function longLength(bytes: Uint8Array<ArrayBuffer>, first: number) {
  const digits = bytes.subarray(2, 2 + (first & 0x7f));
  const length = digits.reduce((sum, digit) => sum * 256 + digit, 0);
  const shortest = digits.length === (first & 0x7f) && digits[0] !== 0 && length >= 0x80;
  if (!shortest || digits.length > 3) throw malformed("a length is not that of DER");
  return { start: 2 + digits.length, length };
}

function inside(element: Element | undefined, tag: number): Element[] {
  if (element?.tag !== tag) throw malformed("a part is missing");
  return elements(element.content);
}

function readTime({ tag, content }: Element): number {
  const text = textOf(content);
  const pattern = tag === UTC_TIME
    ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/
    : /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;
  const [, ...parts] = pattern.exec(text) ?? [];
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.map(Number);
  const century = tag === UTC_TIME ? (year < 50 ? 2000 : 1900) : 0;
  const time = new Date(0);
  time.setUTCFullYear(century + year, month - 1, day);
  time.setUTCHours(hour, minute, second);
  const known = tag === UTC_TIME || tag === GENERALIZED_TIME;
  const same = time.toISOString().replace(/\D/g, "").slice(0, 14).endsWith(parts.join(""));
  if (known && parts.length === 6 && same) return time.getTime();
  throw malformed("a time is none");
}

function commonNames(subject: Element | undefined): string[] {
  const attributes = inside(subject, SEQUENCE).flatMap((part) => inside(part, SET));
  return attributes.flatMap((attribute) => {
    const [type, value] = inside(attribute, SEQUENCE);
    if (type?.tag !== OBJECT_IDENTIFIER || type.content.join() !== COMMON_NAME) return [];
    return value && TEXTS.includes(value.tag) ? [textOf(value.content)] : [];
  });
}

function dnsNames(extensions: Element | undefined): string[] {
  if (!extensions) return [];
  const [list] = elements(extensions.content);
  return inside(list, SEQUENCE).flatMap((extension) => {
    const [type, ...rest] = inside(extension, SEQUENCE);
    if (type?.tag !== OBJECT_IDENTIFIER || type.content.join() !== ALTERNATIVE_NAME) return [];
    const value = rest[0]?.tag === BOOLEAN ? rest[1] : rest[0];
    const [names] = inside(value, OCTET_STRING);
    return inside(names, SEQUENCE)
      .filter(({ tag }) => tag === DNS_NAME)
      .map(({ content }) => textOf(content));
  });
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function textOf(bytes: Uint8Array<ArrayBuffer>): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw malformed("a text is not UTF-8");
  }
}

function malformed(reason: string): MelangeError {
  return new MelangeError("UNDECODABLE", `Cannot read a certificate as ${reason}`);
}
