/**
 * The signature of a request: the signer and the signed parts.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-authentication-methods.html
 */
import { commonError } from "../errors.ts";
import { addressOf, type Incoming } from "./incoming.ts";

/** The content of a signature. */
export interface Authorization {
  /** The key that signed. */
  readonly accessKeyId: string;
  /** The day, as `20260101`. */
  readonly day: string;
  /** The region. */
  readonly region: string;
  /** The service. */
  readonly service: string;
  /** The names of the headers that are signed. */
  readonly signedHeaders: readonly string[];
  /** The signature, in hexadecimal. */
  readonly signature: string;
  /** The time of the signature, as `20260101T000000Z`. */
  readonly date: string;
  /** Tells that the signature stands in the query of the address. */
  readonly presigned: boolean;
}

const ALGORITHM = "AWS4-HMAC-SHA256";
const SCOPE = /^(.{1,128}?)\/(\d{8})\/([a-z0-9-]+)\/([a-z0-9-]+)\/aws4_request$/;

/**
 * Reads the signature of a request; `undefined` if it has none.
 *
 * @throws {RequestError} `IncompleteSignature`
 */
export function readAuthorization(request: Incoming): Authorization | undefined {
  const header = request.headers.get("authorization");
  if (header !== null) return readHeader(header, request.headers);
  const query = addressOf(request.url).searchParams;
  if (!query.has("X-Amz-Algorithm") && !query.has("X-Amz-Signature")) return undefined;
  return parts({
    credential: query.get("X-Amz-Credential"),
    signedHeaders: query.get("X-Amz-SignedHeaders"),
    signature: query.get("X-Amz-Signature"),
    date: query.get("X-Amz-Date"),
    presigned: true,
  });
}

function readHeader(header: string, headers: Incoming["headers"]): Authorization {
  if (!header.startsWith(`${ALGORITHM} `)) {
    throw incomplete(`Unsupported AWS 'algorithm': '${header.split(" ")[0]?.slice(0, 40)}'.`);
  }
  return parts({
    credential: fieldOf(header, "Credential="),
    signedHeaders: fieldOf(header, "SignedHeaders="),
    signature: fieldOf(header, "Signature="),
    date: headers.get("x-amz-date") ?? headers.get("date"),
    presigned: false,
  });
}

/** Returns the value of a field of the header, up to the next comma, space or `=`. */
function fieldOf(header: string, name: string): string | undefined {
  let at = header.indexOf(name);
  // A field begins behind a space or a comma.
  while (at > 0 && header[at - 1] !== " " && header[at - 1] !== ",") {
    at = header.indexOf(name, at + 1);
  }
  if (at < 0) return undefined;
  const [value] = /^[^,\s=]*/.exec(header.slice(at + name.length)) ?? [];
  return value;
}

type Given = string | null | undefined;

function parts(
  given: {
    credential: Given;
    signedHeaders: Given;
    signature: Given;
    date: Given;
    presigned: boolean;
  },
): Authorization {
  const { credential, signedHeaders, signature, date, presigned } = given;
  if (!credential) throw incomplete("Authorization header requires 'Credential' parameter.");
  if (!signedHeaders) throw incomplete("Authorization header requires 'SignedHeaders' parameter.");
  if (!signature) throw incomplete("Authorization header requires 'Signature' parameter.");
  if (!date) {
    throw incomplete(
      "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
    );
  }
  const [, accessKeyId, day, region, service] = SCOPE.exec(credential) ?? [];
  if (!accessKeyId || !day || !region || !service) {
    throw incomplete(
      "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.",
    );
  }
  return {
    accessKeyId,
    day,
    region,
    service,
    signedHeaders: signedHeaders.split(";"),
    signature,
    date,
    presigned,
  };
}

function incomplete(message: string) {
  return commonError("IncompleteSignature", message);
}
