import { seededRandom } from "../../../../backends/memory/testing.ts";
import { until as waitUntil } from "../../../wait.ts";
import type { Thread } from "./runtime.ts";
import type { Command, ConsumeOptions, Report } from "./worker.ts";

/** A worker with a backend, and what is known of its consumer. */
export interface Colleague {
  /** Asks its backend for something. */
  ask(verb: Command["verb"], ...args: unknown[]): Promise<unknown>;
  /** Ends it without warning. */
  terminate(): void;
  /** Stops it, or lets it go on. */
  pause(isPaused: boolean): Promise<void>;
  /** What it has received and not begun to acknowledge, by body. */
  readonly inFlight: Set<string>;
  /** What it is about to acknowledge. */
  readonly settling: Set<string>;
  readonly isAlive: () => boolean;
}

/** Workers that share queues, and a record of all that their consumers did. */
export interface Team {
  readonly name: string;
  readonly members: Colleague[];
  /** How often each body was received. */
  readonly received: Map<string, number>;
  /** The bodies in the order in which they were received. */
  readonly order: string[];
  /** How often each body was acknowledged. */
  readonly acknowledged: Map<string, number>;
  /** Adds a worker. */
  hire(options?: object): Promise<Colleague>;
  consume(options: ConsumeOptions, members?: readonly Colleague[]): Promise<void>;
  /** The one that leads. */
  leader(): Promise<Colleague>;
  /** Resolves when it is so; throws if it takes longer than `ms`. */
  until(condition: () => boolean | Promise<boolean>, ms: number, what: string): Promise<void>;
  /** Ends all workers. */
  end(): void;
}

/** A chance that repeats itself. */
export const chance: () => number = seededRandom(20_261);

/** How long a worker may take for an answer, in milliseconds. */
const ANSWER_MS = 180_000;

let teams = 0;

/** Creates a team without workers; `start` starts one. */
export function createTeam(start: () => Promise<Thread>): Team {
  const name = `team-${++teams}-${Math.random()}`;
  const members: Colleague[] = [];
  const received = new Map<string, number>();
  const acknowledged = new Map<string, number>();
  const order: string[] = [];

  async function hire(options: object = {}): Promise<Colleague> {
    const thread = await start();
    const colleague = createColleague(thread, record);
    members.push(colleague);
    await colleague.ask("open", name, options);
    return colleague;
  }

  function record(report: Report, colleague: Colleague): void {
    const { inFlight, settling } = colleague;
    // A tab lives on for a moment after it was closed, and says no more.
    if (!colleague.isAlive()) return;
    if ("received" in report) {
      for (const body of report.received) {
        received.set(body, (received.get(body) ?? 0) + 1);
        order.push(body);
        inFlight.add(body);
      }
    } else if ("settling" in report) {
      for (const body of report.settling) {
        inFlight.delete(body);
        settling.add(body);
      }
      void colleague.ask("settle", report.turn);
    } else if ("acknowledged" in report) {
      for (const body of report.acknowledged) {
        acknowledged.set(body, (acknowledged.get(body) ?? 0) + 1);
        settling.delete(body);
      }
    }
  }

  async function until(
    condition: () => boolean | Promise<boolean>,
    ms: number,
    what: string,
  ): Promise<void> {
    await waitUntil(condition, { what, ms });
  }

  async function leader(): Promise<Colleague> {
    let found: Colleague | undefined;
    await until(
      async () => {
        const alive = members.filter(({ isAlive }) => isAlive());
        const roles = await Promise.all(alive.map((each) => each.ask("role")));
        found = alive[roles.indexOf("leader")];
        return found !== undefined;
      },
      10_000,
      "somebody leads",
    );
    return found as Colleague;
  }

  return {
    name,
    members,
    received,
    order,
    acknowledged,
    hire,
    leader,
    until,
    consume: async (options, some = members) => {
      await Promise.all(some.map((each) => each.ask("consume", options)));
    },
    end: () => members.forEach((each) => each.terminate()),
  };
}

/** What a worker was asked, and has not answered. */
interface Call {
  resolve(value: unknown): void;
  reject(error: Error): void;
  readonly timer: ReturnType<typeof setTimeout>;
}

function createColleague(
  thread: Thread,
  record: (report: Report, colleague: Colleague) => void,
): Colleague {
  const calls = new Map<number, Call>();
  let next = 1;
  let isAlive = true;
  const colleague: Colleague = {
    inFlight: new Set(),
    settling: new Set(),
    isAlive: () => isAlive,
    ask: (verb, ...args) =>
      new Promise((resolve, reject) => {
        const late = () => reject(new Error(`Waited ${ANSWER_MS} ms for the answer to "${verb}"`));
        calls.set(next, { resolve, reject, timer: setTimeout(late, ANSWER_MS) });
        thread.post({ number: next++, verb, args } satisfies Command);
      }),
    pause: async (isPaused) => await thread.pause?.(isPaused),
    terminate: () => {
      isAlive = false;
      // Nobody waits for what it was asked: it is ended to see what the others do.
      for (const { timer } of calls.values()) clearTimeout(timer);
      thread.terminate();
    },
  };
  thread.listen((message) => {
    const report = message as Report;
    if (!("number" in report)) return record(report, colleague);
    const call = calls.get(report.number);
    calls.delete(report.number);
    clearTimeout(call?.timer);
    if (report.error === undefined) call?.resolve(report.value);
    else call?.reject(new Error(report.error));
  });
  return colleague;
}
