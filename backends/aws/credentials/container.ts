/**
 * Credentials of containers: Amazon ECS and EKS Pod Identity.
 *
 * https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
 */
import { ask } from "./ask.ts";
import { brokenSource, type Found, NO_FILES, readFile, type SearchContext } from "./source.ts";
import { temporaryCredentialsFromJson } from "./temporary.ts";

const TIMEOUT_MS = 1_000;
const WHO = "the credentials endpoint of the container";

/** Asks the endpoint that `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` or `…_FULL_URI` names. */
export async function containerCredentials(context: SearchContext): Promise<Found> {
  const { environment, clock } = context;
  const relative = environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  const full = environment("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (!relative && !full) return { none: "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is not set" };
  const url = relative ? ecsUrl(relative) : allowedUrl(full ?? "");
  const token = await authorization(context);
  const { status, text } = await ask(context, {
    who: WHO,
    url,
    headers: { accept: "application/json", ...(token && { authorization: token }) },
    timeoutMs: TIMEOUT_MS,
  });
  if (status !== 200) throw brokenSource(`${WHO} answered HTTP ${status}`);
  const credentials = temporaryCredentialsFromJson(text, clock.now());
  if (credentials) return { credentials };
  throw brokenSource(`${WHO} answered without credentials`, { retryable: true });
}

/** https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html */
const ECS = "http://169.254.170.2";

function ecsUrl(path: string): string {
  const url = URL.canParse(ECS + path) ? new URL(ECS + path) : undefined;
  if (url?.origin === ECS) return url.href;
  throw brokenSource("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is not a path");
}

/** The hosts that a token may go to without encryption: this machine, ECS and the agent of EKS. */
const PLAIN_HOSTS =
  /^(localhost|127\.\d+\.\d+\.\d+|\[::1\]|169\.254\.170\.2|169\.254\.170\.23|\[fd00:ec2::23\])$/;

function allowedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const allowed = url?.protocol === "https:" ||
    (url?.protocol === "http:" && PLAIN_HOSTS.test(url.hostname));
  if (url && allowed && !url.username && !url.password) return url.href;
  throw brokenSource(
    "AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor a host that may be asked without: a loopback address, 169.254.170.2, 169.254.170.23 or fd00:ec2::23",
  );
}

/** Read anew each time: the token in the file is replaced before it ends. */
async function authorization(context: SearchContext): Promise<string | undefined> {
  const { environment, readTextFile, clock } = context;
  const path = environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  const variable = environment("AWS_CONTAINER_AUTHORIZATION_TOKEN");
  if (!path) return checkedToken(variable);
  const file = readTextFile
    ? await readFile({ readTextFile, clock }, path)
    : { unreadable: NO_FILES };
  if ("text" in file) return checkedToken(file.text);
  throw brokenSource(
    `the file of AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE cannot be read (${file.unreadable})`,
    { retryable: readTextFile !== undefined },
  );
}

/** Accepts the characters of a header. `Headers` would quote any other characters in an error. */
function checkedToken(text: string | undefined): string | undefined {
  const token = text?.trim();
  if (token === undefined || /^[ -~]+$/.test(token)) return token;
  throw brokenSource(
    "the authorization token of the container is empty or has a line break in it",
    {
      retryable: true,
    },
  );
}
