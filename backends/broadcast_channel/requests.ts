/**
 * What one context wants from the leader: operations, in order and each once, and receives that
 * wait. Everything is repeated until its entry appears in the log, which holds the answer.
 */
import type { Delivery, ReceiveOptions } from "../../src/backend.ts";
import type { Clock } from "../../src/support/clock.ts";
import type { Request } from "./frame.ts";
import type { Want } from "./operation.ts";
import { type Operation, receiveOf } from "./operation.ts";
import type { Outcome } from "./outcome.ts";
import { answerOf, type Entry, type State } from "./state.ts";
import type { Timing } from "./timing.ts";
import { charactersOf, countThatFits, cutToFit, weightOf } from "./weight.ts";

/** A part of a {@linkcode Request} that fits into one message on the channel. */
export type Batch = Pick<Request, "done" | "first" | "operations" | "wants" | "cancels">;

/** The calls of one context. */
export interface Requests {
  /** Asks for an operation; resolves as it turns out. An abort ends the wait, not the operation. */
  submit(operation: Operation, signal?: AbortSignal): Promise<unknown>;
  /** Receives, waiting as the options say. */
  receive(queue: string, options: ReceiveOptions): Promise<Delivery[]>;
  /** Whether nobody has told a call, or a receive, what became of it. */
  isOpen(number: number, isReceive: boolean): boolean;
  /** Takes note of what became of an own entry. */
  settle(entry: Pick<Entry, "number" | "operation">, outcome: Outcome): void;
  /** Takes note of all that is known of this context, after a part of the log was skipped. */
  reconcile(state: State, options: ReconcileOptions): void;
  /** Asks again for operations that were done once, and are not any more. */
  restore(entries: readonly Entry[]): void;
  /** What is to be sent now. */
  collect(): Batch[];
  /** Sends everything once more: there is a new leader. */
  repeat(): void;
  /** The leader waits for another operation than the one it got, or has noted receives. */
  noted(expect: number, wants: readonly number[]): void;
  /** When something is to be repeated. */
  dueAt(): number | undefined;
  /** Repeats what is overdue. */
  wake(): void;
  /** Rejects everything, also what comes later. */
  end(reason: unknown): void;
}

/** Options of {@linkcode Requests.reconcile}. */
export interface ReconcileOptions {
  /** The id of this context. */
  id: string;
  /** Own entries that are not safe yet: their calls are settled later. */
  except?: readonly Pick<Entry, "number" | "operation">[];
}

/** Options of {@linkcode createRequests}. */
export interface RequestsOptions {
  clock: Clock;
  timing: Timing;
  /** Called when there is something to collect; `isMuch` if that can leave at once. */
  changed: (isMuch?: boolean) => void;
  /** Whether this context leads: then nothing needs to be announced early or late. */
  leads: () => boolean;
}

interface Call {
  readonly operation: Operation;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

interface Poll {
  readonly queue: string;
  readonly options: ReceiveOptions;
  readonly endsAt: number;
  readonly resolve: (deliveries: Delivery[]) => void;
  readonly reject: (reason: unknown) => void;
}

interface Announced {
  readonly want: Want;
  poll: Poll | undefined;
  sent: boolean;
  noted: boolean;
  cancelLinger: () => void;
}

/** How many operations are under way at once. */
const WINDOW = 256;
/** How many operations, receives and ends of receives go into one message. */
const BATCH = { operations: 8, wants: 200, cancels: 1_000 };

/** Creates the calls of a context that has made none. */
export function createRequests({ clock, timing, changed, leads }: RequestsOptions): Requests {
  let waiting: Call[] = [];
  const calls = new Map<number, Call>();
  let low = 1;
  let next = 1;
  let transmitted = 0;
  const announced = new Map<number, Announced>();
  let nextWant = 1;
  let cancels: number[] = [];
  let retryMs = timing.retryMs;
  let retryAt: number | undefined;
  let ended: { readonly reason: unknown } | undefined;

  function submit(operation: Operation, signal?: AbortSignal): Promise<unknown> {
    if (ended) return Promise.reject(ended.reason);
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        // What was not sent never will be; what was is done, and only nobody waits for it.
        waiting = waiting.filter((each) => each !== call);
        call.reject(signal?.reason);
      };
      const done = () => signal?.removeEventListener("abort", onAbort);
      const call: Call = {
        operation,
        resolve: (value) => (done(), resolve(value)),
        reject: (reason) => (done(), reject(reason)),
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      waiting.push(call);
      changed(waiting.length === BATCH.operations);
    });
  }

  function receive(queue: string, options: ReceiveOptions): Promise<Delivery[]> {
    const { signal, waitMs } = options;
    if (ended) return Promise.reject(ended.reason);
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        poll.reject(signal?.reason);
        abandon(poll, 0);
      };
      const onTimeout = () => {
        poll.resolve([]);
        abandon(poll, leads() ? 0 : timing.lingerMs);
      };
      const cancelTimer = waitMs > 0 ? clock.after(waitMs, onTimeout) : () => {};
      const done = () => {
        cancelTimer();
        signal?.removeEventListener("abort", onAbort);
      };
      const poll: Poll = {
        queue,
        options,
        endsAt: clock.now() + waitMs,
        resolve: (deliveries) => (done(), resolve(deliveries)),
        reject: (reason) => (done(), reject(reason)),
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      announce(poll);
    });
  }

  function announce(poll: Poll): void {
    const { queue, options: { max, visibilityMs, waitMs } } = poll;
    const wait = waitMs > 0;
    for (const other of wait ? announced.values() : []) {
      const { want } = other;
      if (other.poll || want.queue !== queue || want.max !== max) continue;
      if (want.visibilityMs !== visibilityMs) continue;
      other.cancelLinger();
      other.poll = poll;
      return;
    }
    const want: Want = { number: nextWant++, queue, max, visibilityMs, wait };
    const entry = { want, poll, sent: false, noted: false, cancelLinger: () => {} };
    announced.set(want.number, entry);
    changed();
  }

  function abandon(poll: Poll, lingerMs: number): void {
    for (const entry of announced.values()) {
      if (entry.poll !== poll) continue;
      entry.poll = undefined;
      if (lingerMs === 0) return withdraw(entry);
      entry.cancelLinger = clock.after(lingerMs, () => withdraw(entry));
    }
  }

  function withdraw({ want, sent }: Announced): void {
    announced.delete(want.number);
    if (!sent) return;
    cancels.push(want.number);
    changed();
  }

  function settle(entry: Pick<Entry, "number" | "operation">, outcome: Outcome): void {
    if (entry.operation.kind === "receive") settleReceive(entry, outcome);
    else settleCall(entry.number, outcome);
    retryMs = timing.retryMs;
    retryAt = isAnyOpen() ? clock.now() + retryMs : undefined;
  }

  function settleCall(number: number, outcome: Outcome): void {
    const call = calls.get(number);
    calls.delete(number);
    while (low < next && !calls.has(low)) low++;
    if (waiting.length > 0) changed();
    if ("error" in outcome) call?.reject(outcome.error);
    else call?.resolve(outcome.value);
  }

  function settleReceive(
    { number, operation }: Pick<Entry, "number" | "operation">,
    outcome: Outcome,
  ): void {
    const entry = announced.get(number);
    announced.delete(number);
    entry?.cancelLinger();
    const poll = entry?.poll;
    if ("error" in outcome) return poll?.reject(outcome.error);
    const deliveries = outcome.value as Delivery[];
    if (!poll) return giveBack("queue" in operation ? operation.queue : "", deliveries);
    const isOver = poll.options.waitMs <= 0 || clock.now() >= poll.endsAt;
    if (deliveries.length > 0 || isOver) poll.resolve(deliveries);
    else announce(poll);
  }

  /** Messages for a receive that had ended when they were on their way. */
  function giveBack(queue: string, deliveries: readonly Delivery[]): void {
    if (deliveries.length === 0) return;
    const releases = deliveries.map(({ receipt }) => ({ receipt, delayMs: 0 }));
    submit({ kind: "release", queue, releases }).catch(() => {});
  }

  function reconcile(state: State, { id, except = [] }: ReconcileOptions): void {
    const member = state.members.get(id);
    const receives = new Set<number>();
    const others = new Set<number>();
    for (const { number, operation } of except) {
      (operation.kind === "receive" ? receives : others).add(number);
    }
    for (const [number, outcome] of member?.outcomes ?? []) {
      const call = calls.get(number);
      if (call && !others.has(number)) settle({ number, operation: call.operation }, outcome);
    }
    for (const [number, outcome] of member?.receives ?? []) {
      const want = announced.get(number)?.want;
      if (!want || receives.has(number)) continue;
      const operation = receiveOf(want);
      settle({ number, operation }, answerOf(state, { operation }, outcome));
    }
  }

  function restore(entries: readonly Entry[]): void {
    for (const { number, operation } of entries) {
      if (operation.kind === "receive" || number >= next || calls.has(number)) continue;
      calls.set(number, { operation, resolve: () => {}, reject: () => {} });
      low = Math.min(low, number);
    }
    transmitted = Math.min(transmitted, low - 1);
  }

  function collect(): Batch[] {
    while (waiting.length > 0 && calls.size < WINDOW) calls.set(next++, waiting.shift() as Call);
    const batches: Batch[] = [];
    const add = ({ first = next, operations = [], wants = [], cancels = [] }: Partial<Batch>) =>
      batches.push({ done: done(), first, operations, wants, cancels });
    // Given up before what was sent after it, and wanted after what was sent before it.
    const all = { weightOf: () => 0, max: BATCH.cancels };
    for (const some of cutToFit(cancels, all)) add({ cancels: some });
    cancels = [];
    for (let number = Math.max(transmitted + 1, low); number < next;) {
      const operations = operationsFrom(number);
      if (operations.length > 0) add({ first: number, operations });
      number += Math.max(operations.length, 1);
    }
    transmitted = next - 1;
    const wants = [];
    for (const entry of announced.values()) {
      if (!entry.sent) wants.push(entry.want);
      entry.sent = true;
    }
    const few = { weightOf: charactersOf, max: BATCH.wants };
    for (const some of cutToFit(wants, few)) add({ wants: some });
    if (batches.length > 0) retryAt ??= clock.now() + retryMs;
    return batches;
  }

  function operationsFrom(first: number): Operation[] {
    const operations: Operation[] = [];
    let call = calls.get(first);
    while (call && operations.length < BATCH.operations) {
      operations.push(call.operation);
      call = calls.get(first + operations.length);
    }
    return operations.slice(0, countThatFits(operations, { weightOf }));
  }

  function done(): [number, number] {
    let lowWant = nextWant;
    for (const number of announced.keys()) lowWant = Math.min(lowWant, number);
    return [low, lowWant];
  }

  function repeat(): void {
    transmitted = low - 1;
    for (const entry of announced.values()) entry.sent = entry.noted = false;
    retryAt = undefined;
    changed();
  }

  function noted(expect: number, wants: readonly number[]): void {
    for (const number of wants) {
      const entry = announced.get(number);
      if (entry) entry.noted = true;
    }
    if (expect >= low && expect <= transmitted) {
      transmitted = expect - 1;
      changed();
    }
  }

  function isOpen(number: number, isReceive: boolean): boolean {
    return isReceive ? announced.has(number) : calls.has(number);
  }

  function isAnyOpen(): boolean {
    if (calls.size > 0) return true;
    for (const entry of announced.values()) if (!entry.noted) return true;
    return false;
  }

  function dueAt(): number | undefined {
    return retryAt;
  }

  function wake(): void {
    if (retryAt === undefined || clock.now() < retryAt) return;
    retryAt = undefined;
    if (!isAnyOpen()) return;
    retryMs = Math.min(2 * retryMs, timing.maxRetryMs);
    transmitted = Math.min(transmitted, low - 1);
    for (const entry of announced.values()) if (!entry.noted) entry.sent = false;
    changed();
  }

  function end(reason: unknown): void {
    ended ??= { reason };
    for (const call of [...calls.values(), ...waiting]) call.reject(reason);
    for (const { poll, cancelLinger } of announced.values()) {
      cancelLinger();
      poll?.reject(reason);
    }
    calls.clear();
    announced.clear();
    waiting = [];
    retryAt = undefined;
  }

  return {
    submit,
    receive,
    isOpen,
    settle,
    reconcile,
    restore,
    collect,
    repeat,
    noted,
    dueAt,
    wake,
    end,
  };
}
