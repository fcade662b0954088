import type { Logger } from "../../../src/support/logger.ts";
import type { Access } from "../sender.ts";

/** The context that the steps of a declaration share. */
export interface Declaring extends Access {
  readonly signal: AbortSignal;
  readonly logger: Logger;
  /**
   * Tries a call again while its error may pass. The log tells a long wait, except for a quiet
   * call, which does not wait for AWS.
   */
  patiently<T>(call: () => Promise<T>, options?: { quiet: boolean }): Promise<T>;
}
