import { AwsV4Signer } from "aws4fetch";
import type { Credentials } from "./credentials.ts";

/** What is signed. */
export interface Unsigned {
  readonly url: string;
  readonly service: string;
  readonly region: string;
  readonly headers: Record<string, string>;
  readonly body: string;
  /** The time of the service, in milliseconds since the epoch. */
  readonly now: number;
}

/** Returns the headers of a signed POST: those given, and those of Signature Version 4. */
export type Sign = (unsigned: Unsigned, credentials: Credentials) => Promise<Headers>;

/**
 * Creates a signer. Derived keys are remembered for one set of credentials and one day: aws4fetch
 * puts the secret into the key of its cache and never removes an entry.
 *
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function createSigner(): Sign {
  let cache = new Map<string, ArrayBuffer>();
  let cachedFor: { credentials: Credentials; day: string } | undefined;
  return async (unsigned, credentials) => {
    const datetime = new Date(unsigned.now).toISOString().replace(/[:-]|\.\d{3}/g, "");
    const day = datetime.slice(0, 8);
    if (cachedFor?.credentials !== credentials || cachedFor.day !== day) {
      cache = new Map();
      cachedFor = { credentials, day };
    }
    const { accessKeyId, secretAccessKey, sessionToken } = credentials;
    const signer = new AwsV4Signer({
      method: "POST",
      url: unsigned.url,
      headers: unsigned.headers,
      body: unsigned.body,
      service: unsigned.service,
      region: unsigned.region,
      accessKeyId,
      secretAccessKey,
      ...(sessionToken ? { sessionToken } : {}),
      datetime,
      cache,
    });
    return (await signer.sign()).headers;
  };
}
