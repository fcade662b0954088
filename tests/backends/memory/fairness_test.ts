import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  acknowledge,
  createQueue,
  deliveryOf,
  type Queue,
  receive,
  restore,
  send,
  snapshot,
} from "../../../backends/memory/queue.ts";

const SETTINGS = {
  fifo: false,
  visibilityTimeoutMs: 30_000,
  retentionMs: 86_400_000,
  delayMs: 0,
  contentBasedDeduplication: false,
  inFlightLimit: 120_000,
  maxReceives: 100,
};

function fill(queue: Queue, group: string | undefined, count: number): void {
  for (let i = 0; i < count; i++) {
    const grouping = group === undefined ? {} : { group };
    send(queue, { body: group ?? "none", attributes: {}, ...grouping }, {
      now: 0,
      id: `${group}-${i}`,
    });
  }
}

function take(queue: Queue, max: number, now = 0): { receipts: string[]; bodies: string[] } {
  const request = { now, max, visibilityMs: 30_000, epoch: 1, redrive: false };
  const { receipts } = receive(queue, request);
  return { receipts, bodies: receipts.map((receipt) => deliveryOf(queue, receipt)!.message.body) };
}

describe("fair queues", () => {
  it("give the messages of quiet tenants before those of a noisy one", () => {
    const queue = createQueue("q1", SETTINGS);
    fill(queue, "noisy", 100);
    take(queue, 30);
    fill(queue, "quiet", 2);
    fill(queue, undefined, 1);
    assertEquals(take(queue, 5).bodies, ["quiet", "quiet", "none", "noisy", "noisy"]);
  });

  it("keep the order of time while nobody has thirty messages in flight", () => {
    const queue = createQueue("q1", SETTINGS);
    fill(queue, "busy", 40);
    take(queue, 29);
    fill(queue, "other", 1);
    assertEquals(take(queue, 2).bodies, ["busy", "busy"]);
  });

  it("give the least noisy of several noisy tenants first", () => {
    const queue = createQueue("q1", SETTINGS);
    fill(queue, "a", 40);
    take(queue, 40);
    fill(queue, "b", 30);
    take(queue, 30);
    fill(queue, "a", 2);
    fill(queue, "b", 2);
    assertEquals(take(queue, 4).bodies, ["b", "b", "a", "a"]);
  });

  it("treat a tenant as others once its messages are settled", () => {
    const queue = createQueue("q1", SETTINGS);
    fill(queue, "a", 40);
    const { receipts } = take(queue, 30);
    fill(queue, "b", 2);
    assertEquals(take(queue, 1).bodies, ["b"]);
    for (const receipt of receipts) acknowledge(queue, receipt, 0);
    assertEquals(take(queue, 1).bodies, ["a"]);
  });

  it("agree with their snapshots", () => {
    const queue = createQueue("q1", SETTINGS);
    fill(queue, "a", 60);
    take(queue, 35);
    fill(queue, "b", 3);
    take(queue, 1);
    const copy = restore(snapshot(queue));
    for (const now of [0, 0, 30_000, 30_000]) {
      assertEquals(take(copy, 10, now).receipts, take(queue, 10, now).receipts);
    }
    assertEquals(snapshot(copy), snapshot(queue));
  });
});
