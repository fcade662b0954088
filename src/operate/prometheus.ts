/** The counts of consumers as a page for Prometheus. */
import type { TracedStatus } from "../support/telemetry.ts";
import { type Metric, METRICS, valuesOf } from "./metrics.ts";

/** Content type of the page: https://prometheus.io/docs/instrumenting/exposition_formats/ */
export const PROMETHEUS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/**
 * Writes the counts of consumers in the text format of Prometheus. The numbers of one queue are
 * summed. The page tells names of queues and numbers, and nothing of any message.
 */
export function prometheusText(statuses: readonly TracedStatus[]): string {
  return METRICS.map((metric) => textOf(metric, statuses)).join("");
}

/** The base units that names of metrics end in, beside numbers of things. */
const UNITS: Readonly<Record<string, string>> = { USD: "_usd" };

function textOf(metric: Metric, statuses: readonly TracedStatus[]): string {
  const { unit, kind, description } = metric;
  const total = kind === "counter" ? "_total" : "";
  const name = `melange_${metric.name.replaceAll(".", "_")}${UNITS[unit] ?? ""}${total}`;
  const values = valuesOf(metric, statuses);
  if (values.length === 0) return "";
  const lines = values.map(({ queue, value }) =>
    `${name}${queue === undefined ? "" : `{queue="${escaped(queue)}"}`} ${value}\n`
  );
  return `# HELP ${name} ${description}\n# TYPE ${name} ${kind}\n${lines.join("")}`;
}

function escaped(label: string): string {
  return label.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
