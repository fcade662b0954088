import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import parse from "parse-prometheus-text-format";
import { prometheusText } from "../../../src/operate/prometheus.ts";

const STATUS = {
  queue: "bills",
  running: 1,
  inFlight: 2,
  received: 9,
  acknowledged: 5,
  retried: 2,
  deadLettered: 1,
  lost: 0,
  receiveErrors: 3,
};

interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly metrics: readonly { readonly value: string; readonly labels?: Record<string, string> }[];
}

describe("prometheusText()", () => {
  it("writes a page that a parser of Prometheus's format reads", () => {
    const usage = { billed: 12, dollars: 0.0000048 };
    const text = prometheusText([{ ...STATUS, usage }, { ...STATUS, queue: 'a"\\b' }]);
    const families = new Map((parse(text) as Family[]).map((family) => [family.name, family]));
    const received = families.get("melange_received_total");
    assertEquals(received?.type, "COUNTER");
    assertEquals(received?.metrics.map((it) => [it.labels, Number(it.value)]), [
      [{ queue: "bills" }, 9],
      [{ queue: 'a"\\b' }, 9],
    ]);
    assertEquals(families.get("melange_in_flight")?.type, "GAUGE");
    assertEquals(Number(families.get("melange_price_usd_total")?.metrics[0]?.value), 0.0000048);
    assertEquals([...families.keys()], [
      "melange_received_total",
      "melange_acknowledged_total",
      "melange_retried_total",
      "melange_dead_lettered_total",
      "melange_lost_total",
      "melange_receive_errors_total",
      "melange_running",
      "melange_in_flight",
      "melange_requests_total",
      "melange_price_usd_total",
    ]);
  });

  it("sums the consumers of a queue, and counts a shared backend once", () => {
    const usage = { billed: 12, dollars: 1 };
    const lines = prometheusText([{ ...STATUS, usage }, { ...STATUS, usage }]).split("\n");
    assertEquals(lines.includes('melange_received_total{queue="bills"} 18'), true);
    assertEquals(lines.includes("melange_requests_total 12"), true);
  });

  it("leaves out what a backend does not tell", () => {
    assertEquals(prometheusText([STATUS]).includes("price"), false);
  });
});
