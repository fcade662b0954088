/**
 * A world in time: receives wait, the passing of time has effects, and a journal records all
 * changes.
 */
import type { Clock } from "../../../src/support/clock.ts";
import { type LongPolls, longPolls, type Wait } from "../../memory/long_poll.ts";
import { nextChangeAt } from "../../memory/queue.ts";
import { callOf, type Operation, type Output } from "./operation.ts";
import { nextTickAt, perform } from "./perform.ts";
import { doesNotExist } from "./sqs/find.ts";
import { receiveRequest } from "./sqs/receiving.ts";
import type { QueueRecord, World } from "./world.ts";

/** A world in time. */
export interface Host {
  /** The world. */
  readonly world: World;
  /** Does an operation now. */
  run(operation: Operation): Output;
  /** Receives, and waits as long as the operation says. */
  receive(operation: Operation, signal: AbortSignal): Promise<Output>;
  /** Does an operation of a journal again. */
  replay(operation: Operation): void;
  /** Resolves when everything that was done is in the journal. */
  written(): Promise<void>;
}

/** Options of {@linkcode createHost}. */
export interface HostOptions {
  /** The world at the beginning. */
  readonly world: World;
  /** The clock of the world. */
  readonly clock: Clock;
  /** Makes an operation of the emulator, now. */
  readonly own: (action: string, input: Operation["input"]) => Operation;
  /** Takes the operations that changed the world, in order. */
  readonly journal?: ((operation: Operation) => void | Promise<void>) | undefined;
  /** Called after each operation. */
  readonly afterwards: () => void;
}

interface Receive extends Wait {
  readonly operation: Operation;
}

/** Actions that only read, which the journal leaves out. */
const READS = /^(Get|List)/;

/** A receive that found nothing may have moved something to a dead-letter queue all the same. */
function isChange({ action }: Operation, output: Output, woken: ReadonlySet<string>): boolean {
  if (action === "ReceiveMessage") return output.Messages !== undefined || woken.size > 0;
  return !READS.test(action);
}

/** Creates a host. */
export function createHost(options: HostOptions): Host {
  const { world, clock, own, journal, afterwards } = options;
  const polls = new Map<string, LongPolls<Receive, Output>>();
  let written: void | Promise<void>;
  let cancelTick = () => {};

  function run(operation: Operation): Output {
    const { output, woken } = perform(world, operation);
    if (isChange(operation, output, woken)) written = journal?.(operation);
    for (const arn of woken) wake(arn);
    arm();
    afterwards();
    return output;
  }

  function wake(arn: string): void {
    const waiting = polls.get(arn);
    if (!waiting) return;
    if (world.queues.has(arn)) return waiting.wake();
    polls.delete(arn);
    waiting.end(doesNotExist());
  }

  async function receive(operation: Operation, signal: AbortSignal): Promise<Output> {
    const { queue, waitMs } = receiveRequest(callOf(world, operation));
    signal.throwIfAborted();
    if (waitMs === 0) return run(operation);
    const [output = {}] = await pollsOf(queue).receive({ operation, waitMs, signal });
    return output;
  }

  function pollsOf({ arn, engine }: QueueRecord): LongPolls<Receive, Output> {
    const known = polls.get(arn);
    if (known) return known;
    const take = ({ operation }: Receive) => {
      const output = run({ ...operation, at: clock.now() });
      return output.Messages ? [output] : [];
    };
    const created = longPolls({
      clock,
      take,
      nextChangeAt: () => nextChangeAt(engine, clock.now()),
    });
    polls.set(arn, created);
    return created;
  }

  function arm(): void {
    cancelTick();
    cancelTick = () => {};
    const at = nextTickAt(world);
    if (at === undefined) return;
    cancelTick = clock.after(Math.max(at - clock.now(), 0), () => void run(own("Tick", {})));
  }

  function replay(operation: Operation): void {
    perform(world, operation);
    arm();
    afterwards();
  }

  arm();
  return { world, run, receive, replay, written: async () => await written };
}
