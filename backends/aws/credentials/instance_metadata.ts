/**
 * Credentials of EC2 instances, by the instance metadata service, version 2 only. Version 1 hands
 * them to anybody who can make this program fetch an address.
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
 */
import { MelangeError } from "../../../src/support/errors.ts";
import { type Answer, ask } from "./ask.ts";
import { brokenSource, type Found, type SearchContext } from "./source.ts";
import { temporaryCredentialsFromJson } from "./temporary.ts";

const TIMEOUT_MS = 1_000;
const WHO = "the instance metadata service";
const ROLES = "/latest/meta-data/iam/security-credentials/";

/** Asks the metadata service for the credentials of the role of the instance. */
export async function instanceMetadataCredentials(context: SearchContext): Promise<Found> {
  const { environment, readTextFile, clock } = context;
  if (environment("AWS_EC2_METADATA_DISABLED")?.toLowerCase() === "true") {
    return { none: "AWS_EC2_METADATA_DISABLED is true" };
  }
  if (!readTextFile) return { none: "this runtime is no server" };
  const endpoint = endpointFrom(context);
  const session = await startSession(context, endpoint);
  if ("none" in session) return session;
  const get = (path: string) => metadata(context, { endpoint, path, token: session.token });
  const roles = await get(ROLES);
  if (roles.status === 404) return { none: "the instance has no role" };
  const role = await get(ROLES + roleIn(roles));
  const credentials = role.status === 200
    ? temporaryCredentialsFromJson(role.text, clock.now())
    : undefined;
  if (credentials) return { credentials };
  throw brokenSource(`${WHO} answered without credentials`, { retryable: true });
}

function endpointFrom({ environment }: SearchContext): string {
  const ipv6 = environment("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE")?.toLowerCase() === "ipv6";
  const text = environment("AWS_EC2_METADATA_SERVICE_ENDPOINT") ??
    (ipv6 ? "http://[fd00:ec2::254]" : "http://169.254.169.254");
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && /^https?:$/.test(url.protocol) && !url.username && !url.password) return url.origin;
  throw brokenSource("AWS_EC2_METADATA_SERVICE_ENDPOINT is not an http or https URL");
}

/** Tells a token from other answers: a proxy may answer for all addresses, and is no instance. */
async function startSession(
  context: SearchContext,
  endpoint: string,
): Promise<{ token: string } | { none: string }> {
  try {
    const { status, text } = await ask(context, {
      who: WHO,
      url: `${endpoint}/latest/api/token`,
      method: "PUT",
      headers: { "x-aws-ec2-metadata-token-ttl-seconds": "21600" },
      timeoutMs: TIMEOUT_MS,
      mayBeAbsent: true,
    });
    const isToken = status === 200 && /^[!-~]{1,1024}$/.test(text) && !text.startsWith("<");
    return isToken ? { token: text } : { none: "there is no metadata service" };
  } catch (error) {
    if (error instanceof MelangeError) return { none: "the metadata service does not answer" };
    throw error;
  }
}

function metadata(
  context: SearchContext,
  { endpoint, path, token }: { endpoint: string; path: string; token: string },
): Promise<Answer> {
  const headers = { "x-aws-ec2-metadata-token": token };
  return ask(context, { who: WHO, url: endpoint + path, headers, timeoutMs: TIMEOUT_MS });
}

/** The name goes into a path. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html */
function roleIn({ status, text }: Answer): string {
  const [role = ""] = text.trim().split("\n");
  if (status === 200 && /^[\w+=,@-][\w+=,.@-]{0,63}$/.test(role.trim())) return role.trim();
  throw brokenSource(`${WHO} answered without the name of a role`, { retryable: true });
}
