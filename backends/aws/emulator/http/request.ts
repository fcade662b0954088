/** Reads requests: the protocol, the service, the action and the parameters. */
import { commonError } from "../errors.ts";
import { isRecord } from "../input.ts";
import type { Input, ServiceName } from "../operation.ts";
import { inputOf } from "./form.ts";
import { addressOf, type Incoming } from "./incoming.ts";

/** The action of a request, with its parameters. */
export interface Asked {
  /** The protocol of the request. */
  readonly protocol: "json" | "query";
  /** The service. */
  readonly service: ServiceName;
  /** The action. */
  readonly action: string;
  /** The parameters of the action. */
  readonly input: Input;
}

const TARGET = /^AmazonSQS\.(\w+)$/;
/** The services by the versions of their Query protocols. */
const VERSIONS: Readonly<Record<string, ServiceName>> = {
  "2012-11-05": "sqs",
  "2009-02-01": "sqs",
  "2010-03-31": "sns",
  "2011-06-15": "sts",
};

/** The protocol of a request, which decides also how it is refused. */
export function protocolOf(headers: Incoming["headers"]): "json" | "query" {
  return headers.has("x-amz-target") ? "json" : "query";
}

/**
 * Reads a request. `signedFor` is the service in the signature, if there is a signature.
 *
 * @throws {RequestError} if the request makes no sense
 */
export function readRequest(
  request: Incoming,
  body: string,
  signedFor: string | undefined,
): Asked {
  const target = request.headers.get("x-amz-target");
  if (target !== null) return readJson(target, body);
  const url = addressOf(request.url);
  const form = new URLSearchParams(url.search);
  for (const [name, value] of new URLSearchParams(body)) form.append(name, value);
  return readForm(form, url, signedFor);
}

function readJson(target: string, body: string): Asked {
  const [, action] = TARGET.exec(target) ?? [];
  if (action === undefined) {
    throw commonError("InvalidAction", `The target ${target.slice(0, 99)} is none of SQS.`);
  }
  let input: unknown;
  try {
    input = JSON.parse(body || "{}");
  } catch {
    throw commonError("MalformedInput", "The body is no JSON.");
  }
  if (!isRecord(input)) throw commonError("MalformedInput", "The body is no object.");
  return { protocol: "json", service: "sqs", action, input };
}

function readForm(form: URLSearchParams, url: URL, signedFor: string | undefined): Asked {
  const action = form.get("Action") ?? "";
  const service = VERSIONS[form.get("Version") ?? ""] ?? serviceNamed(signedFor) ?? "sns";
  if (action === "") {
    throw commonError("MissingAction", "The request must contain the parameter Action.");
  }
  for (const name of [...form.keys()]) {
    if (name === "Action" || name === "Version" || name.startsWith("X-Amz-")) form.delete(name);
  }
  const input = inputOf(form, service);
  // The older SDKs and the CLI post to the URL of the queue.
  const isAtQueue = service === "sqs" && !("QueueUrl" in input) && url.pathname.length > 1;
  const queue = isAtQueue ? { QueueUrl: url.origin + url.pathname } : {};
  // The Query protocol knew the older parameter first, and listens to it.
  const { MessageSystemAttributeNames, ...rest } = input;
  const names = MessageSystemAttributeNames === undefined || "AttributeNames" in rest
    ? {}
    : { MessageSystemAttributeNames };
  return { protocol: "query", service, action, input: { ...queue, ...rest, ...names } };
}

function serviceNamed(name: string | undefined): ServiceName | undefined {
  return name === "sqs" || name === "sns" || name === "sts" ? name : undefined;
}
