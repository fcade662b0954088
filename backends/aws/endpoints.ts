import { MelangeError } from "../../src/errors.ts";
import type { Environment } from "./environment.ts";
import { serviceUrl } from "./names.ts";

/** The services that are called. */
export type Service = "sns" | "sqs" | "sts";

/** Where services are. */
export interface EndpointOptions {
  /** The region, such as `eu-west-1`. Default: `AWS_REGION`, else `AWS_DEFAULT_REGION`. */
  region?: string;
  /** The address of all services, for local brokers and proxies. Default: `AWS_ENDPOINT_URL`, else AWS itself. */
  endpoint?: string;
  /** The address of SQS. Default: `endpoint`, else `AWS_ENDPOINT_URL_SQS`. */
  sqsEndpoint?: string;
  /** The address of SNS. Default: `endpoint`, else `AWS_ENDPOINT_URL_SNS`. */
  snsEndpoint?: string;
}

/** The region that was given, else the one of the environment; throws `CONFIGURATION` without one. */
export function regionFrom(options: EndpointOptions, environment: Environment): string {
  const region = options.region ?? environment("AWS_REGION") ?? environment("AWS_DEFAULT_REGION");
  if (typeof region === "string" && /^[a-z0-9-]+$/.test(region)) return region;
  throw new MelangeError(
    "CONFIGURATION",
    `Cannot find the AWS region as ${
      region ? "the one given is not a name such as eu-west-1" : "there is none"
    }: set AWS_REGION, or give the option \`region\``,
  );
}

/** The address to which the requests of a service are posted. */
export function endpointFrom(
  service: Service,
  region: string,
  options: EndpointOptions & { environment: Environment },
): string {
  const { endpoint, sqsEndpoint, snsEndpoint, environment } = options;
  const own = { sqs: sqsEndpoint, sns: snsEndpoint, sts: undefined }[service];
  const given = own ?? endpoint ?? environment(`AWS_ENDPOINT_URL_${service.toUpperCase()}`) ??
    environment("AWS_ENDPOINT_URL");
  if (given) return checkedUrl(given);
  const beside = service === "sts" ? endpointFrom("sns", region, options) : undefined;
  // A local broker answers for STS where it answers for SNS; a VPC endpoint of SNS does not.
  if (beside && !/\.amazonaws\./.test(beside)) return beside;
  return serviceUrl(service, region);
}

function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && /^https?:$/.test(url.protocol) && !url.username && !url.password) return url.href;
  throw new MelangeError(
    "CONFIGURATION",
    "Cannot use the endpoint as it is not an http or https URL without a user and a password",
  );
}
