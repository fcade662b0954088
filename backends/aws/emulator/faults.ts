import type { Random } from "../../../src/support/clock.ts";
import { commonError, RequestError, sqsError } from "./errors.ts";
import { isRecord } from "./input.ts";
import type { Operation, ServiceName } from "./operation.ts";

/** What goes wrong by chance, each from 0 (never, the default) to 1 (always). */
export interface EmulatorFaults {
  /** How many requests are done, and their answers lost: the fetch rejects, as a broken connection does. */
  lostAnswers?: number;
  /** How many requests are refused because there were too many. */
  throttled?: number;
  /** How many requests that send make a standard queue store everything twice, under the same ids. */
  duplicates?: number;
  /** How many entries of batches fail by the fault of the service. */
  partial?: number;
  /** How many receives that do not wait find nothing although there is something. */
  emptyReceives?: number;
}

/** Decides by chance what goes wrong with each request. */
export interface FaultSource {
  /** Throws what a throttled request is answered with, if this one is. */
  throttle(service: ServiceName): void;
  /** What an operation is told. */
  marks(action: string, input: Operation["input"]): Pick<Operation, "failing" | "twice">;
  /** Whether a receive finds nothing. */
  findsNothing(): boolean;
  /** Whether the answer is lost. */
  losesAnswer(): boolean;
}

const SENDS = /^(SendMessage|Publish)(Batch)?$/;
const BATCHES = /Batch$/;

/**
 * Creates what decides.
 *
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
      const entries = BATCHES.test(action) && faults.partial ? entriesOf(input) : [];
      const failing = entries.flatMap((_, place) => happens(faults.partial) ? [place] : []);
      return { ...(twice ? { twice } : {}), ...(failing.length > 0 ? { failing } : {}) };
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
