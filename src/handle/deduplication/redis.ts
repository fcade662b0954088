/**
 * De-duplication that all workers share, in Redis or Valkey.
 *
 * The client is yours: the store takes one function that runs a script.
 *
 * | client | `eval` |
 * | --- | --- |
 * | ioredis | `(script, keys, args) => redis.eval(script, keys.length, ...keys, ...args)` |
 * | node-redis | `(script, keys, args) => redis.eval(script, { keys, arguments: args })` |
 * | Upstash | `(script, keys, args) => redis.eval(script, keys, args)` |
 *
 * @example
 * ```ts
 * import { RedisDeduplicationStore } from "@melange/melange/deduplication/redis";
 *
 * // `new Redis("redis://…")` of ioredis in a program of yours.
 * const redis = { eval: (_script: string, _count: number, ..._rest: string[]) => Promise.resolve("claimed") };
 * const store = new RedisDeduplicationStore({
 *   eval: (script, keys, args) => redis.eval(script, keys.length, ...keys, ...args),
 * });
 * console.log((await store.claim("bill:o-1", 60_000)).status); // prints: claimed
 * ```
 *
 * @module
 */
import type { Claim, DeduplicationStore } from "./store.ts";
import { inProgress, serverKey, strangeAnswer, wholeMs } from "./shared.ts";

/** Runs a Lua script on the server and resolves to its answer, which is one text. */
export type RedisEval = (script: string, keys: string[], args: string[]) => Promise<unknown>;

/** Options of {@linkcode RedisDeduplicationStore}. */
export interface RedisDeduplicationStoreOptions {
  /** Runs a script with the client of your choice; see the table of the module. */
  eval: RedisEval;
  /** The beginning of all keys. Default: `"melange:dedup:"`. */
  prefix?: string;
}

/**
 * The time of the server in milliseconds, and the entry of the key: token, done, end. The entry is
 * deleted by the server a day after its end at the earliest, so no claim goes by a deletion.
 */
const HEAD = `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local e = redis.call('HMGET', KEYS[1], 't', 'd', 'e')
local token, done, ends = e[1], e[2] == '1', tonumber(e[3] or '0')
local function put(d, ms)
  local at = now + tonumber(ms)
  redis.call('HSET', KEYS[1], 't', ARGV[1], 'd', d, 'e', string.format('%.0f', at))
  redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', at + 86400000))
end`;

const CLAIM = `${HEAD}
if token and ends > now and (done or token ~= ARGV[1]) then
  if done then return 'completed' end
  return string.format('%.0f', ends - now)
end
put('0', ARGV[2])
return 'claimed'`;

const COMPLETE = `${HEAD}
if token ~= ARGV[1] then return 'no' end
put('1', ARGV[2])
return 'yes'`;

const RELEASE = `${HEAD}
if token ~= ARGV[1] or done then return 'no' end
redis.call('DEL', KEYS[1])
return 'yes'`;

const RENEW = `${HEAD}
if token ~= ARGV[1] or done then return 'no' end
put('0', ARGV[2])
return 'yes'`;

/**
 * Remembers in Redis which subscriber has handled which event. Each call is one script on one key,
 * so the store works on a cluster too. All times are times of the server. A failover to a replica
 * that lacks the last writes forgets them, and a server that evicts keys forgets as well: set
 * `maxmemory-policy noeviction`.
 *
 * The calls reject with the error of the client, and with a `TypeError` if the answer is strange.
 *
 * @example
 * ```ts
 * import { Dispatcher } from "@melange/melange";
 * import { RedisDeduplicationStore } from "@melange/melange/deduplication/redis";
 *
 * // `new Redis("redis://…")` of ioredis in a program of yours.
 * const redis = { eval: (_script: string, _count: number, ..._rest: string[]) => Promise.resolve("claimed") };
 * const store = new RedisDeduplicationStore({
 *   eval: (script, keys, args) => redis.eval(script, keys.length, ...keys, ...args),
 * });
 * const dispatcher = new Dispatcher({ deduplication: { store } });
 * console.log(dispatcher.eventTypes.length); // prints: 0
 * ```
 */
export class RedisDeduplicationStore implements DeduplicationStore {
  readonly #eval: RedisEval;
  readonly #prefix: string;

  /**
   * Keeps the function; nothing is sent before the first claim.
   * @throws {TypeError} if `eval` is no function
   */
  constructor(options: RedisDeduplicationStoreOptions) {
    if (typeof options.eval !== "function") {
      throw new TypeError("Cannot create a store as eval must be a function that runs a script");
    }
    this.#eval = options.eval;
    this.#prefix = options.prefix ?? "melange:dedup:";
  }

  /** Claims a key. Of several workers, only one gets the key. */
  async claim(key: string, leaseMs: number): Promise<Claim> {
    const ms = wholeMs(leaseMs, { cannot: "claim a key", name: "leaseMs" });
    const token = crypto.randomUUID();
    const answer = await this.#run(CLAIM, key, [token, `${ms}`]);
    if (answer === "claimed") return { status: "claimed", token };
    if (answer === "completed") return { status: "completed" };
    if (!/^\d+$/.test(answer)) throw strangeAnswer("claim a key", "Redis", answer);
    return inProgress(answer);
  }

  /** Marks a claimed key as done. */
  async complete(key: string, token: string, retentionMs: number): Promise<void> {
    const ms = wholeMs(retentionMs, { cannot: "complete a key", name: "retentionMs" });
    said(await this.#run(COMPLETE, key, [token, `${ms}`]));
  }

  /** Gives a claimed key back. */
  async release(key: string, token: string): Promise<void> {
    said(await this.#run(RELEASE, key, [token]));
  }

  /** Prolongs a lease. An ended lease can be prolonged until another claim takes the key. */
  async renew(key: string, token: string, leaseMs: number): Promise<boolean> {
    const ms = wholeMs(leaseMs, { cannot: "renew a claim", name: "leaseMs" });
    return said(await this.#run(RENEW, key, [token, `${ms}`]));
  }

  async #run(script: string, key: string, args: string[]): Promise<string> {
    const answer = await this.#eval(script, [this.#prefix + await serverKey(key)], args);
    // A client of JSON makes a number of the digits.
    if (typeof answer === "string" || typeof answer === "number") return `${answer}`;
    if (answer instanceof Uint8Array) return new TextDecoder().decode(answer);
    throw strangeAnswer("use a store", "Redis", answer);
  }
}

function said(answer: string): boolean {
  if (answer !== "yes" && answer !== "no") throw strangeAnswer("use a store", "Redis", answer);
  return answer === "yes";
}
