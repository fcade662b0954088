/** Watches the programs of a run. No wait is without end, and each says what it saw. */
import type { Laboratory } from "./laboratory.ts";
import { type Effect, followRecords } from "./records.ts";

/** What the workers did: each of them, and all together. */
export interface Seen {
  readonly effects: Map<string, Effect[]>;
  /** The events that were handled. */
  readonly handled: ReadonlySet<string>;
  /** The events whose handlers waited to be killed, by worker. */
  readonly held: ReadonlyMap<string, ReadonlySet<string>>;
}

/** Watches the programs of a run. */
export interface Watch {
  /** Aborts when a program ends that nobody ended. */
  readonly failed: AbortSignal;
  /** The exit codes of the programs that have ended. */
  readonly endings: ReadonlyMap<string, number>;
  /** Watches a program that was just started. */
  follow(name: string): void;
  /** Sends a program a signal. From now on it may end. */
  end(name: string, signal: Deno.Signal): void;
  /** Looks at what the workers did so far. */
  look(): Seen;
  /**
   * Waits until it is so. Rejects with what it saw when nothing has moved for `limitMs` (default:
   * `stallMs`), and at once when a program ends by itself.
   */
  until(what: string, isSo: () => boolean, limitMs?: number): Promise<void>;
  /** Says who did what so far, and what is left where. */
  describe(): Promise<string>;
}

const LOOK_MS = 20;
const PUBLISHER = "publisher";
/** So much is told of long lists. */
const SHOWN = 10;
/** So many of the last characters that a program wrote are told. */
const MAX_STDERR = 2_000;

/** Options of {@linkcode watchPrograms}. */
export interface WatchOptions {
  /** How long a wait goes on while nothing moves, in milliseconds. Default: a minute. */
  stallMs?: number;
  /** Is told how it goes. */
  progress?: (text: string) => void;
}

/** Starts to watch. */
export function watchPrograms(laboratory: Laboratory, options: WatchOptions = {}): Watch {
  const { stallMs = 60_000, progress } = options;
  const { proxy, programs } = laboratory;
  const failure = new AbortController();
  const endings = new Map<string, number>();
  const expected = new Set<string>();
  const records = followWorkers(laboratory);
  const stored = new Set<string>();
  let looked = 0;
  const watch: Watch = {
    failed: failure.signal,
    endings,
    follow,
    end(name, signal) {
      expected.add(name);
      programs.get(name)!.process.kill(signal);
    },
    look: records.look,
    until,
    describe,
  };
  return watch;

  function follow(name: string): void {
    if (name !== PUBLISHER) records.add(name);
    void programs.get(name)!.ended.then(({ code, signal, stderr }) => {
      endings.set(name, code);
      if (expected.has(name) || (name === PUBLISHER && code === 0)) return;
      const how = signal ? `by ${signal}` : `with exit code ${code}`;
      const wrote = stderr.trim().slice(-MAX_STDERR) || "nothing";
      failure.abort(
        new Error(`Cannot go on as ${name} ended by itself ${how}; it wrote to stderr: ${wrote}`),
      );
    });
  }

  async function until(what: string, isSo: () => boolean, limitMs = stallMs): Promise<void> {
    let state = "";
    let movedAt = performance.now();
    while (!isSo()) {
      failure.signal.throwIfAborted();
      const now = stateOf();
      if (now !== state) movedAt = performance.now();
      else if (performance.now() - movedAt > limitMs) {
        const seconds = limitMs / 1_000;
        const seen = await describe();
        throw new Error(`Cannot wait until ${what} as nothing moved for ${seconds} s: ${seen}`);
      }
      state = now;
      progress?.(`waits until ${what}: ${state}`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    failure.signal.throwIfAborted();
  }

  /** Counts that only grow, each up to the number of events. */
  function stateOf(): string {
    const { handled, held } = records.look();
    for (const fact of proxy.facts.slice(looked)) {
      if (fact.kind === "stored") stored.add(fact.id);
    }
    looked = proxy.facts.length;
    const waiting = [...held].map(([name, keys]) => `${name}: ${keys.size}`).join(", ");
    const { taken } = proxy.turnstile;
    return `${stored.size} stored, ${taken} taken, ${handled.size} handled, held ${waiting}`;
  }

  async function describe(): Promise<string> {
    const count = await laboratory.count();
    const ended = [...endings].map(([name, code]) => `${name} with ${code}`).join(", ");
    const clients = [...programs.keys()].filter((name) => !endings.has(name)).map((name) => {
      const actions = proxy.requests(name).slice(-SHOWN).map(({ action, at }) =>
        `${action} ${Date.now() - at} ms ago`
      );
      const keys = proxy.unsettled(name);
      return `${name} has ${keys.length} deliveries (${keys.slice(0, SHOWN)}), asked last for ${
        actions.join(", ")
      }`;
    });
    return [
      stateOf(),
      `queue ${JSON.stringify(count)}`,
      `ended: ${ended || "nobody"}`,
      ...clients,
      `left: ${leftIn(laboratory).slice(0, SHOWN).join(", ")}`,
    ].join("; ");
  }
}

/** Events that were stored and not deleted, and who got them last. */
function leftIn({ proxy }: Laboratory): string[] {
  const left = new Map<string, string>();
  for (const fact of proxy.facts) {
    if (fact.kind === "stored") left.set(fact.id, `${fact.id}, not delivered`);
    else if (fact.kind === "deleted") left.delete(fact.id);
    else if (fact.kind === "delivered" && left.has(fact.id)) {
      left.set(fact.id, `${fact.id}, delivered to ${fact.client}`);
    }
  }
  return [...left.values()];
}

/** Each look reads only what is new. */
function followWorkers({ logOf }: Laboratory): { add(name: string): void; look(): Seen } {
  const handled = new Set<string>();
  const held = new Map<string, Set<string>>();
  const effects = new Map<string, Effect[]>();
  const nexts = new Map<string, () => Effect[]>();
  return {
    add(name) {
      nexts.set(name, followRecords<Effect>(logOf(name)));
      effects.set(name, []);
      held.set(name, new Set());
    },
    look() {
      for (const [name, next] of nexts) {
        for (const effect of next()) {
          effects.get(name)!.push(effect);
          if (effect.step === "effect") handled.add(effect.key);
          else if (effect.step === "held") held.get(name)!.add(effect.key);
        }
      }
      return { handled, held, effects };
    },
  };
}
