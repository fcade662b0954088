/**
 * De-duplication that all workers share, in DynamoDB, over signed HTTP and without the AWS SDK.
 *
 * The table has a partition key `key` of type string, and nothing else needs to be set up. Switch
 * its TTL on for the attribute `deleteAt`, so that DynamoDB tidies up; no claim goes by it.
 *
 * @example
 * ```ts
 * import { DynamoDbDeduplicationStore } from "@melange/melange/deduplication/dynamodb";
 *
 * // Nothing is sent before the first claim.
 * const store = new DynamoDbDeduplicationStore({ table: "handled", region: "eu-west-1" });
 * console.log(typeof store.claim); // prints: function
 * ```
 *
 * @module
 */
import { type Clock, reading, systemClock } from "../../../src/support/clock.ts";
import { MelangeError } from "../../../src/support/errors.ts";
import { inProgress, serverKey, wholeMs } from "../../../src/handle/deduplication/shared.ts";
import type { Claim, DeduplicationStore } from "../../../src/handle/deduplication/store.ts";
import { type AwsClient, createClient } from "../api/client.ts";
import { configuredEndpoints, type EndpointKindOptions } from "../api/configured_endpoints.ts";
import { dynamoCall, type DynamoItem, type DynamoValue } from "../api/dynamodb.ts";
import {
  type Environment,
  processEnvironment,
  quietEnvironment,
  quietFiles,
} from "../api/environment.ts";
import type { Credentials, CredentialsProvider } from "../credentials/credentials.ts";
import { type CredentialsAccess, defaultCredentials } from "../credentials/default_chain.ts";

/** Options of {@linkcode DynamoDbDeduplicationStore}. */
export interface DynamoDbDeduplicationStoreOptions extends EndpointKindOptions, CredentialsAccess {
  /** The name of the table. */
  table: string;
  /** The region of the table. Default: as for `AwsBackend`. */
  region?: string;
  /**
   * The address of something else that speaks DynamoDB. Default: `AWS_ENDPOINT_URL_DYNAMODB`, else
   * `AWS_ENDPOINT_URL`, else the profile's, else AWS itself.
   */
  endpoint?: string;
  /** The keys for signing, or their provider. Default: `defaultCredentials` of `./aws`. */
  credentials?: Credentials | CredentialsProvider;
  /** Longest time of a request, in milliseconds. Default: 10 000. */
  requestTimeoutMs?: number;
  /** Sends requests. Default: `globalThis.fetch`. */
  fetch?: typeof fetch;
  /** The clock of requests. Default: the machine's clock. */
  clock?: Clock;
  /** Source of defaults. Default: the environment variables of the process. */
  environment?: Environment;
}

/** DynamoDB deletes an entry a day after its end at the earliest. */
const KEPT_SECONDS = 86_400;
/** The time in answers is cut to seconds, so the true time is up to a second later. */
const CUT_MS = 1_000;

/**
 * Remembers in DynamoDB which subscriber has handled which event: one conditional `UpdateItem` for
 * each call, and a read after a claim that meets another. Times are times of DynamoDB, told by the
 * `Date` of its answers, which has whole seconds. So a lease lasts up to two seconds longer than
 * asked for, and never shorter. Takes `dynamodb:UpdateItem` and `dynamodb:GetItem`.
 *
 * @example
 * ```ts
 * import { Dispatcher } from "@melange/melange";
 * import { DynamoDbDeduplicationStore } from "@melange/melange/deduplication/dynamodb";
 *
 * const store = new DynamoDbDeduplicationStore({ table: "handled", region: "eu-west-1" });
 * const dispatcher = new Dispatcher({ deduplication: { store } });
 * console.log(dispatcher.eventTypes.length); // prints: 0
 * ```
 */
export class DynamoDbDeduplicationStore implements DeduplicationStore {
  readonly #table: string;
  readonly #client: AwsClient;
  readonly #time: ServerTime;

  /**
   * Keeps the options; nothing is read or sent before the first claim.
   * @throws {TypeError} if `table` is no name of a table, or a flag is none
   */
  constructor(options: DynamoDbDeduplicationStoreOptions) {
    const { table, clock = systemClock } = options;
    if (!/^[\w.-]{3,255}$/.test(table) || typeof table !== "string") {
      throw new TypeError("Cannot create a store as table must be the name of a table");
    }
    this.#table = table;
    this.#time = new ServerTime(clock);
    this.#client = createDynamoClient(options, this.#time);
  }

  /** Claims a key. Of several workers, only one gets the key. */
  async claim(key: string, leaseMs: number): Promise<Claim> {
    const ms = wholeMs(leaseMs, { cannot: "claim a key", name: "leaseMs" });
    const token = crypto.randomUUID();
    const stored = await serverKey(key);
    if (!this.#time.isKnown) await this.#look(stored);
    const { earliest } = this.#time.now();
    const isClaimed = await this.#update(stored, {
      set: { token, done: false, ms },
      condition: "attribute_not_exists(#t) OR #e <= :now",
      values: { ":now": { N: `${earliest}` } },
    });
    if (isClaimed) return { status: "claimed", token };
    const item = await this.#look(stored);
    // The answer to this very claim was lost, and the request was repeated on the way.
    if (textOf(item, "token") === token) return { status: "claimed", token };
    if (item?.done && "BOOL" in item.done && item.done.BOOL) return { status: "completed" };
    return inProgress(Number(textOf(item, "expiresAt")) - this.#time.now().earliest);
  }

  /** Marks a claimed key as done. */
  async complete(key: string, token: string, retentionMs: number): Promise<void> {
    const ms = wholeMs(retentionMs, { cannot: "complete a key", name: "retentionMs" });
    await this.#known(key);
    await this.#update(await serverKey(key), {
      set: { token, done: true, ms },
      condition: "#t = :t",
    });
  }

  /** Gives a claimed key back: its lease ends now. */
  async release(key: string, token: string): Promise<void> {
    await this.#update(await serverKey(key), {
      set: { token: "", done: false, ms: undefined },
      condition: "#t = :old AND #d = :d",
      values: { ":old": { S: token } },
    });
  }

  /** Prolongs a lease. An ended lease can be prolonged until another claim takes the key. */
  async renew(key: string, token: string, leaseMs: number): Promise<boolean> {
    const ms = wholeMs(leaseMs, { cannot: "renew a claim", name: "leaseMs" });
    await this.#known(key);
    return await this.#update(await serverKey(key), {
      set: { token, done: false, ms },
      condition: "#t = :t AND #d = :d",
    });
  }

  /** Makes the time of the server known. */
  async #known(key: string): Promise<void> {
    if (!this.#time.isKnown) await this.#look(await serverKey(key));
  }

  #look(key: string): Promise<DynamoItem | undefined> {
    const input = { TableName: this.#table, Key: { key: { S: key } }, ConsistentRead: true };
    return dynamoCall(this.#client, "GetItem", input);
  }

  /** Changes an item; resolves to `false` if the condition does not hold. */
  async #update(key: string, change: Change): Promise<boolean> {
    const { set: { token, done, ms }, condition, values = {} } = change;
    const ends = ms === undefined ? 0 : this.#time.now().latest + ms;
    const deleteAt = Math.ceil((ends || this.#time.now().latest) / 1_000) + KEPT_SECONDS;
    try {
      await dynamoCall(this.#client, "UpdateItem", {
        TableName: this.#table,
        Key: { key: { S: key } },
        UpdateExpression: "SET #t = :t, #d = :d, #e = :e, #x = :x",
        ConditionExpression: condition,
        ExpressionAttributeNames: {
          "#t": "token",
          "#d": "done",
          "#e": "expiresAt",
          "#x": "deleteAt",
        },
        ExpressionAttributeValues: {
          ":t": { S: token },
          ":d": { BOOL: done },
          ":e": { N: `${ends}` },
          ":x": { N: `${deleteAt}` },
          ...values,
        },
      });
      return true;
    } catch (error) {
      if (error instanceof MelangeError && error.code === "CONFLICT") return false;
      throw error;
    }
  }
}

interface Change {
  set: { token: string; done: boolean; ms: number | undefined };
  condition: string;
  values?: Record<string, DynamoValue>;
}

function textOf(item: DynamoItem | undefined, name: string): string | undefined {
  const value = item?.[name];
  if (!value) return undefined;
  return "S" in value ? value.S : "N" in value ? value.N : undefined;
}

/** Time of the server, between two bounds, whatever the clock of this machine says. */
class ServerTime {
  readonly #clock: Clock;
  #seen: { date: number; sentAt: number; heardAt: number } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isKnown(): boolean {
    return this.#seen !== undefined;
  }

  /** Keeps the date of an answer to a request that was sent at a reading of the clock. */
  hear(date: string | null, sentAt: number): void {
    const parsed = Date.parse(date ?? "");
    // A server without a date cannot be asked, so the clock of this machine has to do.
    const ms = Number.isNaN(parsed) ? this.#clock.now() : parsed;
    this.#seen = { date: ms, sentAt, heardAt: reading(this.#clock) };
  }

  /** Returns the earliest and the latest time that the server may have. */
  now(): { earliest: number; latest: number } {
    const at = reading(this.#clock);
    const { date, sentAt, heardAt } = this.#seen ??
      { date: this.#clock.now(), sentAt: at, heardAt: at };
    const earliest = Math.floor(date + at - heardAt);
    return { earliest, latest: Math.ceil(date + CUT_MS + at - sentAt) };
  }
}

function createDynamoClient(options: DynamoDbDeduplicationStoreOptions, time: ServerTime) {
  const { clock = systemClock, requestTimeoutMs = 10_000 } = options;
  const { environment = quietEnvironment, readTextFile = quietFiles() } = options;
  const { credentials = defaultCredentials(options) } = options;
  return createClient({
    ...(options.region === undefined ? {} : { region: options.region }),
    environment: options.environment ?? processEnvironment,
    clock,
    credentials,
    requestTimeoutMs,
    locate: configuredEndpoints(options, { environment, readTextFile, clock }),
    fetch: async (url, init) => {
      const sentAt = reading(clock);
      const answer = await (options.fetch ?? fetch)(url, init);
      time.hear(answer.headers.get("date"), sentAt);
      return answer;
    },
  });
}
