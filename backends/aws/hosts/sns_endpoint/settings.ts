/** The options of an SNS endpoint, checked: each that makes no sense is a `TypeError` or a `RangeError`. */
import { type Clock, systemClock } from "../../../../src/support/clock.ts";
import type { Dispatcher } from "../../../../src/handle/dispatcher.ts";
import { checkRange } from "../../../../src/support/range.ts";
import type { EventPublisher } from "../../../../src/publish/publisher.ts";
import type { Telemetry } from "../../../../src/support/telemetry.ts";
import { type AllowedTopic, allowedTopic } from "./addresses.ts";
import type { Certificates } from "./certificates.ts";
import { brokerTopic, pinnedCertificate, type TestBroker } from "./test_broker.ts";
import type { PostRules, SignatureVersion } from "./post.ts";

/** A subscription that waits for its confirmation. */
export interface PendingSubscription {
  /** The allowed topic of the post. */
  readonly topicArn: string;
  /** The token for `ConfirmSubscription`. A secret: its holder can confirm. */
  readonly token: string;
  /** Aborts when SNS no longer waits. */
  readonly signal: AbortSignal;
}

/** Options of {@linkcode snsEndpoint}. */
export interface SnsEndpointOptions {
  /** Handles the messages. */
  dispatcher: Dispatcher;
  /** The ARNs of the topics whose messages are taken; everything else is refused. */
  topics: readonly string[];
  /**
   * Confirms a subscription, for example by a signed call of `ConfirmSubscription`; `false` refuses
   * to. Default: an unsigned call of `ConfirmSubscription`, which is what opening `SubscribeURL` is.
   */
  confirm?: ((subscription: PendingSubscription) => Promise<void>) | false;
  /** The accepted signature versions; a topic has one. Default: both, `["1", "2"]`. */
  signatureVersions?: readonly SignatureVersion[];
  /**
   * Greatest distance of a message's timestamp from now, in milliseconds: at least as long as the
   * retry policy of the subscription lasts. Default: 3 600 000, one hour, the longest duration of
   * such a policy.
   */
  windowMs?: number;
  /**
   * Highest number of answered messages to remember, so that a repetition is not handled again.
   * Default: 100 000.
   */
  maxRemembered?: number;
  /** The longest time for a request, in milliseconds; SNS waits 15 seconds. Default: 13 000. */
  timeoutMs?: number;
  /** The longest body, in bytes. Default: 1 363 148, 1.3 MiB. */
  maxBodyBytes?: number;
  /**
   * Takes raw deliveries too. **They are not signed**: whoever knows the secret can send anything.
   * The secret has 16 characters or more, and is part of the subscribed address: `https://…?secret=…`.
   * Default: none, raw deliveries are refused.
   */
  allowRaw?: { secret: string };
  /**
   * **For tests**: trust in the signatures of a local broker, in place of the signatures of SNS.
   * Anybody with the broker's key can post anything. Default: none, only SNS is trusted.
   */
  testBroker?: TestBroker;
  /** The publisher for the handlers, as `context.publisher`. Default: none. */
  publisher?: EventPublisher;
  /** Traces and metrics, such as `openTelemetry()`. Default: none. */
  telemetry?: Telemetry;
  /** Fetches certificates and confirms subscriptions. Default: `globalThis.fetch`. */
  fetch?: typeof fetch;
  /** The source of time. Default: the machine's clock. */
  clock?: Clock;
}

/** The options with defaults filled in. */
export type Settings =
  & Required<
    Pick<SnsEndpointOptions, "dispatcher" | "maxRemembered" | "timeoutMs" | "maxBodyBytes">
  >
  & Pick<SnsEndpointOptions, "publisher" | "telemetry" | "allowRaw" | "confirm">
  & {
    rules: PostRules;
    /** The certificate of a test broker, where it is given. */
    pinned: Certificates | undefined;
    fetch: typeof fetch;
    clock: Clock;
  };

/** Checks the options; throws for the first that makes no sense. */
export function settingsOf(options: SnsEndpointOptions): Settings {
  const { signatureVersions = ["1", "2"], fetch = globalThis.fetch, clock = systemClock } = options;
  checkShapes(options, signatureVersions);
  const topics = allowedTopics(options);
  const pinned = options.testBroker && pinnedCertificate(options.testBroker);
  const windowMs = positive(options, "windowMs", 3_600_000);
  return {
    ...options,
    rules: { topics, signatureVersions, windowMs, pinned: pinned !== undefined },
    pinned,
    maxRemembered: positive(options, "maxRemembered", 100_000),
    timeoutMs: positive(options, "timeoutMs", 13_000),
    maxBodyBytes: positive(options, "maxBodyBytes", 1_363_148),
    fetch,
    clock,
  };
}

const CANNOT = "create an SNS endpoint";
const MIN_SECRET = 16;

function checkShapes(options: SnsEndpointOptions, versions: readonly unknown[]): void {
  const { dispatcher, topics, confirm, allowRaw, fetch } = options;
  if (typeof dispatcher?.subscribe !== "function") throw wrong("it needs a dispatcher");
  if (!Array.isArray(topics) || topics.length === 0) {
    throw wrong("it needs the ARN of a topic in `topics`");
  }
  if (!Array.isArray(versions) || !versions.every((it) => it === "1" || it === "2")) {
    throw wrong('signatureVersions are "1" and "2"');
  }
  if (versions.length === 0) throw wrong("signatureVersions must not be empty");
  // A list of characters has a length, too, and is equal to no text.
  if (allowRaw !== undefined && !isSecret(allowRaw?.secret)) {
    throw wrong(`the secret of allowRaw is a text of ${MIN_SECRET} characters or more`);
  }
  if (confirm !== undefined && confirm !== false && typeof confirm !== "function") {
    throw wrong("confirm is a function, or false");
  }
  if (fetch !== undefined && typeof fetch !== "function") throw wrong("fetch is a function");
}

function isSecret(secret: unknown): boolean {
  return typeof secret === "string" && secret.length >= MIN_SECRET;
}

function wrong(rule: string): TypeError {
  return new TypeError(`Cannot ${CANNOT} as ${rule}`);
}

function allowedTopics({ topics, testBroker }: SnsEndpointOptions): Map<string, AllowedTopic> {
  const read = testBroker === undefined
    ? allowedTopic
    : (arn: string) => brokerTopic(arn, testBroker);
  return new Map(topics.map((arn) => [arn, read(arn)]));
}

function positive(
  options: SnsEndpointOptions,
  name: "windowMs" | "maxRemembered" | "timeoutMs" | "maxBodyBytes",
  fallback: number,
): number {
  const value = options[name] ?? fallback;
  if (typeof value !== "number") throw wrong(`${name} must be a number`);
  checkRange(value, { cannot: CANNOT, name, min: Number.MIN_VALUE });
  return value;
}
