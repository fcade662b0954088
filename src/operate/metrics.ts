/** The numbers of a consumer, as metrics of any system. */
import type { TracedStatus } from "../support/telemetry.ts";

/** A number of a consumer. */
export interface Metric {
  /** The name, its words parted by dots. */
  readonly name: string;
  /** A counter grows; a gauge goes up and down. */
  readonly kind: "counter" | "gauge";
  /** The unit, as OpenTelemetry writes units. */
  readonly unit: string;
  /** The meaning. */
  readonly description: string;
  /** Reads the number; `undefined` where the backend does not tell the number. */
  readonly read: (status: TracedStatus) => number | undefined;
  /** Tells that all consumers of a backend tell the same number. */
  readonly ofBackend?: boolean;
}

/** All numbers of a consumer. */
export const METRICS: readonly Metric[] = [
  count("received", "Messages received.", (it) => it.received),
  count("acknowledged", "Messages acknowledged.", (it) => it.acknowledged),
  count("retried", "Failed tries.", (it) => it.retried),
  count("dead_lettered", "Messages moved to the dead-letter queue.", (it) => it.deadLettered),
  count("lost", "Messages whose lock was lost.", (it) => it.lost),
  {
    name: "receive.errors",
    kind: "counter",
    unit: "{error}",
    description: "Receives that failed.",
    read: (it) => it.receiveErrors,
  },
  gauge("running", "Messages whose handlers run.", (it) => it.running),
  gauge("in_flight", "Messages held.", (it) => it.inFlight),
  {
    name: "requests",
    kind: "counter",
    unit: "{request}",
    description: "Requests of the whole backend, as they are billed.",
    read: (it) => it.usage?.billed,
    ofBackend: true,
  },
  {
    name: "price",
    kind: "counter",
    unit: "USD",
    description: "Price of the requests of the whole backend, at list price.",
    read: (it) => it.usage?.dollars,
    ofBackend: true,
  },
];

function count(name: string, description: string, read: Metric["read"]): Metric {
  return { name, kind: "counter", unit: "{message}", description, read };
}

function gauge(name: string, description: string, read: Metric["read"]): Metric {
  return { name, kind: "gauge", unit: "{message}", description, read };
}

/**
 * Returns the values of a metric: one for each queue, summed over its consumers, or one for the
 * backend that the consumers share.
 */
export function valuesOf(
  { read, ofBackend }: Metric,
  statuses: readonly TracedStatus[],
): { readonly queue: string | undefined; readonly value: number }[] {
  const values = new Map<string | undefined, number>();
  for (const status of statuses) {
    const value = read(status);
    if (value === undefined) continue;
    const queue = ofBackend ? undefined : status.queue;
    const before = values.get(queue) ?? 0;
    values.set(queue, ofBackend ? Math.max(before, value) : before + value);
  }
  return [...values].map(([queue, value]) => ({ queue, value }));
}
