import { BroadcastChannelBackend } from "../../../backends/broadcast_channel/mod.ts";
import { seededRandom, VirtualClock } from "../../../backends/memory/testing.ts";
import type { Clock, Random } from "../../../src/support/clock.ts";
import { createFakeLocks, createNetwork, freezableClock, type Network } from "./network.ts";

/** Contexts on one network and one clock. */
export interface World {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly network: Network;
  /** Opens another context. */
  join(): Context;
  /** Lets time pass until a call settles. */
  flow<T>(call: Promise<T>): Promise<T>;
  /** Settles a call that needs no time. */
  now<T>(call: Promise<T>): Promise<T>;
  /** The contexts that live. */
  readonly contexts: Context[];
  /** The one that leads. */
  leader(): Context;
  close(): Promise<void>;
}

/** One context, and its end. */
export interface Context {
  /** Its name on the network. */
  readonly name: string;
  readonly backend: BroadcastChannelBackend;
  /** Ends it without a word. */
  kill(): void;
  /** Frees its locks, as when a tab is closed; it goes on for a moment. */
  unlock(): void;
  /** Stops it. */
  freeze(): void;
  /** Loses what it was to hear while it is frozen. */
  lose(): void;
  /** Lets its timers go on; it hears nothing yet. */
  wake(): void;
  /** Lets it go on. */
  thaw(): void;
}

/** Options of {@linkcode createWorld}. */
export interface WorldOptions {
  /** What all chance comes from. Default: 1. */
  seed?: number;
  /** Which part of all deliveries is lost. Default: 0. */
  loss?: number;
  /** How long a delivery takes at the most, in milliseconds. Default: 0. */
  delayMs?: number;
  /** Timers fire at multiples of this only, as in tabs that nobody looks at. Default: 0. */
  throttleMs?: number;
  /** Whether there are Web Locks. Default: `false`. */
  locks?: boolean;
  /** After which silence of the leader another one takes over. Default: that of the backend. */
  leaderTimeoutMs?: number;
  /** After which silence of a context its locks end. Default: that of the backend. */
  memberTimeoutMs?: number;
}

/** What browsers make of the timers of hidden tabs. */
function throttled(clock: Clock, stepMs: number): Clock {
  if (stepMs === 0) return clock;
  return {
    now: () => clock.now(),
    after: (ms, callback) => {
      const at = Math.ceil((clock.now() + ms) / stepMs) * stepMs;
      return clock.after(at - clock.now(), callback);
    },
  };
}

/** How long a call may take in a world, in virtual milliseconds. */
const PATIENCE_MS = 120_000;

/** Creates a world without contexts. */
export function createWorld(options: WorldOptions = {}): World {
  const { seed = 1, loss = 0, delayMs = 0, throttleMs = 0 } = options;
  const clock = new VirtualClock();
  const random = seededRandom(seed);
  const network = createNetwork({ clock, random, loss, delayMs });
  const locks = options.locks ? createFakeLocks() : undefined;
  const contexts: Context[] = [];
  const { leaderTimeoutMs, memberTimeoutMs } = options;
  const timing = {
    ...(leaderTimeoutMs === undefined ? {} : { leaderTimeoutMs }),
    ...(memberTimeoutMs === undefined ? {} : { memberTimeoutMs }),
  };
  let count = 0;

  function join(): Context {
    const name = `context-${count++}`;
    const time = freezableClock(throttled(clock, throttleMs));
    const backend = new BroadcastChannelBackend({
      name: "test",
      ...timing,
      channel: network.open(name),
      locks: locks?.of(name) ?? null,
      clock: time.clock,
      random,
    });
    const context: Context = {
      name,
      backend,
      kill: () => {
        network.kill(name);
        time.freeze();
        locks?.kill(name);
        contexts.splice(contexts.indexOf(context), 1);
      },
      unlock: () => locks?.kill(name),
      freeze: () => {
        network.freeze(name);
        time.freeze();
      },
      lose: () => network.lose(name),
      wake: () => time.thaw(),
      thaw: () => {
        time.thaw();
        network.thaw(name);
      },
    };
    contexts.push(context);
    return context;
  }

  async function flow<T>(call: Promise<T>): Promise<T> {
    let isSettled = false;
    call.then(() => isSettled = true, () => isSettled = true);
    for (let passed = 0; !isSettled && passed < PATIENCE_MS; passed += 50) await clock.advance(50);
    if (!isSettled) throw new Error(`A call is under way after ${PATIENCE_MS} ms`);
    return await call;
  }

  async function now<T>(call: Promise<T>): Promise<T> {
    let isSettled = false;
    call.then(() => isSettled = true, () => isSettled = true);
    for (let turn = 0; !isSettled && turn < 500; turn++) await clock.advance(0);
    if (!isSettled) throw new Error("A call takes time");
    return await call;
  }

  return {
    clock,
    random,
    network,
    join,
    flow,
    now,
    contexts,
    leader: () => {
      const leaders = contexts.filter(({ backend }) => backend.role === "leader");
      if (leaders.length !== 1) throw new Error(`There are ${leaders.length} leaders`);
      return leaders[0] as Context;
    },
    close: async () => {
      for (const { backend } of contexts) await backend.close();
    },
  };
}
