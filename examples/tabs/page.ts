/// <reference lib="dom" />
/**
 * Every tab that has this page open is a worker of the same queue. Three kinds of queues show what
 * happens: `kitchen` is shared, so that each order is handled by one tab; `ledger` keeps a copy of
 * each order and `done` one of each handled one, so that their sizes are the counts; and each tab
 * has a queue of its own, in which it hears what the others do.
 */
import { defineEvent, EventBus, MessagePublisher, typed } from "@melange/melange";
import { BroadcastChannelBackend } from "@melange/melange/broadcast-channel";
import { draw, drawCounts, type OrderState } from "./drawing.ts";

const OrderPlaced = defineEvent("OrderPlaced", {
  topic: "orders",
  schema: typed<{ order: string }>(),
});
/** What a tab did with an order. */
const OrderMoved = defineEvent("OrderMoved", {
  topic: "moves",
  schema: typed<{ order: string; tab: string; state: OrderState }>(),
});
/** An order is done once, also if a second tab had to begin it again. */
const OrderDone = defineEvent("OrderDone", {
  topic: "done.fifo",
  schema: typed<{ order: string; tab: string }>(),
  group: ({ tab }) => tab,
});
/** How much a tab has done so far. */
const TabCounted = defineEvent("TabCounted", {
  topic: "moves",
  schema: typed<{ tab: string; done: number; isNew: boolean }>(),
});

const backend = new BroadcastChannelBackend({ name: "orders" });
const tab = backend.id.slice(0, 4);
const own = `tab-${tab}`;
let placed = 0;
let done = 0;

const kitchen = new EventBus({ backend, queue: "kitchen", concurrency: 3 });
const view = new EventBus({ backend, queue: own });
const publisher = new MessagePublisher({ backend });

kitchen.subscribe(OrderPlaced, async ({ data: { order } }, { signal }) => {
  await publisher.publish(OrderMoved({ order, tab, state: "working" }));
  await work(signal);
  await publisher.publish(OrderDone({ order, tab }), { deduplicationId: order });
  done++;
  await publisher.publishAll([
    OrderMoved({ order, tab, state: "done" }),
    TabCounted({ tab, done, isNew: false }),
  ]);
});

view.subscribe(OrderPlaced, ({ data: { order } }) => draw.order(order, { state: "waiting" }));
view.subscribe(OrderMoved, ({ data: { order, ...move } }) => draw.order(order, move));
view.subscribe(TabCounted, async ({ data }) => {
  draw.tab(data.tab, data.done);
  if (!data.isNew || data.tab === tab) return;
  await publisher.publish(TabCounted({ tab, done, isNew: false }));
});

await kitchen.declare({ visibilityTimeoutMs: 20_000 });
await backend.declareQueue("ledger", { subscribeTo: ["orders"] });
await backend.declareQueue("done.fifo", { subscribeTo: ["done.fifo"] });
await view.declare({ retentionMs: 60_000 });
kitchen.start();
view.start();
await publisher.publish(TabCounted({ tab, done, isNew: true }));

document.getElementById("one")?.addEventListener("click", () => place(1));
document.getElementById("many")?.addEventListener("click", () => place(30));
// A tab that is closed says goodbye; one that crashes is missed a moment later.
addEventListener("pagehide", () => void backend.close());
draw.me(tab);
await count();

async function place(number: number): Promise<void> {
  const orders = Array.from({ length: number }, () => `${++placed}-${tab}`);
  await publisher.publishAll(orders.map((order) => OrderPlaced({ order })));
}

/** What a cook does: one to two seconds of waiting. */
function work(signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    setTimeout(resolve, 1_000 + Math.random() * 1_000);
    signal.addEventListener("abort", () => reject(signal.reason));
  });
}

async function count(): Promise<void> {
  // deno-lint-ignore melange/bounded-waits -- it shows them as long as the page is open
  for (;;) {
    const [ledger, kitchen, done] = await Promise.all(
      ["ledger", "kitchen", "done.fifo"].map((queue) => backend.describeQueue(queue)),
    );
    if (ledger && kitchen && done) {
      drawCounts({
        role: backend.role,
        placed: ledger.available,
        // What is done and about to be acknowledged is not in work any more.
        working: ledger.available - kitchen.available - kitchen.delayed - done.available,
        waiting: kitchen.available + kitchen.delayed,
        done: done.available,
      });
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}
