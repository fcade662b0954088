import type { Random } from "../../../src/support/clock.ts";
import { commonError, RequestError, sqsError } from "./errors.ts";
import { isRecord } from "./input.ts";
import type { Operation, ServiceName } from "./operation.ts";

/** Probabilities of faults, each from 0 (never, the default) to 1 (always). */
export interface EmulatorFaults {
  /**
   * Share of requests that are done, and whose answers are lost: the fetch rejects, as for a broken
   * connection.
   */
  lostAnswers?: number;
  /** Share of requests that are refused because there were too many. */
  throttled?: number;
  /**
   * Share of sending requests for which a standard queue stores each message twice, under the same
   * ids.
   */
  duplicates?: number;
  /**
   * Share of sending requests whose messages a standard queue hands out before or after others that
   * were sent within the same few seconds.
   */
  disordered?: number;
  /** Share of batch entries that fail by the fault of the service. */
  partial?: number;
  /** Share of receives without a wait that find nothing although messages are there. */
  emptyReceives?: number;
}

/** The faults of an operation. */
export type Marks = Pick<Operation, "failing" | "twice" | "disorder">;

/** The source of faults, which decides by chance for each request. */
export interface FaultSource {
  /** Throws the error of a throttled request, if chance says so. */
  throttle(service: ServiceName): void;
  /** Returns the faults of an operation. */
  marks(action: string, input: Operation["input"]): Marks;
  /** Decides that a receive finds nothing. */
  findsNothing(): boolean;
  /** Decides that the answer is lost. */
  losesAnswer(): boolean;
}

const SENDS = /^(SendMessage|Publish)(Batch)?$/;
const BATCHES = /Batch$/;

/**
 * Creates a source of faults.
 * @throws {RangeError} if a chance is not from 0 to 1
 */
export function faultSource(faults: EmulatorFaults, random: Random): FaultSource {
  for (const [name, chance] of Object.entries(faults)) {
    if (typeof chance === "number" && chance >= 0 && chance <= 1) continue;
    throw new RangeError(
      `Cannot create the emulator as faults.${name} is from 0 to 1: current value is ${chance}`,
    );
  }
  // What never happens takes no number, so that other faults come where they came before.
  const happens = (chance: number | undefined) =>
    chance !== undefined && chance > 0 && random() < chance;
  return {
    throttle(service) {
      if (happens(faults.throttled)) throw throttled(service);
    },
    marks(action, input) {
      const twice = SENDS.test(action) && happens(faults.duplicates);
      const isDisordered = SENDS.test(action) && happens(faults.disordered);
      const disorder = isDisordered ? { disorder: Math.floor(random() * 2 ** 32) } : {};
      const entries = BATCHES.test(action) && faults.partial ? entriesOf(input) : [];
      const failing = entries.flatMap((_, place) => happens(faults.partial) ? [place] : []);
      return {
        ...(twice ? { twice } : {}),
        ...disorder,
        ...(failing.length > 0 ? { failing } : {}),
      };
    },
    findsNothing: () => happens(faults.emptyReceives),
    losesAnswer: () => happens(faults.lostAnswers),
  };
}

function entriesOf(input: Operation["input"]): unknown[] {
  const entries = input.Entries ?? input.PublishBatchRequestEntries;
  return Array.isArray(entries) && entries.every(isRecord) ? entries : [];
}

function throttled(service: ServiceName): RequestError {
  if (service === "sqs") {
    return sqsError("RequestThrottled", "The request was denied due to request throttling.");
  }
  return new RequestError("Throttling", "Rate exceeded", {
    ...commonError("InvalidParameterValue", "").facts,
    type: "com.amazon.coral.service#ThrottlingException",
  });
}
