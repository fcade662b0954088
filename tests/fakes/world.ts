import { MemoryBackend } from "../../backends/memory/mod.ts";
import { seededRandom, VirtualClock } from "../../backends/memory/testing.ts";
import type { DeclareQueueOptions, Delivery, Guarantees } from "../../src/backend.ts";
import type { Clock } from "../../src/support/clock.ts";
import { MessageConsumer, type MessageConsumerOptions } from "../../src/consume/consumer.ts";
import { Dispatcher, type DispatcherOptions } from "../../src/handle/dispatcher.ts";
import { defineEvent, type EventType, typed } from "../../src/event/event.ts";
import type { Logger } from "../../src/support/logger.ts";
import type { Attributes } from "../../src/wire/message.ts";
import type { Schema } from "../../src/event/schema.ts";
import { untilEmpty } from "../wait.ts";
import { type FaultyReceiver, faultyReceiver } from "./receiver.ts";

/** The event that the tests of the consuming side handle. */
export const Job: EventType<"Job", Schema<{ n: number }>> = defineEvent("Job", {
  schema: typed<{ n: number }>(),
});

/** A line of a log. */
export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly text: string;
  readonly fields: Record<string, unknown>;
}

/** A logger that keeps its lines. */
export function recordingLogger(): Logger & { lines: LogLine[]; at(level: string): LogLine[] } {
  const lines: LogLine[] = [];
  const log = (level: LogLine["level"]) => (text: string, fields: Record<string, unknown> = {}) =>
    void lines.push({ level, text, fields });
  return {
    lines,
    at: (level) => lines.filter((line) => line.level === level),
    debug: log("debug"),
    info: log("info"),
    warn: log("warn"),
    error: log("error"),
  };
}

/** Everything that a consumer needs, on virtual time. */
export interface World {
  readonly clock: VirtualClock;
  readonly backend: MemoryBackend;
  readonly receiver: FaultyReceiver;
  readonly log: ReturnType<typeof recordingLogger>;
  readonly queue: string;
  readonly dispatcher: Dispatcher;
  consumer(options?: Partial<MessageConsumerOptions>): MessageConsumer;
  /** Sends jobs with these numbers. */
  send(numbers: readonly number[], options?: SendOptions): Promise<void>;
  /** Looks into a queue: what can be received now. The messages come back after a millisecond. */
  peek(queue?: string): Promise<Delivery[]>;
  /** How many messages a queue holds, in any state. */
  count(queue?: string): Promise<number>;
}

/** What {@linkcode World.send} adds to a job. */
export interface SendOptions {
  group?: string;
  attributes?: Attributes;
  body?: string;
}

/** Creates a queue, with or without its dead-letter queue `dead`, and what consumes it. */
export async function createWorld(
  { queue = "jobs", declare = {}, dispatcher: settings = {}, guarantees = {} }: {
    queue?: string;
    declare?: DeclareQueueOptions;
    dispatcher?: DispatcherOptions | ((clock: Clock) => DispatcherOptions);
    guarantees?: Partial<Guarantees>;
  } = {},
): Promise<World> {
  const clock = new VirtualClock();
  const backend = new MemoryBackend({ clock, random: seededRandom(1) });
  const receiver = faultyReceiver(backend, { clock, guarantees });
  const log = recordingLogger();
  const own = typeof settings === "function" ? settings(clock) : settings;
  const dispatcher = new Dispatcher({ logger: log, ...own });
  await backend.declareQueue(queue, declare);
  const fifo = queue.endsWith(".fifo");
  const stamp = { sent: 0 };
  return {
    clock,
    backend,
    receiver,
    log,
    queue,
    dispatcher,
    consumer: (options = {}) =>
      new MessageConsumer({
        backend: receiver,
        queue,
        dispatcher,
        clock,
        random: () => 0.5,
        ...options,
      }),
    async send(numbers, { group = "g", attributes = {}, body } = {}) {
      for (const n of numbers) {
        const message = {
          body: body ?? JSON.stringify({ n }),
          attributes: { manifest: "Job", ...attributes },
          ...(fifo ? { group, deduplicationId: `d-${++stamp.sent}` } : {}),
        };
        const [result] = await backend.send({ queue }, [message]);
        if (!result?.ok) throw result?.error ?? new Error("nothing was sent");
      }
    },
    async peek(name = queue) {
      const receive = () => backend.receive(name, { max: 10, waitMs: 0, visibilityMs: 1 });
      const found = await untilEmpty(receive, { what: `the messages in ${name}` });
      await clock.advance(1);
      return found;
    },
    async count(name = queue) {
      const { available, inFlight, delayed } = await backend.describeQueue(name);
      return available + inFlight + delayed;
    },
  };
}

/** A promise that is settled by hand. */
export function deferred<T = void>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (reason: unknown) => void;
} {
  let resolve: (value: T) => void = () => {};
  let reject: (reason: unknown) => void = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** A signal that counts its listeners. */
export function watchedSignal(): {
  controller: AbortController;
  signal: AbortSignal;
  listeners: Set<unknown>;
} {
  const controller = new AbortController();
  const { signal } = controller;
  return { controller, signal, listeners: listenersOf(signal) };
}

/** The listeners that a signal has, of those added from now on. */
export function listenersOf(signal: AbortSignal): Set<unknown> {
  const listeners = new Set<unknown>();
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    listeners.add(args[1]);
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    listeners.delete(args[1]);
    removeEventListener.apply(signal, args);
  };
  return listeners;
}

/** Notes how a promise ends, without waiting for it. */
export function watch<T>(
  promise: Promise<T>,
): { state: "pending" | "done" | "failed"; error?: unknown } {
  const watched: { state: "pending" | "done" | "failed"; error?: unknown } = { state: "pending" };
  promise.then(
    () => void (watched.state = "done"),
    (error) => void Object.assign(watched, { state: "failed", error }),
  );
  return watched;
}
