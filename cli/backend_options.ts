import type { AwsBackendOptions } from "../backends/aws/mod.ts";

/** Returns the options of the backend that the command line gives; the rest is the environment's. */
export function backendOptions(
  values: { region?: string; endpoint?: string; "account-id"?: string },
): AwsBackendOptions {
  const { region, endpoint, "account-id": accountId } = values;
  return {
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(accountId === undefined ? {} : { accountId }),
  };
}
