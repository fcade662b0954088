import { environmentCredentials } from "./credentials.ts";
import type { Found, SearchContext } from "./source.ts";

/**
 * Reads the variables with keys in them.
 *
 * https://docs.aws.amazon.com/sdkref/latest/guide/feature-static-credentials.html
 */
export function environmentVariables({ environment }: SearchContext): Promise<Found> {
  const credentials = environmentCredentials(environment)();
  return Promise.resolve(
    credentials
      ? { credentials }
      : { none: "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not both set" },
  );
}
