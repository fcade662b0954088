import type { Clock, Random } from "../../../src/support/clock.ts";
import type {
  BroadcastChannelLike,
  LocksLike,
} from "../../../backends/broadcast_channel/channel.ts";

/** Channels between contexts that are all in this one: what is posted arrives, late, or not at all. */
export interface Network {
  /** Opens a channel of one context. */
  open(context: string): (name: string) => BroadcastChannelLike;
  /** Lets a context end without a word: from now on it neither says nor hears anything. */
  kill(context: string): void;
  /** Holds back what a context says and hears. */
  freeze(context: string): void;
  /** Loses what is held back for a context. */
  lose(context: string): void;
  /** Lets it go on with all that it missed. */
  thaw(context: string): void;
  /** Everything that was posted so far. */
  readonly posted: unknown[];
  /** When each of these was posted, in milliseconds since the epoch. */
  readonly postedAt: number[];
  /** Posts something that no backend has written. */
  forge(message: unknown): void;
  /** How many channels are open. */
  openChannels(): number;
  /** Loses the deliveries that `isLost` tells, from now on. */
  loseIf(isLost: (message: unknown, context: string) => boolean): void;
}

/** Options of {@linkcode createNetwork}. */
export interface NetworkOptions {
  clock: Clock;
  random: Random;
  /** Which part of all deliveries is lost, from 0 to 1. Default: 0. */
  loss?: number;
  /** How long a delivery takes at the most, in milliseconds. Default: 0. */
  delayMs?: number;
}

interface Port {
  readonly context: string;
  readonly channel: BroadcastChannelLike;
  readonly held: unknown[];
  /** Deliveries of one sender arrive in order. */
  readonly lastAt: Map<string, number>;
}

/** Creates channels on a clock and with chance that a test controls. */
export function createNetwork({ clock, random, loss = 0, delayMs = 0 }: NetworkOptions): Network {
  const ports = new Set<Port>();
  const frozen = new Set<string>();
  const dead = new Set<string>();
  const posted: unknown[] = [];
  const postedAt: number[] = [];
  let isLost: (message: unknown, context: string) => boolean = () => false;

  function deliver(port: Port, data: unknown): void {
    if (!ports.has(port) || dead.has(port.context)) return;
    if (frozen.has(port.context)) port.held.push(data);
    else port.channel.onmessage?.({ data } as MessageEvent);
  }

  function post(from: string, message: unknown): void {
    if (dead.has(from)) return;
    posted.push(message);
    postedAt.push(clock.now());
    for (const port of ports) {
      if (port.context === from || random() < loss || isLost(message, port.context)) continue;
      const data = structuredClone(message);
      const at = Math.max(clock.now() + random() * delayMs, port.lastAt.get(from) ?? 0);
      port.lastAt.set(from, at);
      if (delayMs === 0) queueMicrotask(() => deliver(port, data));
      else clock.after(at - clock.now(), () => deliver(port, data));
    }
  }

  function open(context: string): BroadcastChannelLike {
    const channel: BroadcastChannelLike = {
      onmessage: null,
      postMessage: (message) => post(context, message),
      close: () => void ports.delete(port),
    };
    const port: Port = { context, channel, held: [], lastAt: new Map() };
    ports.add(port);
    return channel;
  }

  function thaw(context: string): void {
    frozen.delete(context);
    for (const port of ports) {
      if (port.context !== context) continue;
      for (const data of port.held.splice(0)) queueMicrotask(() => deliver(port, data));
    }
  }

  return {
    open: (context) => () => open(context),
    kill: (context) => void dead.add(context),
    freeze: (context) => void frozen.add(context),
    lose: (context) => {
      for (const port of ports) if (port.context === context) port.held.length = 0;
    },
    thaw,
    posted,
    postedAt,
    forge: (message) => post("somebody", message),
    openChannels: () => ports.size,
    loseIf: (test) => void (isLost = test),
  };
}

/** A clock whose timers stand still while its context is frozen, or dead. */
export function freezableClock(clock: Clock): { clock: Clock; freeze(): void; thaw(): void } {
  let isFrozen = false;
  let late: (() => void)[] = [];
  return {
    clock: {
      now: () => clock.now(),
      after: (ms, callback) => {
        let isCancelled = false;
        const fire = () => void (isCancelled || callback());
        const cancel = clock.after(ms, () => isFrozen ? late.push(fire) : fire());
        return () => {
          isCancelled = true;
          cancel();
        };
      },
    },
    freeze: () => void (isFrozen = true),
    thaw: () => {
      isFrozen = false;
      for (const fire of late.splice(0)) fire();
      late = [];
    },
  };
}

/** Web Locks among contexts; those of a context end with it. */
export interface FakeLocks {
  /** The locks as one context sees them. */
  of(context: string): LocksLike;
  /** Ends all locks of a context. */
  kill(context: string): void;
}

interface Holder {
  readonly context: string;
  readonly name: string;
  end(reason?: Error): void;
}

interface Waiter {
  readonly context: string;
  readonly name: string;
  grant(): void;
}

/** Creates locks that behave as the standard says, as far as it is used. */
export function createFakeLocks(): FakeLocks {
  const holders = new Map<string, Holder>();
  let waiters: Waiter[] = [];

  function next(name: string): void {
    if (holders.has(name)) return;
    const waiter = waiters.find((each) => each.name === name);
    if (!waiter) return;
    waiters = waiters.filter((each) => each !== waiter);
    waiter.grant();
  }

  function request(
    context: string,
    name: string,
    [options, callback]: [{ steal?: boolean; signal?: AbortSignal }, () => Promise<void>],
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const grant = () => {
        const holder: Holder = { context, name, end };
        function end(reason?: Error) {
          if (holders.get(name) === holder) holders.delete(name);
          if (reason) reject(reason);
          else resolve();
          queueMicrotask(() => next(name));
        }
        holders.set(name, holder);
        queueMicrotask(() => void callback().then(() => end(), end));
      };
      const waiter: Waiter = { context, name, grant };
      options.signal?.addEventListener("abort", () => {
        if (!waiters.includes(waiter)) return;
        waiters = waiters.filter((each) => each !== waiter);
        reject(options.signal?.reason);
      });
      if (options.steal) {
        const holder = holders.get(name);
        holders.delete(name);
        grant();
        holder?.end(new Error("stolen"));
      } else {
        waiters.push(waiter);
        next(name);
      }
    });
  }

  function kill(context: string): void {
    waiters = waiters.filter((each) => each.context !== context);
    for (const holder of [...holders.values()]) {
      if (holder.context !== context) continue;
      holders.delete(holder.name);
      queueMicrotask(() => next(holder.name));
    }
  }

  return {
    of: (context) => ({
      request: (name, options, callback) => request(context, name, [options, callback]),
    }),
    kill,
  };
}
