import { type Clock, reading } from "../../../../src/support/clock.ts";
import { MelangeError } from "../../../../src/support/errors.ts";
import { type Certificate, readPem } from "./certificate.ts";
import type { CertificateNames } from "./addresses.ts";
import { smallFetch, type SmallFetchOptions } from "../../api/small_fetch.ts";

/**
 * Highest number of remembered certificates, and of remembered failures. SNS uses one certificate a
 * region at a time.
 */
const MAX_KEPT = 16;
/** The most certificates that are fetched at once. */
const MAX_LOADING = 4;
/** The time for which a failure is remembered, in milliseconds: less than the 20 s after which SNS tries again. */
const FAILURE_MS = 10_000;

/** Returns the certificate at a checked address, if the certificate has one of these names. */
export type Certificates = (url: string, names: CertificateNames) => Promise<Certificate>;

/**
 * Fetches certificates, each once, also where many requests wait for the same certificate, and
 * keeps them while they are valid. Throws a `MelangeError`, `retryable` if there may be a
 * certificate later.
 */
export function createCertificates(options: SmallFetchOptions): Certificates {
  const { clock } = options;
  const kept = new Map<string, Certificate>();
  const failures = new Map<string, { error: unknown; until: number }>();
  const loading = new Map<string, Promise<Certificate>>();

  const load = async (url: string, names: CertificateNames) => {
    try {
      const certificate = checked(readPem(await smallFetch(url, options)), names, clock);
      remember(kept, url, certificate);
      return certificate;
    } catch (error) {
      remember(failures, url, { error, until: reading(clock) + FAILURE_MS });
      throw error;
    } finally {
      loading.delete(url);
    }
  };

  return async (url, names) => {
    const known = kept.get(url);
    if (known && isValid(known, clock)) return known;
    const failure = failures.get(url);
    if (failure && reading(clock) < failure.until) throw failure.error;
    const running = loading.get(url);
    if (running) return await running;
    if (loading.size >= MAX_LOADING) throw busy();
    const started = load(url, names);
    loading.set(url, started);
    return await started;
  };
}

/** Remembers an entry as the newest; the oldest makes room. */
function remember<Value>(values: Map<string, Value>, key: string, value: Value): void {
  values.delete(key);
  values.set(key, value);
  const [oldest] = values.keys();
  if (values.size > MAX_KEPT && oldest !== undefined) values.delete(oldest);
}

function checked(certificate: Certificate, names: CertificateNames, clock: Clock): Certificate {
  if (!isValid(certificate, clock)) throw unfit("it has expired, or is not valid yet");
  if (names === "any" || certificate.names.some((name) => names.includes(name))) return certificate;
  throw unfit("it is not one of SNS");
}

function isValid({ notBefore, notAfter }: Certificate, clock: Clock): boolean {
  const now = clock.now();
  return notBefore <= now && now <= notAfter;
}

function unfit(reason: string): MelangeError {
  return new MelangeError("REFUSED", `Cannot use a certificate as ${reason}`);
}

function busy(): MelangeError {
  return new MelangeError("THROTTLED", "Cannot fetch more certificates at once", {
    retryable: true,
  });
}
