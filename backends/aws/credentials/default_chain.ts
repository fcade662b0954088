import { type Clock, type Random, systemClock } from "../../../src/clock.ts";
import { MelangeError } from "../../../src/errors.ts";
import type { Credentials, CredentialsProvider } from "../credentials.ts";
import type { EndpointOptions } from "../endpoints.ts";
import {
  type Environment,
  processEnvironment,
  processFiles,
  type ReadTextFile,
} from "../environment.ts";
import { containerCredentials } from "./container.ts";
import { environmentVariables } from "./environment_variables.ts";
import { instanceMetadataCredentials } from "./instance_metadata.ts";
import { profileCredentials } from "./profile.ts";
import type { Search, SearchContext } from "./source.ts";
import { webIdentityCredentials } from "./web_identity.ts";

/** Options of {@linkcode defaultCredentials}; each has a default. */
export interface DefaultCredentialsOptions extends EndpointOptions {
  /** Where settings come from. Default: the environment variables of the process. */
  environment?: Environment;
  /** Reads the shared files and tokens. Default: the files of the machine, if the runtime has any. */
  readTextFile?: ReadTextFile;
  /** Sends requests. Default: `globalThis.fetch`. */
  fetch?: typeof fetch;
  /** Where time comes from. Default: the machine's clock. */
  clock?: Clock;
  /** Where the jitter between attempts comes from. Default: `Math.random`. */
  random?: Random;
}

/** In the order of the AWS SDKs. https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html */
const CHAIN: readonly (readonly [place: string, search: Search])[] = [
  ["environment", environmentVariables],
  ["web identity", webIdentityCredentials],
  ["shared files", profileCredentials],
  ["container", containerCredentials],
  ["instance metadata", instanceMetadataCredentials],
];

/**
 * Finds credentials where the AWS SDKs do: environment variables, web identity (EKS), shared config
 * and credentials files, containers (ECS, EKS Pod Identity), instance metadata (EC2). The place that
 * has some is remembered, and asked each time. `AwsBackend` does this unless it is given the option
 * `credentials`; `awsSender` does not, so that it stays small.
 *
 * The provider rejects with a `MelangeError`, `CONFIGURATION`: if there are none anywhere, it says
 * what was tried; if a place is set up and does not work, the places after it are not asked. A
 * machine without metadata service takes one second to find that out.
 *
 * @example
 * ```ts
 * import { awsSender, defaultCredentials } from "@melange/melange/aws";
 *
 * const environment = (name: string) =>
 *   ({ AWS_ACCESS_KEY_ID: "AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY: "example" })[name];
 * const credentials = defaultCredentials({ environment });
 * const sender = awsSender({ region: "eu-west-1", credentials });
 * if ((await credentials()).accessKeyId !== "AKIDEXAMPLE" || !sender) throw new Error("unexpected");
 * ```
 */
export function defaultCredentials(options: DefaultCredentialsOptions = {}): CredentialsProvider {
  let remembered: Search | undefined;
  return async (): Promise<Credentials> => {
    const context = contextFrom(options);
    const again = await remembered?.(context);
    if (again && "credentials" in again) return again.credentials;
    const tried: string[] = [];
    for (const [place, search] of CHAIN) {
      const found = await search(context);
      if ("credentials" in found) {
        remembered = search;
        return found.credentials;
      }
      tried.push(`${place} (${found.none})`);
    }
    // Where there were some before, there may be again.
    throw noCredentials(tried, { retryable: remembered !== undefined });
  };
}

function contextFrom(options: DefaultCredentialsOptions): SearchContext {
  const {
    environment = processEnvironment,
    readTextFile = processFiles(),
    fetch = globalThis.fetch,
    clock = systemClock,
    random = Math.random,
  } = options;
  const { region, endpoint, snsEndpoint } = options;
  const endpoints = {
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
    ...(snsEndpoint !== undefined && { snsEndpoint }),
  };
  return { environment, readTextFile, fetch, clock, random, endpoints };
}

function noCredentials(tried: readonly string[], options: { retryable: boolean }): MelangeError {
  return new MelangeError(
    "CONFIGURATION",
    `Cannot sign a request as there are no credentials. Tried: ${
      tried.join("; ")
    }. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS_PROFILE, or give the option \`credentials\``,
    options,
  );
}
