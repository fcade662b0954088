/**
 * SNS, SQS and STS without AWS: a `fetch` with the same answers, for tests in virtual time and as a
 * server for any SDK.
 *
 * @example
 * ```ts
 * import { AwsBackend } from "@melange/melange/aws";
 * import { awsEmulator } from "@melange/melange/emulator";
 * import { seededRandom, VirtualClock } from "@melange/melange/testing";
 *
 * const clock = new VirtualClock();
 * const aws = awsEmulator({ clock, random: seededRandom(1), region: "eu-west-1" });
 * const { region, credentials, fetch } = aws;
 * const backend = new AwsBackend({ region, credentials, fetch, clock });
 * await backend.declareQueue("billing");
 * await backend.send({ queue: "billing" }, [{ body: "o-1 🙂", attributes: {} }]);
 * const [delivery] = await backend.receive("billing", { max: 1, waitMs: 0, visibilityMs: 30_000 });
 * if (delivery?.message.body !== "o-1 🙂") throw new Error("unexpected");
 * if (aws.requests.at(-1)?.action !== "ReceiveMessage") throw new Error("unexpected");
 * ```
 *
 * @module
 */
import { type Clock, type Random, steady, systemClock } from "../../../src/support/clock.ts";
import { uuidFrom } from "../../memory/uuid.ts";
import type { Credentials } from "../credentials/credentials.ts";
import type { EmulatorKey } from "./accounts.ts";
import { createAnswering } from "./answering.ts";
import { type EmulatorFaults, faultSource } from "./faults.ts";
import { createHost } from "./host.ts";
import { type EmulatorLook, lookAt, type LookOptions } from "./look.ts";
import type { EmulatorAnswer, Incoming } from "./http/incoming.ts";
import type { Operation, Rules } from "./operation.ts";
import { createPosting, type Invoke } from "./posting.ts";
import type { EmulatorRequest } from "./requests.ts";
import { createSigner } from "./signer.ts";
import { type EmulatorSnapshot, snapshotOf, worldOf } from "./snapshot.ts";
import { createWorld } from "./world.ts";

export type { EmulatorFaults } from "./faults.ts";
export type { EmulatorKey } from "./accounts.ts";
export type { EmulatorRequest } from "./requests.ts";
export type { EmulatorSnapshot, QueueState, TopicState } from "./snapshot.ts";
export type { EmulatorAnswer, Incoming } from "./http/incoming.ts";
export type { EmulatorLook, LookOptions, QueueLook } from "./look.ts";
export type { Input, Operation, Rules, ServiceName } from "./operation.ts";
export type { Invoke } from "./posting.ts";
export type {
  AttributeInput,
  ComingAttributes,
  FilterBefore,
  MoveTask,
  Notification,
  Post,
  Published,
  QueueFacts,
  ReceiveAttempt,
  Subscription,
  TopicFacts,
} from "./world.ts";
export type { QueueSettings, QueueSnapshot, SentBefore } from "../../memory/queue_state.ts";
export type { RecentEntry } from "../../memory/recent.ts";
export type { Settled } from "../../memory/settled.ts";
export type { MessageState, StoredMessage } from "../../memory/stored_message.ts";

/** Options of {@linkcode awsEmulator}. */
export interface EmulatorOptions {
  /** The clock of long polls, locks, retention and retries. Default: the clock of the machine. */
  clock?: Clock;
  /** The source of ids and faults. Default: `crypto.randomUUID`, and `Math.random` for faults. */
  random?: Random;
  /** The region of {@linkcode AwsEmulator.region}; requests go where their signatures say. Default: `"us-east-1"`. */
  region?: string;
  /**
   * The account of all keys that name no account. A key with an id of twelve digits names one.
   * Default: `"000000000000"`.
   */
  accountId?: string;
  /**
   * The keys, by their ids. With keys, other keys are refused and all signatures are verified.
   * Default: any key is accepted, and signatures must only have the right form.
   */
  keys?: Readonly<Record<string, EmulatorKey>>;
  /** The faults by chance. Default: none. */
  faults?: EmulatorFaults;
  /**
   * Policies of queues: a topic delivers only to queues whose policies allow the topic, as on AWS,
   * or to all queues. Default: `"enforced"`.
   */
  policies?: "enforced" | "ignored";
  /**
   * Time that the name of a deleted queue cannot be used, in milliseconds: 60 000 on AWS. Default:
   * 0.
   */
  deletedQueueMs?: number;
  /**
   * Time until changed attributes of a queue hold, in milliseconds: up to 60 000 on AWS. Until then
   * the queue goes by the old attributes, and shows them. Default: 0.
   */
  attributesMs?: number;
  /**
   * Time until a changed filter policy holds, in milliseconds: up to 900 000 on AWS. Until then the
   * old filter decides. Default: 0.
   */
  filterPoliciesMs?: number;
  /** Posts to HTTP(S) subscriptions. Default: `globalThis.fetch`. */
  fetch?: typeof fetch;
  /**
   * Runs the functions of Lambda subscriptions; a rejection is retried. Default: deliveries are
   * retried until the option is given.
   */
  invoke?: Invoke;
  /** The content at the beginning: a snapshot of another emulator. Default: nothing. */
  snapshot?: EmulatorSnapshot;
  /**
   * Takes every operation that changed something, in order, as data that JSON carries. An answer
   * waits for the promise. The operations after a snapshot lead to the same state when
   * {@linkcode AwsEmulator.replay} does them again.
   */
  journal?: (operation: Operation) => void | Promise<void>;
  /**
   * Highest number of requests in {@linkcode AwsEmulator.requests}; older requests go. Default:
   * 100 000.
   */
  maxRequests?: number;
}

/** SNS, SQS and STS. */
export interface AwsEmulator {
  /** Answers a request to any of the services: the `fetch` of a client, and the handler of a server. What a server hands over beside the request counts for nothing. */
  readonly fetch: (input: string | URL | Request, init?: RequestInit | object) => Promise<Response>;
  /**
   * Answers a request whose body was read, as {@linkcode AwsEmulator.fetch} does. For servers that
   * are to be quick: no object of the Web is made.
   */
  readonly answer: (request: Incoming, body: string) => Promise<EmulatorAnswer>;
  /** A key that the emulator accepts. */
  readonly credentials: Credentials;
  /** The region to use. */
  readonly region: string;
  /** The requests so far, oldest first. The list may be emptied. */
  readonly requests: EmulatorRequest[];
  /** Returns everything in the emulator, as data that JSON carries. */
  snapshot(): EmulatorSnapshot;
  /**
   * Looks at the queues with their depths, the topics and the subscriptions, and at the newest
   * messages of one queue. Costs the same however full the queues are, and takes no message.
   */
  look(options?: LookOptions): EmulatorLook;
  /** Does an operation of a journal again. */
  replay(operation: Operation): void;
}

const KEY: Credentials = { accessKeyId: "AKIDMELANGE", secretAccessKey: "not-a-secret" };

/**
 * Creates SNS, SQS and STS in this process. It holds timers only while receives wait, posts are to
 * be made or messages are being moved.
 *
 * Its `fetch` takes all requests, whatever their host: SQS in JSON and in the Query protocol, SNS and
 * STS in the Query protocol. The URLs of queues come back on the host that was asked.
 *
 * @throws {TypeError} if the account is not twelve digits, or the snapshot none
 * @throws {RangeError} if a fault is not from 0 to 1
 *
 * @example An hour passes at once
 * ```ts
 * import { AwsBackend } from "@melange/melange/aws";
 * import { awsEmulator } from "@melange/melange/emulator";
 * import { VirtualClock } from "@melange/melange/testing";
 *
 * const clock = new VirtualClock();
 * const { fetch, credentials, region } = awsEmulator({ clock });
 * const backend = new AwsBackend({ fetch, credentials, region, clock });
 * await backend.declareQueue("billing", { retentionMs: 60_000 });
 * await backend.send({ queue: "billing" }, [{ body: "o-1", attributes: {} }]);
 * await clock.advance(3_600_000);
 * if ((await backend.describeQueue("billing")).available !== 0) throw new Error("unexpected");
 * ```
 */
export function awsEmulator(options: EmulatorOptions = {}): AwsEmulator {
  const { random, region = "us-east-1", accountId = "000000000000", keys, snapshot } = options;
  checkAccount(accountId);
  const clock = wholeClock(steady(options.clock ?? systemClock));
  const newId = random ? () => uuidFrom(random) : () => crypto.randomUUID();
  const rules = rulesOf(options);
  const own = (action: string, input: Operation["input"]): Operation => ({
    at: clock.now(),
    service: "emulator",
    action,
    input,
    account: accountId,
    region,
    origin: "",
    id: newId(),
    rules,
  });
  const requests: EmulatorRequest[] = [];
  const signer = createSigner(clock);
  const host = createHost({
    world: snapshot ? worldOf(snapshot) : createWorld(),
    clock,
    own,
    journal: options.journal,
    afterwards: () => posting.pump(),
  });
  const posting = createPosting({
    host,
    clock,
    own,
    signer,
    fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
    invoke: options.invoke,
  });
  const { fetch, answer } = createAnswering({
    host,
    clock,
    newId,
    signer,
    faults: faultSource(options.faults ?? {}, random ?? Math.random),
    identity: { region, accountId, keys },
    rules,
    requests,
    maxRequests: options.maxRequests ?? 100_000,
  });
  posting.pump();
  return {
    fetch,
    answer,
    credentials: credentialsOf(keys),
    region,
    requests,
    snapshot: () => snapshotOf(host.world),
    look: (options = {}) => lookAt(host.world, { ...options, now: clock.now() }),
    replay: (operation) => host.replay(operation),
  };
}

function rulesOf(
  { policies, deletedQueueMs = 0, attributesMs = 0, filterPoliciesMs = 0 }: EmulatorOptions,
): Rules {
  return { ignorePolicies: policies === "ignored", deletedQueueMs, attributesMs, filterPoliciesMs };
}

function checkAccount(accountId: string): void {
  if (/^\d{12}$/.test(accountId)) return;
  throw new TypeError(
    `Cannot create the emulator as an account is twelve digits: current value is ${accountId}`,
  );
}

/** AWS tells times in whole milliseconds. */
function wholeClock(clock: Clock): Clock {
  return {
    now: () => Math.floor(clock.now()),
    after: (ms, callback) => clock.after(ms, callback),
  };
}

function credentialsOf(keys: EmulatorOptions["keys"]): Credentials {
  const [first] = Object.entries(keys ?? {});
  if (!first) return KEY;
  return { accessKeyId: first[0], secretAccessKey: first[1].secretAccessKey };
}
