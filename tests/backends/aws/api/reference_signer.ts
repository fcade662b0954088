/** The signer of a library that many use, which ours must agree with. */
import { AwsV4Signer } from "aws4fetch";
import type { Unsigned } from "../../../../backends/aws/api/signing.ts";
import type { Credentials } from "../../../../backends/aws/credentials/credentials.ts";

/** Returns the headers of a signed POST. */
type Reference = (unsigned: Unsigned, credentials: Credentials) => Promise<Headers>;

/** Creates a signer that signs as aws4fetch does. */
export function referenceSigner(): Reference {
  let cache = new Map<string, ArrayBuffer>();
  let last: Credentials;
  return async (unsigned, credentials) => {
    if (credentials !== last) cache = new Map();
    last = credentials;
    const signer = new AwsV4Signer({
      ...unsigned,
      // It takes `undefined` for no session token, though its types do not say so.
      ...credentials as Credentials & { sessionToken: string },
      method: "POST",
      datetime: new Date(unsigned.now).toISOString().replace(/[:-]|\.\d{3}/g, ""),
      cache,
    });
    return (await signer.sign()).headers;
  };
}
