import { AwsV4Signer } from "aws4fetch";
import type { Credentials } from "../credentials/credentials.ts";

/** A request that is to be signed. */
export interface Unsigned {
  readonly url: string;
  readonly service: string;
  readonly region: string;
  readonly headers: Record<string, string>;
  readonly body: string;
  /** The method. Default: `POST`. */
  readonly method?: "PUT" | "GET" | undefined;
  /** The time of the service, in milliseconds since the epoch. */
  readonly now: number;
}

/**
 * Returns the headers of a signed request: the given headers, and the headers of Signature Version 4.
 */
export type Sign = (
  unsigned: Unsigned,
  credentials: Credentials,
) => Record<string, string> | Promise<Headers>;

/** One for each day, region and service. */
const MAX_KEYS = 20;

/**
 * Creates a signer. The signer remembers derived keys only of the last credentials, because the
 * keys tell the secret. The number of keys is bounded, because aws4fetch never removes a key.
 *
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function createSigner(): (
  ...request: Parameters<Sign>
) => Promise<Headers> {
  let cache = new Map<string, ArrayBuffer>();
  let last: Credentials;
  return async (unsigned, credentials) => {
    // Not cleared: a signature that is under way would add the old key to it.
    if (credentials !== last || cache.size > MAX_KEYS) cache = new Map();
    last = credentials;
    const signer = new AwsV4Signer({
      method: "POST",
      ...unsigned as Omit<Unsigned, "method">,
      // It takes `undefined` for no session token, though its types do not say so.
      ...credentials as Credentials & { sessionToken: string },
      datetime: new Date(unsigned.now).toISOString().replace(/[:-]|\.\d{3}/g, ""),
      cache,
    });
    return (await signer.sign()).headers;
  };
}
