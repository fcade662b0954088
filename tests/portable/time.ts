/**
 * Stands in for `FakeTime` of `@std/testing/time`: a clock that stands still until it is told to
 * move. It replaces `Date`, the timers and `AbortSignal.timeout`, not `performance.now`.
 */
const real = {
  Date: globalThis.Date,
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  clearInterval: globalThis.clearInterval,
  timeout: AbortSignal.timeout,
};

/** Where timers fire until there are none, there is an end to it after so many. */
const MOST_TURNS = 1_000_000;

type Callback = (...args: unknown[]) => void;

interface Timer {
  readonly id: number;
  readonly callback: Callback;
  readonly due: number;
  /** Of an interval: how long until it fires again. */
  readonly every?: number;
}

let faked: FakeTime | undefined;

/** Replaces time until {@linkcode FakeTime.restore}. There is one at a time. */
export class FakeTime {
  /** The moment at which the clock started. */
  readonly start: number;
  #now: number;
  #lastId = 0;
  /** In the order in which they were set. */
  #timers = new Map<number, Timer>();

  /** Starts the clock; by default at the present. */
  constructor(start: number | string | Date = real.Date.now()) {
    if (faked) throw new Error("Cannot construct FakeTime: time is already faked");
    this.start = this.#now = new real.Date(start).getTime();
    if (Number.isNaN(this.start)) {
      throw new TypeError("Cannot construct FakeTime: invalid start time");
    }
    this.#replace();
    faked = this;
  }

  /** Ends the fake that is in force. */
  static restore(): void {
    if (!faked) throw new Error("Cannot restore time: time is already restored");
    faked.restore();
  }

  /** Milliseconds since the Unix epoch. Setting it fires what is due until then, in order. */
  get now(): number {
    return this.#now;
  }
  set now(value: number) {
    if (!(value >= this.#now)) throw new RangeError(`Cannot set the time back to ${value}`);
    for (let timer = this.#next(); timer && timer.due <= value; timer = this.#next()) {
      this.#fire(timer);
    }
    this.#now = value;
  }

  /** Moves the clock on. */
  tick(ms = 0): void {
    this.now += ms;
  }

  /** Lets what is pending happen, then moves the clock on. */
  async tickAsync(ms = 0): Promise<void> {
    await this.runMicrotasks();
    this.tick(ms);
  }

  /** Moves the clock on to the next timer; returns whether there was one. */
  next(): boolean {
    const timer = this.#next();
    if (timer) this.now = timer.due;
    return timer !== undefined;
  }

  /** Lets what is pending happen, then moves the clock on to the next timer. */
  async nextAsync(): Promise<boolean> {
    await this.runMicrotasks();
    return this.next();
  }

  /** Fires timers until there are none. */
  runAll(): void {
    while (this.next());
  }

  /** Fires timers until there are none, letting what is pending happen before each. */
  async runAllAsync(): Promise<void> {
    for (let turn = 0; this.#timers.size > 0; turn++) {
      if (turn === MOST_TURNS) throw new Error(`Timers are set again after ${MOST_TURNS} turns`);
      await this.nextAsync();
    }
  }

  /** Lets what is pending happen; the clock stands still meanwhile. */
  async runMicrotasks(): Promise<void> {
    await new Promise((resolve) => real.setTimeout.call(globalThis, resolve, 0));
  }

  /** Puts the real time back. What was set and has not fired never does. */
  restore(): void {
    if (faked !== this) throw new Error("Cannot restore time: time is already restored");
    const { timeout, ...globals } = real;
    Object.assign(globalThis, globals);
    AbortSignal.timeout = timeout;
    faked = undefined;
  }

  /** Does what {@linkcode FakeTime.restore} does. */
  [Symbol.dispose](): void {
    this.restore();
  }

  #replace(): void {
    const set = (repeat: boolean) => (callback: Callback, delay = 0, ...args: unknown[]): number =>
      this.#set(() => callback(...args), Math.floor(delay), repeat);
    const clear = (id?: number) => void this.#timers.delete(id ?? 0);
    Object.assign(globalThis, {
      Date: dateAt(() => this.#now),
      setTimeout: set(false),
      clearTimeout: clear,
      setInterval: set(true),
      clearInterval: clear,
    });
    AbortSignal.timeout = (ms) => {
      const controller = new AbortController();
      const reason = () => new DOMException("Signal timed out.", "TimeoutError");
      this.#set(() => controller.abort(reason()), ms, false);
      return controller.signal;
    };
  }

  #set(callback: Callback, delay: number, repeat: boolean): number {
    const id = ++this.#lastId;
    const wait = Math.max(repeat ? 1 : 0, delay || 0);
    const timer = { id, callback, due: this.#now + wait };
    this.#timers.set(id, repeat ? { ...timer, every: wait } : timer);
    return id;
  }

  #next(): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers.values()) {
      if (!next || timer.due < next.due) next = timer;
    }
    return next;
  }

  #fire(timer: Timer): void {
    this.#now = timer.due;
    this.#timers.delete(timer.id);
    if (timer.every) this.#timers.set(timer.id, { ...timer, due: timer.due + timer.every });
    timer.callback();
  }
}

/** A `Date` whose present is `now`. */
function dateAt(now: () => number): DateConstructor {
  return new Proxy(real.Date, {
    construct: (target, args, newTarget) =>
      Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
    apply: () => new real.Date(now()).toString(),
    get: (target, key, receiver) => key === "now" ? now : Reflect.get(target, key, receiver),
  });
}
