/**
 * Finds endpoints as the AWS SDKs do, by options, environment, the profile in the shared files.
 * `awsSender` does without the profile, to stay small.
 * https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
 */
import { type Clock, reading } from "../../../src/support/clock.ts";
import { MelangeError } from "../../../src/support/errors.ts";
import type { Section } from "../credentials/ini.ts";
import { readSharedFiles, type SharedFiles } from "../credentials/shared_files.ts";
import {
  type EndpointOptions,
  type EndpointSettings,
  givenEndpoint,
  type Located,
  type Place,
  place,
  type Service,
} from "./endpoints.ts";
import type { Environment, ReadTextFile } from "./environment.ts";
import { baseOf } from "./names.ts";
import { partitionOf } from "./partitions.ts";

/** Which of the endpoints of a region are used. */
export interface EndpointKindOptions {
  /** Uses the endpoints with FIPS 140 cryptography. Default: `AWS_USE_FIPS_ENDPOINT`, else the profile's `use_fips_endpoint`, else `false`. */
  useFipsEndpoint?: boolean;
  /** Uses the endpoints that answer over IPv4 and IPv6. Default: `AWS_USE_DUALSTACK_ENDPOINT`, else the profile's `use_dualstack_endpoint`, else `false`. */
  useDualstackEndpoint?: boolean;
}

/** The sources of settings. */
export interface EndpointSources {
  readonly environment: Environment;
  /** `undefined` where there are no files. */
  readonly readTextFile: ReadTextFile | undefined;
  readonly clock: Clock;
}

interface Settings extends EndpointSettings {
  readonly fips: boolean;
  readonly dualStack: boolean;
  /** Tells that files with more settings did not answer. */
  readonly isPartial: boolean;
}

/**
 * Finds where requests go. The settings are read at the first request, and anew after they could
 * not be read.
 *
 * @throws {TypeError} if a flag is neither `true` nor `false`
 */
export function configuredEndpoints(
  options: EndpointOptions & EndpointKindOptions,
  sources: EndpointSources,
): (request: Located) => Promise<Place> {
  for (const name of ["useFipsEndpoint", "useDualstackEndpoint"] as const) {
    if (["boolean", "undefined"].includes(typeof options[name])) continue;
    throw new TypeError(`Cannot use ${name} as it must be true or false`);
  }
  const settings = settingsKept(() => readSettings(options, sources), sources.clock);
  return async (request) => placeOfKind(request, await settings());
}

/** The time for which settings count that lack files without an answer. */
const READ_AGAIN_MS = 30_000;

/**
 * Reads settings once, anew after a failure, and now and then while files are missing, without a
 * wait for the caller.
 */
function settingsKept(read: () => Promise<Settings>, clock: Clock): () => Promise<Settings> {
  let kept: Promise<Settings> | undefined;
  let readAgainAt = Infinity;
  const start = () => {
    readAgainAt = Infinity;
    const current = read();
    current.then(({ isPartial }) => {
      kept = current;
      if (isPartial) readAgainAt = reading(clock) + READ_AGAIN_MS;
    }, () => kept = undefined);
    return current;
  };
  return () => {
    if (kept && reading(clock) >= readAgainAt) start();
    return kept ??= start();
  };
}

function placeOfKind(request: Located, settings: Settings): Place {
  const found = place(request, settings);
  const { fips, dualStack } = settings;
  if (!fips && !dualStack) return found;
  const { service, address = "" } = request;
  if (givenEndpoint(service, settings) || isElsewhere(address, found.region)) {
    throw misconfigured(
      "a custom endpoint excludes useFipsEndpoint and useDualstackEndpoint (and their settings in the environment and the profile)",
    );
  }
  return { region: found.region, url: kindUrl(service, found.region, { fips, dualStack }) };
}

/** Tells whether the URL of a queue names a place without other kinds of endpoints: a broker, a proxy, a VPC endpoint. */
function isElsewhere(address: string, region: string): boolean {
  const base = baseOf(address);
  if (base === undefined) return false;
  const { domain } = partitionOf(region);
  const hosts = [
    ...["sqs", "sqs-fips"].flatMap((name) =>
      [domain, DUAL_STACK_DOMAINS[domain]].map((end) => `${name}.${region}.${end}`)
    ),
    `${region}.queue.${domain}`,
    "queue.amazonaws.com",
  ];
  return !hosts.some((host) => new URL(base).href === `https://${host}/`);
}

/** The domains with IPv4 and IPv6, by the domain with IPv4 only. */
const DUAL_STACK_DOMAINS: Record<string, string> = {
  "amazonaws.com": "api.aws",
  "amazonaws.com.cn": "api.amazonwebservices.com.cn",
  "amazonaws.eu": "api.amazonwebservices.eu",
  "c2s.ic.gov": "api.aws.ic.gov",
  "sc2s.sgov.gov": "api.aws.scloud",
  "csp.hci.ic.gov": "api.aws.hci.ic.gov",
  "cloud.adc-e.uk": "api.cloud-aws.adc-e.uk",
};

/**
 * The address of a service where FIPS, dual-stack or both are asked for. The services of GovCloud
 * answer with FIPS at their plain names.
 */
export function kindUrl(
  service: string,
  region: string,
  { fips, dualStack }: { fips: boolean; dualStack: boolean },
): string {
  const { id, domain } = partitionOf(region);
  const isPlain = !fips || (id === "aws-us-gov" && !dualStack);
  const name = isPlain ? service : `${service}-fips`;
  return `https://${name}.${region}.${dualStack ? DUAL_STACK_DOMAINS[domain] : domain}`;
}

async function readSettings(
  options: EndpointOptions & EndpointKindOptions,
  sources: EndpointSources,
): Promise<Settings> {
  const { environment } = sources;
  const isNeeded = NAMED_FILES.some(environment) || !regionOutside(options, environment);
  const read = await filesIn(sources, isNeeded);
  const files = read === "silent" ? undefined : read;
  const profile = files?.profiles.get(environment("AWS_PROFILE") ?? "default");
  const flag = (option: boolean | undefined, name: string) =>
    option ?? flagIn(environment(`AWS_${name}`), `AWS_${name}`) ??
      flagIn(profile?.get(name.toLowerCase()), `${name.toLowerCase()} of the profile`) ?? false;
  const ignored = flag(undefined, "IGNORE_CONFIGURED_ENDPOINT_URLS");
  const region = regionOutside(options, environment) ?? profile?.get("region");
  const endpointOf = (service: Service) =>
    ignored
      ? givenEndpoint(service, { ...options, environment: nothing })
      : givenEndpoint(service, { ...options, environment }) ??
        endpointOfProfile(service, profile, files);
  // Not the endpoint of all services: what takes messages has no use for a token of a login.
  const ownEndpointOf = (id: string) =>
    ignored ? undefined : environment(`AWS_ENDPOINT_URL_${id}`) ??
      servicesOf(profile, files)?.get(`${id.toLowerCase()}.endpoint_url`);
  const endpoints = {
    sqsEndpoint: endpointOf("sqs"),
    snsEndpoint: endpointOf("sns"),
    s3Endpoint: endpointOf("s3"),
    dynamodbEndpoint: endpointOf("dynamodb"),
    stsEndpoint: endpointOf("sts") ?? brokerOf(endpointOf("sns")),
    "portal.ssoEndpoint": ownEndpointOf("SSO"),
    oidcEndpoint: ownEndpointOf("SSO_OIDC"),
  };
  return {
    ...Object.fromEntries(Object.entries({ ...endpoints, region }).filter(([, value]) => value)),
    // Everything is read: what follows must not fall back on it.
    environment: nothing,
    isPartial: read === "silent",
    fips: flag(options.useFipsEndpoint, "USE_FIPS_ENDPOINT"),
    dualStack: flag(options.useDualstackEndpoint, "USE_DUALSTACK_ENDPOINT"),
  };
}

function nothing(): undefined {}

/** The variables that point to settings in files. */
const NAMED_FILES = ["AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"];

function regionOutside({ region }: EndpointOptions, environment: Environment): string | undefined {
  return region ?? environment("AWS_REGION") ?? environment("AWS_DEFAULT_REGION");
}

/**
 * Reads the files of the home folder. A folder that never answers counts as a folder without files,
 * unless the files are needed.
 */
async function filesIn(
  { environment, readTextFile, clock }: EndpointSources,
  isNeeded: boolean,
): Promise<SharedFiles | "silent" | undefined> {
  try {
    return readTextFile && await readSharedFiles({ environment, readTextFile, clock });
  } catch (error) {
    if (isNeeded) throw error;
    return "silent";
  }
}

/**
 * Returns the broker on this machine that answers for SNS, which then answers for STS as well. No
 * other host counts as a broker.
 */
function brokerOf(snsEndpoint: string | undefined): string | undefined {
  const isLocal =
    /^https?:\/\/(([\w-]+\.)*localhost(\.localstack\.cloud)?|127\.\d+\.\d+\.\d+|\[::1\])(?=[:/]|$)/i;
  return snsEndpoint && isLocal.test(snsEndpoint) ? snsEndpoint : undefined;
}

/** Exactly `true` or `false`, as in the SDKs: a typing error must not choose a weaker endpoint. */
function flagIn(text: string | undefined, name: string): boolean | undefined {
  if (text === undefined) return undefined;
  if (text === "true" || text === "false") return text === "true";
  throw misconfigured(`${name} must be true or false`);
}

/** The section `services` of the profile comes before its `endpoint_url`. */
function endpointOfProfile(
  service: Service,
  profile: Section | undefined,
  files: SharedFiles | undefined,
): string | undefined {
  return servicesOf(profile, files)?.get(`${service}.endpoint_url`) ??
    profile?.get("endpoint_url");
}

function servicesOf(
  profile: Section | undefined,
  files: SharedFiles | undefined,
): Section | undefined {
  const name = profile?.get("services");
  if (name === undefined) return undefined;
  const services = files?.services.get(name);
  if (services) return services;
  throw misconfigured("the profile names a section `services` that is not in the config file");
}

function misconfigured(rule: string): MelangeError {
  return new MelangeError("CONFIGURATION", `Cannot tell where AWS is as ${rule}`);
}
