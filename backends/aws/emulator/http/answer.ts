import { RequestError } from "../errors.ts";
import type { Output, ServiceName } from "../operation.ts";
import { snsXml } from "./sns_xml.ts";
import { sqsXml } from "./sqs_xml.ts";
import { element, textElement } from "./xml.ts";
import type { EmulatorAnswer } from "./incoming.ts";

/** The form of an answer. */
export interface AnswerStyle {
  /** `json` is AWS JSON 1.0. */
  readonly protocol: "json" | "query";
  /** The service of the action. */
  readonly service: ServiceName;
  /** The action; empty if nobody knows. */
  readonly action: string;
  /** The id of the request. */
  readonly requestId: string;
}

const NAMESPACES: Readonly<Record<ServiceName, string>> = {
  sqs: "http://queue.amazonaws.com/doc/2012-11-05/",
  sns: "http://sns.amazonaws.com/doc/2010-03-31/",
  sts: "https://sts.amazonaws.com/doc/2011-06-15/",
  emulator: "",
};

/** The actions whose answers have no result, not even an empty result. */
const SILENT: ReadonlySet<string> = new Set([
  "AddPermission",
  "ChangeMessageVisibility",
  "DeleteMessage",
  "DeleteQueue",
  "DeleteTopic",
  "PurgeQueue",
  "RemovePermission",
  "SetQueueAttributes",
  "SetSubscriptionAttributes",
  "SetTopicAttributes",
  "TagQueue",
  "Unsubscribe",
  "UntagQueue",
]);

const JSON_TYPE = "application/x-amz-json-1.0";
const XML_TYPE = "text/xml";

/** The answer to a request that was done. */
export function answer(output: Output, style: AnswerStyle): EmulatorAnswer {
  if (style.protocol === "json") {
    const isEmpty = Object.keys(output).length === 0;
    return respond(200, isEmpty ? "{}" : JSON.stringify(output), style);
  }
  return respond(200, xmlOf(output, style), style);
}

function xmlOf(output: Output, { service, action, requestId }: AnswerStyle): string {
  const members = service === "sqs" ? sqsXml(output, action) : snsXml(output);
  const metadata = element("ResponseMetadata", textElement("RequestId", requestId));
  const result = SILENT.has(action) ? "" : element(`${action}Result`, members);
  return `<?xml version="1.0"?><${action}Response xmlns="${
    NAMESPACES[service]
  }">${result}${metadata}</${action}Response>`;
}

/** The answer to a request that was refused. */
export function refusal(error: unknown, style: AnswerStyle): EmulatorAnswer {
  const { code, message, inQuery = message, facts: { status, type } } =
    error instanceof RequestError
      ? error
      : new RequestError("InternalFailure", "The emulator failed.", {
        status: 500,
        type: "com.amazon.coral.service#InternalFailure",
      });
  const whose = status < 500 ? "Sender" : "Receiver";
  if (style.protocol === "json") {
    return respond(status, JSON.stringify({ __type: type, message }), style, {
      "x-amzn-query-error": `${code};${whose}`,
    });
  }
  const inner = textElement("Type", whose) + textElement("Code", code) +
    textElement("Message", inQuery) + (style.service === "sqs" ? "<Detail/>" : "");
  const xml = `<?xml version="1.0"?><ErrorResponse xmlns="${NAMESPACES[style.service]}">${
    element("Error", inner)
  }${textElement("RequestId", style.requestId)}</ErrorResponse>`;
  return respond(status, xml, style);
}

function respond(
  status: number,
  body: string,
  { protocol, requestId }: AnswerStyle,
  headers: Record<string, string> = {},
): EmulatorAnswer {
  const type = protocol === "json" ? JSON_TYPE : XML_TYPE;
  return {
    status,
    headers: { "content-type": type, "x-amzn-requestid": requestId, ...headers },
    body,
  };
}
