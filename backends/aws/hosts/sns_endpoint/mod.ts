/**
 * Runs the handlers of a dispatcher behind an HTTP(S) subscription of SNS, on anything that speaks
 * `Request` and `Response`.
 *
 * @example
 * ```ts
 * import { defineEvent, Dispatcher, typed } from "@melange/melange";
 * import { snsEndpoint } from "@melange/melange/sns-endpoint";
 *
 * const Ping = defineEvent("Ping", { schema: typed<{ at: number }>() });
 * const dispatcher = new Dispatcher();
 * dispatcher.subscribe(Ping, (event) => console.log(event.data.at));
 *
 * const topics = ["arn:aws:sns:eu-west-1:123456789012:pings"];
 * export default { fetch: snsEndpoint({ dispatcher, topics }) };
 * ```
 *
 * @module
 */
import { abortable, reading } from "../../../../src/support/clock.ts";
import type { Outcome } from "../../../../src/handle/dispatch.ts";
import { dispatchAll } from "../../../../src/handle/push.ts";
import { describeError, MelangeError } from "../../../../src/support/errors.ts";
import type { ReceivedMessage } from "../../../../src/wire/message.ts";
import { readBytes } from "../../../../src/support/read_bytes.ts";
import { smallFetch } from "../../api/small_fetch.ts";
import { type AllowedTopic, confirmUrl } from "./addresses.ts";
import { type AnswerOnce, createAnswerOnce } from "./answered.ts";
import { type Certificates, createCertificates } from "./certificates.ts";
import { snsMessage } from "../sns_message.ts";
import { MESSAGE_ID, readPost, Refusal, type SnsPost } from "./post.ts";
import { type Settings, settingsOf, type SnsEndpointOptions } from "./settings.ts";
import { isSigned } from "./signature.ts";

export type { PendingSubscription, SnsEndpointOptions } from "./settings.ts";
export type { SignatureVersion } from "./post.ts";
export type { TestBroker } from "./test_broker.ts";

/** Answers the requests of SNS. Never rejects. */
export type SnsEndpoint = (request: Request) => Promise<Response>;

/**
 * Returns a function that answers the POSTs of SNS, for `Deno.serve`, `Bun.serve`, Hono, Cloudflare
 * Workers, and adapters of Node's server.
 *
 * | status | when |
 * |---|---|
 * | 200 | the handlers are done, the subscription is confirmed, or an earlier delivery of the
 * message got this answer |
 * | 422 | a handler gave the message up (`DeadLetter`), or the message cannot be handled: SNS does
 * not retry, the subscription's dead-letter queue takes the message |
 * | 503 | a handler failed or took too long, or a certificate could not be fetched: SNS retries |
 * | 400, 403, 405, 413 | the request is not one of SNS for these topics: SNS does not retry |
 *
 * The endpoint fetches nothing for a request unless the request is a POST of allowed length, holds
 * a JSON object with strings of the right form, belongs to an allowed topic, is recent, and names a
 * certificate of SNS in the region of the topic. Then the endpoint verifies the signature. A
 * certificate is fetched at most once while valid. The issuer of a certificate is not checked,
 * since the certificate comes from the host of SNS over TLS. SNS signs the message, its id,
 * subject, timestamp, topic and type, **but not its attributes**: subscribe an HTTPS address, so
 * that nobody changes attributes on the way.
 *
 * @throws {TypeError} if there is no dispatcher, `topics` is empty or holds no ARN,
 * `signatureVersions` others than "1" and "2", `allowRaw` a short secret or a value that is no
 * text, `testBroker` neither certificate nor hosts, or a topic of AWS without permission, or an
 * option is of another type
 * @throws {RangeError} if a number is not positive
 *
 * @example
 * ```ts
 * import { Dispatcher } from "@melange/melange";
 * import { snsEndpoint } from "@melange/melange/sns-endpoint";
 *
 * const endpoint = snsEndpoint({
 *   dispatcher: new Dispatcher(),
 *   topics: ["arn:aws:sns:eu-west-1:123456789012:pings"],
 * });
 * const response = await endpoint(new Request("https://shop.example/sns"));
 * if (response.status !== 405) throw new Error("unexpected");
 * ```
 */
export function snsEndpoint(options: SnsEndpointOptions): SnsEndpoint {
  const settings = settingsOf(options);
  if (options.testBroker) {
    const { logger } = settings.dispatcher.options;
    logger.warn("The SNS endpoint trusts a test broker, and not SNS: use that in tests only");
  }
  const host: Host = {
    ...settings,
    certificates: settings.pinned ?? createCertificates(settings),
    once: createAnswerOnce({ clock: settings.clock, max: settings.maxRemembered }),
  };
  return async (request) => {
    const controller = new AbortController();
    const clear = host.clock.after(host.timeoutMs, () => controller.abort(late()));
    try {
      const endsAt = reading(host.clock) + host.timeoutMs;
      const heldMs = () => endsAt - reading(host.clock);
      const status = await answer(request, { ...host, signal: controller.signal, heldMs });
      return new Response(null, { status });
    } catch (error) {
      return refused(error, host);
    } finally {
      clear();
    }
  };
}

interface Host extends Settings {
  certificates: Certificates;
  once: AnswerOnce;
}

/** One request. */
interface Job extends Host {
  signal: AbortSignal;
  heldMs: () => number;
}

function late(): MelangeError {
  return new MelangeError("TIMEOUT", "Cannot answer SNS in time", { retryable: true });
}

/** Resolves to the status of the answer; rejects with the fault of the request. */
async function answer(request: Request, job: Job): Promise<number> {
  if (request.method !== "POST") throw new Refusal(405, "only POST is answered");
  if (request.headers.get("x-amz-sns-rawdelivery") === "true") return await answerRaw(request, job);
  const { rules, clock, once } = job;
  const type = request.headers.get("x-amz-sns-message-type");
  const post = readPost(await bodyOf(request, job), { rules, type, now: clock.now() });
  await verify(post, job);
  const message = { id: post.MessageId, expiresAt: Date.parse(post.Timestamp) + rules.windowMs };
  return await once(message, () => act(post, job));
}

async function bodyOf(request: Request, { maxBodyBytes, signal }: Job): Promise<string> {
  const tooLong = new Refusal(413, "the body is too long");
  if (Number(request.headers.get("content-length")) > maxBodyBytes) throw tooLong;
  const bytes = await readBytes(request.body, { maxBytes: maxBodyBytes, signal }).catch(() => {
    throw signal.aborted ? signal.reason : new Refusal(400, "the body ended early");
  });
  if (!bytes) throw tooLong;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Refusal(400, "the body is not UTF-8");
  }
}

async function verify(post: SnsPost, { certificates, signal }: Job): Promise<void> {
  const { certificateNames } = post.topic;
  const certificate = await abortable(certificates(post.SigningCertURL, certificateNames), signal)
    .catch((error) => {
      if (error instanceof MelangeError && !error.retryable) throw new Refusal(403, error.message);
      throw error;
    });
  if (!(await isSigned(post, certificate))) throw new Refusal(403, "the signature is wrong");
}

async function act(post: SnsPost, job: Job): Promise<number> {
  const { Type, Token, topic } = post;
  if (Type === "Notification") return await handle(snsMessage(post, job.clock.now()), topic, job);
  if (Type === "SubscriptionConfirmation") return await confirm(Token ?? "", topic, job);
  job.dispatcher.options.logger.warn("The endpoint was unsubscribed from a topic", {
    topic: topic.name,
  });
  return 200;
}

async function handle(message: ReceivedMessage, topic: AllowedTopic, job: Job): Promise<number> {
  const { dispatcher, signal, heldMs, clock, publisher, telemetry } = job;
  const record = { queue: topic.name, message };
  const hooks = { signal, heldMs, clock, publisher, telemetry };
  const [outcome] = await dispatchAll(dispatcher, [record], hooks);
  return STATUS[outcome?.outcome ?? "retry"];
}

const STATUS: Record<Outcome["outcome"], number> = {
  acknowledge: 200,
  retry: 503,
  deadLetter: 422,
};

async function confirm(token: string, topic: AllowedTopic, job: Job): Promise<number> {
  const { signal, dispatcher } = job;
  const { logger } = dispatcher.options;
  if (job.confirm === false || !(job.confirm || topic.origin)) {
    throw new Refusal(403, "subscriptions are not confirmed here");
  }
  const {
    confirm = async () => void await smallFetch(confirmUrl(token, topic), job),
  } = job;
  try {
    await abortable(confirm({ topicArn: topic.arn, token, signal }), signal);
  } catch (error) {
    logger.error("A subscription could not be confirmed", {
      topic: topic.name,
      error: describeError(error),
    });
    return 503;
  }
  logger.info("A subscription was confirmed", { topic: topic.name });
  return 200;
}

/** The body is the message, the rest is in headers; nothing is signed. */
async function answerRaw(request: Request, job: Job): Promise<number> {
  const { allowRaw, rules, clock, once } = job;
  const { headers } = request;
  if (!allowRaw) throw new Refusal(403, "raw deliveries are not signed, and not allowed here");
  const given = new URL(request.url).searchParams.get("secret") ?? "";
  if (!(await isSame(given, allowRaw.secret))) throw new Refusal(403, "the secret is wrong");
  const topic = rules.topics.get(headers.get("x-amz-sns-topic-arn") ?? "");
  if (!topic) throw new Refusal(403, "the topic is not allowed");
  const id = headers.get("x-amz-sns-message-id");
  // It is remembered, so it must not be of any length.
  if (!id || !MESSAGE_ID.test(id) || headers.get("x-amz-sns-message-type") !== "Notification") {
    throw new Refusal(400, "a header of SNS is missing, or malformed");
  }
  const now = clock.now();
  const body = await bodyOf(request, job);
  const origin = { topic: topic.arn };
  const message = { id, body, attributes: {}, sentAt: new Date(now), attempt: 1, origin };
  return await once(
    { id, expiresAt: now + rules.windowMs },
    () => handle(message, topic, job),
  );
}

/** Compares digests: how long that takes says nothing of the texts. */
async function isSame(one: string, other: string): Promise<boolean> {
  const digests = [one, other].map((text) =>
    crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))
  );
  const [first, second] = (await Promise.all(digests)).map((it) => new Uint8Array(it).join());
  return first === second;
}

function refused(error: unknown, { dispatcher }: Host): Response {
  const { logger } = dispatcher.options;
  if (error instanceof Refusal) {
    const { status, message } = error;
    logger.warn("A request to the SNS endpoint was refused", { status, reason: message });
    const headers = status === 405 ? { allow: "POST" } : undefined;
    return new Response(message, headers ? { status, headers } : { status });
  }
  logger.error("A request of SNS could not be answered; it is retried", {
    error: describeError(error),
  });
  return new Response(null, { status: 503 });
}
