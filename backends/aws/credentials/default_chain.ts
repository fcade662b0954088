import { type Clock, type Random, systemClock } from "../../../src/support/clock.ts";
import { MelangeError } from "../../../src/support/errors.ts";
import type { Credentials, CredentialsProvider } from "./credentials.ts";
import { configuredEndpoints, type EndpointKindOptions } from "../api/configured_endpoints.ts";
import type { EndpointOptions } from "../api/endpoints.ts";
import {
  type Environment,
  mayReadEnvironment,
  processEnvironment,
  processFiles,
  processFileWriter,
  processRunner,
  type ReadTextFile,
  type RunProcess,
  type WriteTextFile,
} from "../api/environment.ts";
import { containerCredentials } from "./container.ts";
import { environmentVariables } from "./environment_variables.ts";
import { instanceMetadataCredentials } from "./instance_metadata.ts";
import { profileCredentials } from "./profile.ts";
import type { Search, SearchContext } from "./source.ts";
import { webIdentityCredentials } from "./web_identity.ts";

/** The parts of the machine that the search for credentials may use. */
export interface CredentialsAccess {
  /** Reads the shared files and tokens. Default: the files of the machine, if the runtime has any. */
  readTextFile?: ReadTextFile;
  /**
   * Stores a renewed token of a single sign-on, for other programs. Default: the files of the
   * machine, unless `readTextFile` is given.
   */
  writeTextFile?: WriteTextFile;
  /** Lets a profile's `credential_process` be started: the author of the config file then runs programs as this process. Default: `false`. */
  allowCredentialProcess?: boolean;
  /** Starts the program of a `credential_process`, whatever `allowCredentialProcess` says. Default: none; with `allowCredentialProcess` the shell of the machine, for up to a minute. */
  runProcess?: RunProcess;
}

/** Options of {@linkcode defaultCredentials}; each has a default. */
export interface DefaultCredentialsOptions
  extends EndpointOptions, EndpointKindOptions, CredentialsAccess {
  /** The source of settings. Default: the environment variables of the process. */
  environment?: Environment;
  /** Sends requests. Default: `globalThis.fetch`. */
  fetch?: typeof fetch;
  /** The source of time. Default: the machine's clock. */
  clock?: Clock;
  /** The source of the jitter between attempts. Default: `Math.random`. */
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
 * and credentials files, containers (ECS, EKS Pod Identity), instance metadata (EC2). The provider
 * remembers the first place with credentials, and asks the same place each time. `AwsBackend` uses
 * this provider unless the option `credentials` is given; `awsSender` does not, to stay small.
 *
 * The provider rejects with a `MelangeError`, `CONFIGURATION`. Without credentials in any place,
 * the error lists the places. If a place is set up and does not work, the places after it are not
 * asked. On a machine without a metadata service the search takes one second.
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
  let searching: Promise<Credentials> | undefined;
  const locate = locatorFrom(options);

  async function search(): Promise<Credentials> {
    const context = { ...contextFrom(options), locate };
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
  }

  // Each step has a time limit of its own. Once at a time: a program may ask a person.
  return () => searching ??= search().finally(() => searching = undefined);
}

function contextFrom(options: DefaultCredentialsOptions): SearchContext {
  const {
    environment = processEnvironment,
    readTextFile = processFiles(),
    writeTextFile = options.readTextFile ? undefined : processFileWriter(),
    runProcess = options.allowCredentialProcess === true ? processRunner() : undefined,
    fetch = globalThis.fetch,
    clock = systemClock,
    random = Math.random,
  } = options;
  const { region, endpoint, stsEndpoint } = options;
  const endpoints = {
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
    ...(stsEndpoint !== undefined && { stsEndpoint }),
  };
  return {
    ...{ environment, readTextFile, writeTextFile, runProcess },
    ...{ fetch, clock, random, endpoints },
  };
}

/** Creates the source once, so that settings are not read for each search. */
function locatorFrom(options: DefaultCredentialsOptions) {
  const { environment, readTextFile, clock } = contextFrom(options);
  return configuredEndpoints(options, { environment, readTextFile, clock });
}

function noCredentials(tried: readonly string[], options: { retryable: boolean }): MelangeError {
  const blind = mayReadEnvironment()
    ? ""
    : ", and this program may not read the environment: run it with --allow-env";
  return new MelangeError(
    "CONFIGURATION",
    `Cannot sign a request as there are no credentials${blind}. Tried: ${
      tried.join("; ")
    }. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS_PROFILE, or give the option \`credentials\``,
    options,
  );
}
