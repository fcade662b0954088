import type { Usage } from "../backend.ts";
import type { ErrorFacts } from "../support/errors.ts";

/**
 * Health of a consumer: `stalled` if it wants messages and no receive succeeds.
 *
 * @category Consuming
 */
export type Health = "running" | "draining" | "stalled" | "stopped";

/**
 * State and counts of a consumer since its creation.
 *
 * @category Consuming
 */
export interface ConsumerStatus {
  /** Queue of the consumer. */
  readonly queue: string;
  /** Health at this moment. */
  readonly health: Health;
  /** Tells that nothing is received, by `pause()` or by the kill switch. */
  readonly paused?: true;
  /** Messages whose handlers run. */
  readonly running: number;
  /** Messages held: running, waiting for their turn, or being settled. */
  readonly inFlight: number;
  /** Messages received. */
  readonly received: number;
  /** Messages acknowledged. */
  readonly acknowledged: number;
  /** Failed tries. */
  readonly retried: number;
  /** Messages moved to the dead-letter queue. */
  readonly deadLettered: number;
  /** Messages whose lock was lost before they were settled. */
  readonly lost: number;
  /** Receives that failed. */
  readonly receiveErrors: number;
  /** Time of the last receive that succeeded, empty or not. */
  readonly lastReceiveAt: Date | undefined;
  /** Last error of a receive, with its time. */
  readonly lastError: (ErrorFacts & { readonly when: Date }) | undefined;
  /**
   * Requests of the whole backend with their price, including the requests of publishers and other
   * consumers of the backend. Missing for backends that bill nothing.
   */
  readonly usage?: Usage;
}
