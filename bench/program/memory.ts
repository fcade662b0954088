/** In memory: events through a broker in this process, and events within one call stack. */
import Emittery from "emittery";
import { EventEmitter } from "eventemitter3";
import fastq from "fastq";
import mitt from "mitt";
import { createNanoEvents } from "nanoevents";
import PQueue from "p-queue";
import { MemoryBackend } from "../../backends/memory/mod.ts";
import { defineEvent, type Event, EventBus, SynchronousEventBus, typed } from "../../mod.ts";
import { OrderPlaced, type Payload, payload } from "./load.ts";
import type { Bench, Done, Scenario, Variant } from "./scenario.ts";

/** Its types describe the module of Node.js, whose default export is an object of that name. */
const createMitt = mitt as unknown as typeof mitt.default;

/** What carries events to handlers that may be asynchronous. */
export function memoryBus({ quick }: Bench): Scenario {
  const count = quick ? 2_000 : 10_000;
  return {
    name: "memory, asynchronous",
    sends: false,
    variants: [
      melange(count),
      { name: "limit: ring queue with JSON", run: () => throughRing(count) },
      emittery(count),
      { name: "fastq", run: () => throughFastq(count) },
      { name: "p-queue", run: () => throughPQueue(count) },
    ],
  };
}

function melange(count: number): Variant {
  let bus: EventBus | undefined;
  return {
    name: "melange EventBus on MemoryBackend",
    prepare() {
      bus = new EventBus({ backend: new MemoryBackend(), queue: "bench" });
      return Promise.resolve();
    },
    async run() {
      const running = bus as EventBus;
      const handled = counted(count);
      running.subscribe(OrderPlaced, handled.one, { name: "bench" });
      await running.declare();
      running.start();
      for (let number = 0; number < count; number += WINDOW) {
        const batch = Array.from(
          { length: Math.min(WINDOW, count - number) },
          (_, at) => running.publish(OrderPlaced(payload(number + at))),
        );
        await Promise.all(batch);
      }
      await handled.all;
      return { count };
    },
    after: async () => await bus?.stop(),
  };
}

/** How many publishes are under way at once. */
const WINDOW = 100;

function counted(count: number): { one: () => void; all: Promise<void> } {
  let left = count;
  let done = () => {};
  const all = new Promise<void>((resolve) => done = resolve);
  return {
    one: () => {
      if (--left === 0) done();
    },
    all,
  };
}

/** The least that a queue does whose messages share nothing with their senders. */
async function throughRing(count: number): Promise<Done> {
  const ring = new Array<string | undefined>(1_024);
  const handled = counted(count);
  let tail = 0;
  for (let head = 0; tail < count;) {
    while (head < count && head - tail < WINDOW) {
      ring[head++ & 1_023] = JSON.stringify({ id: crypto.randomUUID(), data: payload(head) });
    }
    while (tail < head) {
      const { data } = JSON.parse(ring[tail & 1_023] as string) as { data: Payload };
      ring[tail++ & 1_023] = undefined;
      await Promise.resolve(data);
      handled.one();
    }
  }
  await handled.all;
  return { count };
}

function emittery(count: number): Variant {
  return {
    name: "emittery",
    async run() {
      const emitter = new Emittery<{ order: Payload }>();
      const handled = counted(count);
      emitter.on("order", handled.one);
      for (let number = 0; number < count; number++) await emitter.emit("order", payload(number));
      await handled.all;
      return { count };
    },
  };
}

async function throughFastq(count: number): Promise<Done> {
  const handled = counted(count);
  const queue = fastq.promise(async (_: Payload) => await Promise.resolve(handled.one()), 10);
  for (let number = 0; number < count; number++) void queue.push(payload(number));
  await handled.all;
  return { count };
}

async function throughPQueue(count: number): Promise<Done> {
  const handled = counted(count);
  const queue = new PQueue({ concurrency: 10 });
  for (let number = 0; number < count; number++) {
    const data = payload(number);
    void queue.add(() => Promise.resolve(data).then(handled.one));
  }
  await handled.all;
  return { count };
}

/** What hands an event over within the call, to one subscriber, alone or beside 100 other types. */
export function synchronousBus({ quick }: Bench): Scenario {
  const count = quick ? 100_000 : 300_000;
  const event = OrderPlaced(payload(1));
  const loop = (name: string, publish: () => void): Variant => ({
    name,
    run() {
      for (let number = 0; number < count; number++) publish();
      return { count };
    },
  });
  const alone = busWith(0);
  const crowded = busWith(100);
  const small = Ping({ at: 1 });
  alone.subscribe(Ping, take);
  const mitts = createMitt<{ order: Event }>();
  mitts.on("order", take);
  const nano = createNanoEvents<{ order: (event: Event) => void }>();
  nano.on("order", take);
  const emitter = new EventEmitter<{ order: [Event] }>();
  emitter.on("order", take);
  return {
    name: "within the call stack",
    sends: false,
    warmups: 2,
    variants: [
      loop("melange SynchronousEventBus", () => alone.publish(small)),
      loop("melange, 100 other types", () => crowded.publish(small)),
      loop("melange, a kibibyte of data", () => alone.publish(event)),
      loop("eventemitter3", () => void emitter.emit("order", small)),
      loop("mitt", () => mitts.emit("order", small)),
      loop("nanoevents", () => nano.emit("order", small)),
    ],
  };
}

const Ping = /* @__PURE__ */ defineEvent("Ping", { schema: typed<{ at: number }>() });

let taken = 0;
function take(_: Event): void {
  taken++;
}

function busWith(otherTypes: number): SynchronousEventBus {
  const bus = new SynchronousEventBus();
  for (let number = 0; number < otherTypes; number++) {
    const Other = defineEvent(`Other${number}`, { schema: typed<{ at: number }>() });
    bus.subscribe(Other, take);
  }
  if (otherTypes > 0) bus.subscribe(Ping, take);
  else bus.subscribe(OrderPlaced, take);
  return bus;
}

/** How many events were handled: read, so that no handler is optimized away. */
export function handledInCall(): number {
  return taken;
}
