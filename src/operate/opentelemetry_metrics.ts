/** The metrics of OpenTelemetry: those of the semantic conventions, and our own. */
import type { TracedOutcome, TracedStatus } from "../support/telemetry.ts";
import type { OtelAttributes, OtelMeter } from "./opentelemetry_api.ts";
import { METRICS, valuesOf } from "./metrics.ts";

/** The instruments of a meter. */
export interface Instruments {
  /** Counts messages that were sent. */
  sent(count: number, attributes: OtelAttributes): void;
  /** Starts to measure a request. */
  request(attributes: OtelAttributes): (errorType: string | undefined) => void;
  /** Starts to measure the handlers of a message, which was so old when it was received. */
  processing(
    attributes: OtelAttributes,
    ageMs: number,
  ): (outcome: TracedOutcome["outcome"], errorType: string | undefined) => void;
  /** Reads the counts of a consumer at each export from now on. */
  observe(consumer: { status(): TracedStatus }): void;
}

/** Creates the instruments. */
export function createInstruments(meter: OtelMeter): Instruments {
  const sent = meter.createCounter("messaging.client.sent.messages", { unit: "{message}" });
  const requests = meter.createHistogram("messaging.client.operation.duration", { unit: "s" });
  const handling = meter.createHistogram("messaging.process.duration", { unit: "s" });
  const ages = meter.createHistogram("melange.age", {
    unit: "s",
    description: "Age of messages when they were received.",
  });
  const consumers = new Set<{ status(): TracedStatus }>();
  observeAll(meter, consumers);
  return {
    sent: (count, attributes) => sent.add(count, attributes),
    request(attributes) {
      const start = performance.now();
      return (errorType) =>
        requests.record((performance.now() - start) / 1_000, withError(attributes, errorType));
    },
    processing(attributes, ageMs) {
      const start = performance.now();
      if (ageMs >= 0) ages.record(ageMs / 1_000, attributes);
      return (outcome, errorType) =>
        handling.record((performance.now() - start) / 1_000, {
          ...withError(attributes, errorType),
          "melange.outcome": outcome,
        });
    },
    observe: (consumer) => void consumers.add(consumer),
  };
}

function withError(attributes: OtelAttributes, errorType: string | undefined): OtelAttributes {
  return errorType === undefined ? attributes : { ...attributes, "error.type": errorType };
}

function observeAll(meter: OtelMeter, consumers: Set<{ status(): TracedStatus }>): void {
  for (const metric of METRICS) {
    const { name, unit, description, kind } = metric;
    const instrument = kind === "counter"
      ? meter.createObservableCounter(`melange.${name}`, { unit, description })
      : meter.createObservableGauge(`melange.${name}`, { unit, description });
    instrument.addCallback((result) => {
      for (const { queue, value } of valuesOf(metric, [...consumers].map((it) => it.status()))) {
        result.observe(value, queue === undefined ? {} : { "messaging.destination.name": queue });
      }
    });
  }
}
