import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { stopped } from "../../cli/reports.ts";

const STATUS = {
  queue: "billing",
  health: "stopped",
  running: 0,
  inFlight: 0,
  received: 10,
  acknowledged: 8,
  retried: 1,
  deadLettered: 1,
  lost: 0,
  receiveErrors: 0,
  lastReceiveAt: undefined,
  lastError: undefined,
} as const;
const COUNTS = "Stopped: billing: 8 handled, 1 retried, 1 dead-lettered, 0 in flight";
const USAGE = {
  requests: { ReceiveMessage: 2, DeleteMessageBatch: 1 },
  emptyReceives: 1,
  billed: 3,
  sent: 0,
  received: 10,
  dollars: 0.0000012,
};

describe("stopped()", () => {
  it("says what messages cost where the backend is metered, also as fields", () => {
    const usage = { ...USAGE, requestsPerMessage: 0.3, dollarsPerMillion: 0.125 };
    const { text, fields } = stopped({ ...STATUS, usage });
    assertEquals(
      text,
      `${COUNTS}; 0.30 requests a message, 0.13 US dollars a million messages`,
    );
    assertEquals(fields?.usage, usage);
  });

  it("says nothing of a price where there is none, or no message", () => {
    assertEquals(stopped(STATUS).text, COUNTS);
    assertEquals(stopped({ ...STATUS, usage: USAGE }).text, COUNTS);
  });
});
