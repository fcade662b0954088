import { type AsyncDisposing, disposable } from "../../src/support/async_dispose.ts";
import type { Event } from "../../src/event/event.ts";
import { EventBus, type EventBusOptions } from "../../src/event_bus.ts";
import { frozen } from "./frozen.ts";
import { MemoryBackend } from "./mod.ts";
import { seededRandom } from "./seeded_random.ts";
import { VirtualClock } from "./virtual_clock.ts";

/** Options of {@linkcode testBus}: the options of the bus, except for its backend and clock. */
export interface TestBusOptions
  extends Omit<EventBusOptions, "backend" | "clock" | "random" | "queues"> {
  /** The queue of the bus. Default: `"test"`. */
  queue?: string;
  /** Decides all jitter and all ids of messages. Default: 1. */
  seed?: number;
  /**
   * Frozen events for handlers, so that a handler that changes shared data fails here and not in
   * production. Default: `true`.
   */
  frozen?: boolean;
}

/** A bus with everything it stands on. */
export interface TestBus extends AsyncDisposing {
  /** The bus. */
  readonly bus: EventBus;
  /** The backend of the bus. */
  readonly backend: MemoryBackend;
  /** The clock of the bus and of the backend. */
  readonly clock: VirtualClock;
  /** Declares the needs of the present subscribers, and starts to consume. */
  start(): Promise<void>;
  /** Publishes an event and lets `ms` milliseconds pass, 0 by default: then it has been handled. */
  deliver(event: Event, ms?: number): Promise<void>;
  /** Stops the bus and closes the backend. */
  close(): Promise<void>;
}

/**
 * Creates a bus on a {@linkcode MemoryBackend} with a queue, on a {@linkcode VirtualClock}: real
 * semantics, no broker and no waiting.
 *
 * @example
 * ```ts
 * import { defineEvent, typed } from "@melange/melange";
 * import { recordHandler, testBus } from "@melange/melange/testing";
 *
 * const Ping = defineEvent("Ping", { topic: "pings", schema: typed<{ at: number }>() });
 * const test = await testBus();
 * const handler = recordHandler();
 * test.bus.subscribe(Ping, handler);
 * await test.start();
 * await test.deliver(Ping({ at: 1 }));
 * if (handler.events.length !== 1) throw new Error("unexpected");
 * await test.close();
 * ```
 */
export async function testBus(options: TestBusOptions = {}): Promise<TestBus> {
  const { queue = "test", seed = 1, frozen: freezes = true, ...settings } = options;
  const middleware = [...(freezes ? [frozen()] : []), ...(settings.middleware ?? [])];
  const clock = new VirtualClock();
  const random = seededRandom(seed);
  const backend = new MemoryBackend({ clock, random });
  await backend.declareQueue(queue);
  // Acknowledgements that wait for others would wait for the clock.
  const own = { backend, queue, clock, random, middleware };
  const bus = new EventBus({ ackLingerMs: 0, ...settings, ...own });

  async function start(): Promise<void> {
    await bus.declare();
    bus.start();
  }

  async function deliver(event: Event, ms = 0): Promise<void> {
    const published = bus.publish(event);
    // A publish that fails while the clock advances is told below, and must not end the process.
    published.catch(() => {});
    await clock.advance(ms);
    await published;
  }

  async function close(): Promise<void> {
    await bus.stop();
    await backend.close();
  }

  return disposable({ bus, backend, clock, start, deliver, close }, close);
}
