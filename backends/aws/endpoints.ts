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
  if (/^[a-z0-9-]+$/.test(region ?? "")) return region!;
  throw new MelangeError(
    "CONFIGURATION",
    "Cannot sign as the region must be one such as eu-west-1: set AWS_REGION, or `region`",
  );
}

/** The address to which the requests of a service are posted. */
export function endpointFrom(
  service: Service,
  region: string,
  options: EndpointOptions & { environment: Environment },
): string {
  const own = givenEndpoint(service, options);
  // A local broker answers for STS where it answers for SNS; a VPC endpoint of SNS does not.
  const beside = service === "sts" && givenEndpoint("sns", options);
  const url = own ||
    (beside && !/\.amazonaws\./.test(beside) ? beside : serviceUrl(service, region));
  if (URL.canParse(url) && /^https?:[^@]+$/i.test(url)) return url;
  throw new MelangeError(
    "CONFIGURATION",
    "Cannot use the endpoint as it must be http(s) without a password",
  );
}

function givenEndpoint(
  service: Service,
  options: EndpointOptions & { stsEndpoint?: undefined; environment: Environment },
): string | undefined {
  const { endpoint, environment } = options;
  return options[`${service}Endpoint`] || endpoint ||
    environment(`AWS_ENDPOINT_URL_${service.toUpperCase()}`) || environment("AWS_ENDPOINT_URL");
}
