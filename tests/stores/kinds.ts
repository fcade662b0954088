/** The stores of the suite, each with a client that a user would have. */
import { Redis } from "ioredis";
import { DatabaseSync } from "node:sqlite";
// @ts-types="npm:@types/pg@8.15.5"
import pg from "pg";
import postgres from "postgres";
import { createClient } from "redis";
import { DynamoDbDeduplicationStore } from "../../backends/aws/deduplication/dynamodb.ts";
import { DenoKvDeduplicationStore } from "../../src/handle/deduplication/deno_kv.ts";
import { PostgresDeduplicationStore } from "../../src/handle/deduplication/postgres.ts";
import { RedisDeduplicationStore } from "../../src/handle/deduplication/redis.ts";
import { SqliteDeduplicationStore } from "../../src/handle/deduplication/sqlite.ts";
import type { DeduplicationStore } from "../../src/handle/deduplication/store.ts";
import type { Clock } from "../../src/support/clock.ts";

/** A store and its end. */
export interface Opened {
  store: DeduplicationStore;
  close(): unknown;
}

/** The address of the data, and the lead of the machine's clock in milliseconds. */
export interface OpenOptions {
  at: string;
  aheadMs?: number;
}

/** Opens a store on an address: a file or a port. */
export const KINDS = {
  "SQLite": ({ at }) => {
    const database = new DatabaseSync(at);
    return { store: new SqliteDeduplicationStore({ database }), close: () => database.close() };
  },
  "Deno KV": async ({ at }) => {
    const kv = await Deno.openKv(at);
    const store = new DenoKvDeduplicationStore({ kv: kv as never });
    return { store, close: () => kv.close() };
  },
  "Redis (ioredis)": ({ at }) => {
    const redis = new Redis({
      ...{ host: "127.0.0.1", port: Number(at), maxRetriesPerRequest: 0 },
      retryStrategy: () => null,
    });
    redis.on("error", () => {});
    const store = new RedisDeduplicationStore({
      eval: (script, keys, args) => redis.eval(script, keys.length, ...keys, ...args),
    });
    return { store, close: () => redis.disconnect() };
  },
  "Redis (node-redis)": async ({ at }) => {
    const redis = createClient({
      socket: { host: "127.0.0.1", port: Number(at), reconnectStrategy: false },
    });
    redis.on("error", () => {});
    await redis.connect().catch(() => {});
    const store = new RedisDeduplicationStore({
      eval: (script, keys, args) => redis.eval(script, { keys, arguments: args }),
    });
    return { store, close: () => redis.isOpen && redis.destroy() };
  },
  "Redis (HTTP)": ({ at }) => {
    const store = new RedisDeduplicationStore({
      async eval(script, keys, args) {
        const body = JSON.stringify(["EVAL", script, keys.length, ...keys, ...args]);
        const answer = await fetch(`http://127.0.0.1:${at}/`, { method: "POST", body });
        return (await answer.json()).result;
      },
    });
    return { store, close() {} };
  },
  "Postgres (pg)": ({ at }) => {
    const pool = new pg.Pool({ host: "127.0.0.1", port: Number(at), user: "postgres", max: 4 });
    pool.on("error", () => {});
    return { store: new PostgresDeduplicationStore({ client: pool }), close: () => pool.end() };
  },
  "Postgres (postgres.js)": ({ at }) => {
    const sql = postgres({ host: "127.0.0.1", port: Number(at), user: "postgres", max: 4 });
    const query = (text: string, values: (string | number)[]) => sql.unsafe(text, values);
    const store = new PostgresDeduplicationStore({ client: { query } });
    return { store, close: () => sql.end({ timeout: 1 }) };
  },
  "DynamoDB (moto)": dynamo,
  "DynamoDB (ministack)": dynamo,
} satisfies Record<string, (options: OpenOptions) => Opened | Promise<Opened>>;

/** The name of a store of the suite. */
export type Kind = keyof typeof KINDS;

/** The table of the suite in DynamoDB. */
export const TABLE = "melange-handled";

function dynamo({ at, aheadMs = 0 }: OpenOptions): Opened {
  const clock: Clock = {
    now: () => Date.now() + aheadMs,
    monotonic: () => performance.now(),
    after(ms, callback) {
      const timer = setTimeout(callback, ms);
      return () => clearTimeout(timer);
    },
  };
  const store = new DynamoDbDeduplicationStore({
    table: TABLE,
    region: "us-east-1",
    endpoint: `http://127.0.0.1:${at}`,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    clock,
  });
  return { store, close() {} };
}
