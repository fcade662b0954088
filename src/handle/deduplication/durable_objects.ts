/**
 * De-duplication that all Cloudflare workers share, in Durable Objects.
 *
 * The store calls one object for each key, so claims of different keys do not wait for each other.
 * The class of the object is exported by your worker and bound in its configuration.
 *
 * @example
 * ```ts ignore
 * import {
 *   DurableObjectDeduplicationStore,
 *   DurableObjectKeys,
 * } from "@melange/melange/deduplication/durable-objects";
 *
 * // wrangler.toml: [[durable_objects.bindings]] name = "KEYS", class_name = "Keys"
 * export class Keys extends DurableObjectKeys {}
 *
 * const store = new DurableObjectDeduplicationStore({ namespace: env.KEYS });
 * ```
 *
 * @module
 */
import { type Clock, systemClock } from "../../support/clock.ts";
import type { Claim, DeduplicationStore } from "./store.ts";
import { checkClient, inProgress, serverKey, strangeAnswer, wholeMs } from "./shared.ts";

/** The part of a `DurableObjectNamespace` that is used. */
export interface DurableObjectKeysNamespace {
  /** Derives the id of an object from a name. */
  idFromName(name: string): unknown;
  /** Returns the object with an id. */
  // deno-lint-ignore no-explicit-any -- the id is a type of the platform
  get(id: any): { fetch(url: string, init: { method: string; body: string }): Promise<Response> };
}

/** The part of a `DurableObjectState` that is used. */
export interface DurableObjectKeysState {
  /** The storage of the object. */
  readonly storage: {
    /** Runs reads and writes as a whole. */
    transaction<T>(run: (storage: DurableObjectKeysStorage) => Promise<T>): Promise<T>;
    /** Sets the time at which `alarm` is called. */
    setAlarm(at: number): Promise<void>;
    /** Deletes everything. */
    deleteAll(): Promise<void>;
  };
}

/** The part of a transaction that is used. */
export interface DurableObjectKeysStorage {
  /** Reads a value. */
  get(key: string): Promise<unknown>;
  /** Writes a value. */
  put(key: string, value: unknown): Promise<void>;
  /** Deletes a value. */
  delete(key: string): Promise<unknown>;
}

/** Options of {@linkcode DurableObjectDeduplicationStore}. */
export interface DurableObjectDeduplicationStoreOptions {
  /** The binding of the class that extends {@linkcode DurableObjectKeys}. */
  namespace: DurableObjectKeysNamespace;
}

interface Entry {
  token: string;
  done: boolean;
  expiresAt: number;
}

interface Call {
  verb: "claim" | "complete" | "release" | "renew";
  token: string;
  ms: number;
}

/** The time that an object keeps its entry beyond the end, in milliseconds: a day. */
const KEPT_MS = 86_400_000;

/**
 * The object of one key. Its clock is that of the machine it runs on, which is one at a time.
 *
 * @example
 * ```ts
 * import { DurableObjectKeys } from "@melange/melange/deduplication/durable-objects";
 *
 * // wrangler.toml: [[durable_objects.bindings]] name = "KEYS", class_name = "Keys"
 * export class Keys extends DurableObjectKeys {}
 * ```
 */
export class DurableObjectKeys {
  readonly #state: DurableObjectKeysState;
  readonly #clock: Clock;

  /** Keeps the state; called by the platform. */
  constructor(state: DurableObjectKeysState, _env?: unknown, clock: Clock = systemClock) {
    this.#state = state;
    this.#clock = clock;
  }

  /** Answers one call of the store. */
  async fetch(request: Request): Promise<Response> {
    const call = await request.json() as Call;
    const { storage } = this.#state;
    const answer = await storage.transaction((inside) => this.#answer(inside, call));
    return Response.json(answer);
  }

  /** Deletes the entry a day after its end. */
  async alarm(): Promise<void> {
    const { storage } = this.#state;
    const entry = await storage.transaction((inside) => inside.get("entry")) as Entry | undefined;
    const left = (entry?.expiresAt ?? 0) + KEPT_MS - this.#clock.now();
    await (left > 0 ? storage.setAlarm(this.#clock.now() + left) : storage.deleteAll());
  }

  async #answer(inside: DurableObjectKeysStorage, call: Call): Promise<Answer> {
    const { verb, token, ms } = call;
    const entry = await inside.get("entry") as Entry | undefined;
    const now = this.#clock.now();
    if (verb === "claim") {
      if (entry && entry.expiresAt > now) {
        return { is: entry.done ? "completed" : "inProgress", leftMs: entry.expiresAt - now };
      }
    } else if (entry?.token !== token || (entry.done && verb !== "complete")) {
      return { is: "no" };
    }
    if (verb === "release") await inside.delete("entry");
    else await this.#put(inside, { token, done: verb === "complete", expiresAt: now + ms });
    return { is: "yes" };
  }

  async #put(inside: DurableObjectKeysStorage, entry: Entry): Promise<void> {
    await inside.put("entry", entry);
    await this.#state.storage.setAlarm(entry.expiresAt + KEPT_MS);
  }
}

interface Answer {
  is: "yes" | "no" | "completed" | "inProgress";
  leftMs?: number;
}

/**
 * Remembers in Durable Objects which subscriber has handled which event. All times are times of the
 * objects. Workers KV cannot do this, because it has no compare-and-set: its namespaces are refused.
 *
 * @example
 * ```ts ignore
 * import { DurableObjectDeduplicationStore } from "@melange/melange/deduplication/durable-objects";
 *
 * const store = new DurableObjectDeduplicationStore({ namespace: env.KEYS });
 * ```
 */
export class DurableObjectDeduplicationStore implements DeduplicationStore {
  readonly #namespace: DurableObjectKeysNamespace;

  /**
   * Keeps the namespace; nothing is called before the first claim.
   * @throws {TypeError} if the namespace is none of Durable Objects
   */
  constructor(options: DurableObjectDeduplicationStoreOptions) {
    const functions = ["idFromName", "get"];
    checkClient(options.namespace, { server: "A store in Durable Objects", functions });
    this.#namespace = options.namespace;
  }

  /** Claims a key. Of several workers, only one gets the key. */
  async claim(key: string, leaseMs: number): Promise<Claim> {
    const ms = wholeMs(leaseMs, { cannot: "claim a key", name: "leaseMs" });
    const token = crypto.randomUUID();
    const { is, leftMs } = await this.#call(key, { verb: "claim", token, ms });
    if (is === "yes") return { status: "claimed", token };
    return is === "completed" ? { status: "completed" } : inProgress(leftMs);
  }

  /** Marks a claimed key as done. */
  async complete(key: string, token: string, retentionMs: number): Promise<void> {
    const ms = wholeMs(retentionMs, { cannot: "complete a key", name: "retentionMs" });
    await this.#call(key, { verb: "complete", token, ms });
  }

  /** Gives a claimed key back. */
  async release(key: string, token: string): Promise<void> {
    await this.#call(key, { verb: "release", token, ms: 0 });
  }

  /** Prolongs a lease. An ended lease can be prolonged until another claim takes the key. */
  async renew(key: string, token: string, leaseMs: number): Promise<boolean> {
    const ms = wholeMs(leaseMs, { cannot: "renew a claim", name: "leaseMs" });
    return (await this.#call(key, { verb: "renew", token, ms })).is === "yes";
  }

  async #call(key: string, call: Call): Promise<Answer> {
    const object = this.#namespace.get(this.#namespace.idFromName(await serverKey(key)));
    // The host is not looked up.
    const init = { method: "POST", body: JSON.stringify(call) };
    const answer = await object.fetch("https://keys.invalid/", init);
    const said = await answer.json().catch(() => undefined) as Answer | undefined;
    if (answer.ok && /^(yes|no|completed|inProgress)$/.test(`${said?.is}`)) return said!;
    throw strangeAnswer("use a store", "Durable Objects", said);
  }
}
