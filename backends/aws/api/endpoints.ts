import { MelangeError } from "../../../src/support/errors.ts";
import type { Environment } from "./environment.ts";
import { baseOf, regionOf, serviceUrl } from "./names.ts";

/** The called services, by the beginning of their hosts; the last two are for credentials. */
export type Service = "sns" | "sqs" | "s3" | "dynamodb" | "sts" | "portal.sso" | "oidc";

/** Options for the endpoints of services. */
export interface EndpointOptions {
  /** The region, such as `eu-west-1`. Default: `AWS_REGION`, else `AWS_DEFAULT_REGION`. */
  region?: string;
  /** The address of all services, for local brokers and proxies. Default: `AWS_ENDPOINT_URL`, else AWS itself. */
  endpoint?: string;
  /** The address of SQS. Default: `endpoint`, else `AWS_ENDPOINT_URL_SQS`. */
  sqsEndpoint?: string;
  /** The address of SNS. Default: `endpoint`, else `AWS_ENDPOINT_URL_SNS`. */
  snsEndpoint?: string;
  /** The address of STS, which knows the account id. Default: `endpoint`, else `AWS_ENDPOINT_URL_STS`. */
  stsEndpoint?: string;
}

/** The service and the address that a request acts on. */
export interface Located {
  readonly service: Service;
  /** The name, ARN or URL of a queue or a topic. */
  readonly address?: string | undefined;
  /** Region of the request. Default: the region in the address, else the region of the settings. */
  readonly region?: string | undefined;
}

/** The region for the signature, and the address for the post. */
export interface Place {
  readonly region: string;
  readonly url: string;
}

/** The options, and where their defaults come from. */
export interface EndpointSettings extends
  EndpointOptions,
  Partial<
    Record<"s3Endpoint" | "dynamodbEndpoint" | "portal.ssoEndpoint" | "oidcEndpoint", string>
  > {
  readonly environment: Environment;
}

/**
 * Finds the target of a request. Throws `CONFIGURATION`, or rejects with it, if no target can be
 * told.
 */
export type Locate = (request: Located, settings: EndpointSettings) => Place | Promise<Place>;

/**
 * Returns the first of these that exists: the option, the environment, the host in the URL of a
 * queue, the endpoint of the region. A host names a region only if AWS owns the host.
 */
export function place(request: Located, settings: EndpointSettings): Place {
  const { service, address = "" } = request;
  const region = request.region ?? regionOf(address) ?? regionFrom(settings);
  const url = givenEndpoint(service, settings) || baseOf(address) || serviceUrl(service, region);
  if (URL.canParse(url) && /^https?:[^@]+$/i.test(url)) return { region, url };
  throw new MelangeError(
    "CONFIGURATION",
    "Cannot use the endpoint as it must be http(s)",
  );
}

/** Returns the given region, else the region of the environment. */
function regionFrom({ region, environment }: EndpointSettings): string {
  const found = region ?? environment("AWS_REGION") ?? environment("AWS_DEFAULT_REGION");
  if (/^[a-z0-9-]+$/.test(found ?? "")) return found!;
  throw new MelangeError(
    "CONFIGURATION",
    "Cannot sign: set region or AWS_REGION",
  );
}

/** The endpoint of a service that somebody chose, if anybody did. */
export function givenEndpoint(service: Service, settings: EndpointSettings): string | undefined {
  const { endpoint, environment } = settings;
  return settings[`${service}Endpoint`] || endpoint ||
    environment(`AWS_ENDPOINT_URL_${service.toUpperCase()}`) || environment("AWS_ENDPOINT_URL");
}
