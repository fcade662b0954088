/**
 * Tools for tests of code that uses Melange: a clock that only the test moves, chance that repeats
 * itself, and handlers that remember their events.
 *
 * @example
 * ```ts
 * import { MemoryBackend } from "@melange/melange/memory";
 * import { seededRandom, VirtualClock } from "@melange/melange/testing";
 *
 * const clock = new VirtualClock();
 * const backend = new MemoryBackend({ clock, random: seededRandom(1) });
 * await backend.declareQueue("billing");
 * await backend.send({ queue: "billing" }, [{ body: "o-1", attributes: {}, delayMs: 900_000 }]);
 * const received = backend.receive("billing", { max: 1, waitMs: 20_000, visibilityMs: 30_000 });
 * await clock.advance(20_000);
 * if ((await received).length !== 0) throw new Error("unexpected");
 * await clock.advance(3_600_000);
 * const { available } = await backend.describeQueue("billing");
 * if (available !== 1) throw new Error("unexpected");
 * ```
 *
 * @module
 */
export { frozen } from "./frozen.ts";
export { recordHandler, type RecordingHandler, type WaitForOptions } from "./record_handler.ts";
export type { WaitTarget } from "./record_handler.ts";
export { seededRandom } from "./seeded_random.ts";
export { type TestBus, testBus, type TestBusOptions } from "./test_bus.ts";
export { VirtualClock, type VirtualClockOptions } from "./virtual_clock.ts";
