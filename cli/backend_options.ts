import type { AwsBackendOptions } from "../backends/aws/mod.ts";

/** The options of the backend that the command line gives; the rest comes from the environment. */
export function backendOptions(
  { region, endpoint }: { region?: string; endpoint?: string },
): AwsBackendOptions {
  return {
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
  };
}
