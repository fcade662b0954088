/**
 * Traces and metrics by OpenTelemetry. The module imports no package: the API is passed in.
 *
 * @example
 * ```ts
 * import { openTelemetry } from "@melange/melange/opentelemetry";
 * import { EventBus } from "@melange/melange";
 * import { MemoryBackend } from "@melange/melange/memory";
 * import { context, metrics, propagation, trace } from "@opentelemetry/api";
 *
 * const telemetry = openTelemetry({ context, metrics, propagation, trace });
 * const bus = new EventBus({ backend: new MemoryBackend(), queue: "billing", telemetry });
 * if (bus.running) throw new Error("unexpected");
 * ```
 *
 * @module
 */
import type {
  ProcessWatch,
  PublishWatch,
  Telemetry,
  TracedDelivery,
  TracedDestination,
  TracedEvent,
  TracedMessage,
  TracedResult,
  TracedSettlement,
  Watch,
} from "../support/telemetry.ts";
import { nameOf } from "../wire/message.ts";
import type {
  OtelAttributes,
  OtelContextApi,
  OtelMetricsApi,
  OtelPropagationApi,
  OtelSpan,
  OtelSpanContext,
  OtelTraceApi,
} from "./opentelemetry_api.ts";
import { createInstruments, type Instruments } from "./opentelemetry_metrics.ts";
import { carried, type Carrying, creatorOf } from "./trace_context.ts";

export type * from "./opentelemetry_api.ts";
export type {
  ProcessWatch,
  PublishWatch,
  Telemetry,
  TracedDelivery,
  TracedDestination,
  TracedEvent,
  TracedMessage,
  TracedOutcome,
  TracedResult,
  TracedSettlement,
  TracedStatus,
  Watch,
} from "../support/telemetry.ts";

/**
 * Options of {@linkcode openTelemetry}: the parts of `@opentelemetry/api`.
 *
 * @category Telemetry
 */
export interface OpenTelemetryOptions {
  /** `context` of the API. */
  context: OtelContextApi;
  /** `trace` of the API. */
  trace: OtelTraceApi;
  /** `propagation` of the API. */
  propagation: OtelPropagationApi;
  /** `metrics` of the API. Default: no metrics. */
  metrics?: OtelMetricsApi;
  /** Writes the X-Ray header of each message, too. The header is read in any case. Default: `false`. */
  xray?: boolean;
  /**
   * Value of `messaging.system`. Default: `aws_sqs` for queues and `aws.sns` for topics, as the
   * semantic conventions say.
   */
  system?: string;
}

const CLIENT = 2;
const PRODUCER = 3;
const CONSUMER = 4;
const ERROR = 2;
const NAME = "@melange/melange";

/** The options with defaults, and what is made of them. */
interface Adapter extends Carrying {
  readonly tracer: ReturnType<OtelTraceApi["getTracer"]>;
  readonly instruments: Instruments | undefined;
  readonly system: string | undefined;
  /** The creators of messages that are about to be sent, so that nothing is parsed again. */
  readonly created: WeakMap<object, Created>;
}

/** The span of a publish, and the span around the publish. */
interface Created {
  readonly span: OtelSpanContext;
  readonly caller: OtelSpanContext | undefined;
}

/**
 * Creates a telemetry for publishers, consumers, buses and hosts. Spans have the names and
 * attributes of the semantic conventions of messaging, version 1.44.0: `create` for each event,
 * `send` for each request with links to its events, `process` for each message with a link to its
 * creator, `settle` for each request that settles. A retry and a dead letter are events of
 * `process`. No body and no data get into a span.
 *
 * The parent of `process` is the span of the caller where there is one, such as the invocation of a
 * function, and else the creator of the message. Create one telemetry for a process: the telemetry
 * keeps the consumers that were created with it, for their counts.
 *
 * @example
 * ```ts
 * import { MessagePublisher } from "@melange/melange";
 * import { MemoryBackend } from "@melange/melange/memory";
 * import { openTelemetry } from "@melange/melange/opentelemetry";
 * import { context, propagation, trace } from "@opentelemetry/api";
 *
 * const telemetry = openTelemetry({ context, propagation, trace });
 * const backend = new MemoryBackend();
 * const publisher = new MessagePublisher({ backend, telemetry });
 * console.log(typeof telemetry.publish); // prints: function
 * await publisher.close();
 * await backend.close();
 * ```
 *
 * @category Telemetry
 */
export function openTelemetry(options: OpenTelemetryOptions): Telemetry {
  const { trace, metrics, xray = false, system } = options;
  const adapter: Adapter = {
    ...options,
    xray,
    system,
    tracer: trace.getTracer(NAME),
    instruments: metrics && createInstruments(metrics.getMeter(NAME)),
    created: new WeakMap(),
  };
  return {
    publish: (event, to) => publish(event, to, adapter),
    send: (to, messages) => send(to, messages, adapter),
    process: (delivery) => process(delivery, adapter),
    settle: (settlement) => settle(settlement, adapter),
    consumer: (consumer) => adapter.instruments?.observe(consumer),
  };
}

function publish(event: TracedEvent, to: TracedDestination, adapter: Adapter): PublishWatch {
  const { context, trace, tracer, created } = adapter;
  const destination = to.queue === undefined ? to.topic ?? event.topic ?? "" : to.queue;
  const kind = to.queue === undefined ? "topic" : "queue";
  const attributes = {
    ...attributesOf("create", "create", { destination, kind }, adapter),
    "melange.event.type": event.type,
    "melange.event.id": event.id,
  };
  const active = context.active();
  const name = `create ${nameIn(destination)}`;
  const span = tracer.startSpan(name, { kind: PRODUCER, attributes }, active);
  return {
    carry(message) {
      const result = carried(message, trace.setSpan(active, span), adapter);
      created.set(result, { span: span.spanContext(), caller: trace.getSpanContext(active) });
      return result;
    },
    ended(result) {
      if (result.ok && result.messageId) {
        span.setAttribute("messaging.message.id", result.messageId);
      }
      end(span, result.ok ? undefined : result.error);
    },
    failed: (error) => end(span, error),
  };
}

function send(
  to: TracedDestination,
  messages: readonly TracedMessage[],
  adapter: Adapter,
): Watch<readonly TracedResult[]> {
  const { context, trace, tracer, instruments, created } = adapter;
  const destination = to.queue ?? to.topic ?? "";
  const kind = to.queue === undefined ? "topic" : "queue";
  const attributes = attributesOf("send", "send", { destination, kind }, adapter);
  const creators = messages.map((message) => {
    const known = created.get(message);
    return known ?? { span: creatorOf(message, adapter), caller: undefined };
  });
  const [first] = creators;
  // The span of the caller, where all events of the request have the same one.
  const isShared = creators.every(({ caller }) => caller?.spanId === first?.caller?.spanId);
  const clean = trace.deleteSpan(context.active());
  const parent = isShared && first?.caller ? trace.setSpanContext(clean, first.caller) : clean;
  const options = {
    kind: CLIENT,
    attributes: { ...attributes, "messaging.batch.message_count": messages.length },
    links: linksTo(creators.map(({ span }) => span)),
  };
  const span = tracer.startSpan(`send ${nameIn(destination)}`, options, parent);
  return requestWatch(span, { attributes, sent: instruments });
}

function process(delivery: TracedDelivery, adapter: Adapter): ProcessWatch {
  const { message, queue, attempt, receivedAt } = delivery;
  const { context, trace, tracer, instruments } = adapter;
  const attributes = attributesOf(
    "process",
    "process",
    { destination: queue, kind: "queue" },
    adapter,
  );
  const creator = creatorOf(message, adapter);
  const active = context.active();
  const ambient = trace.getSpanContext(active);
  const parent = ambient || !creator ? active : trace.setSpanContext(active, creator);
  const options = {
    kind: CONSUMER,
    attributes: {
      ...attributes,
      ...(message.id ? { "messaging.message.id": message.id } : {}),
      "melange.attempt": attempt,
    },
    links: linksTo([creator]),
  };
  const span = tracer.startSpan(`process ${nameIn(queue)}`, options, parent);
  const ageMs = receivedAt.getTime() - (message.sentAt?.getTime() ?? NaN);
  const ended = instruments?.processing(attributes, ageMs);
  return {
    run: (act) => void context.with(trace.setSpan(parent, span), act),
    ended(outcome) {
      let error: unknown;
      if (outcome.outcome === "retry") {
        const { delayMs } = outcome;
        error = outcome.error;
        span.addEvent("melange.retry", {
          "error.type": errorType(error),
          ...(delayMs === undefined ? {} : { "melange.delay_ms": delayMs }),
        });
      }
      if (outcome.outcome === "deadLetter") {
        const { reason, subscriber } = outcome.facts;
        error = { code: reason };
        span.addEvent("melange.dead_letter", {
          "melange.reason": reason,
          ...(subscriber === undefined ? {} : { "melange.subscriber": subscriber }),
        });
      }
      end(span, error);
      ended?.(outcome.outcome, error === undefined ? undefined : errorType(error));
    },
  };
}

/** The names of the operations in the API of SQS. */
const SETTLING = { acknowledge: "ack", release: "nack", deadLetter: "dead_letter" } as const;

function settle(
  { verb, queue, messages }: TracedSettlement,
  adapter: Adapter,
): Watch<readonly TracedResult[]> {
  const { context, trace, tracer, instruments } = adapter;
  const operation = SETTLING[verb];
  const attributes = attributesOf(
    operation,
    "settle",
    { destination: queue, kind: "queue" },
    adapter,
  );
  const options = {
    kind: CLIENT,
    attributes: { ...attributes, "messaging.batch.message_count": messages.length },
    links: linksTo(messages.map((message) => creatorOf(message, adapter))),
  };
  const clean = trace.deleteSpan(context.active());
  const [only] = options.links;
  const parent = messages.length === 1 && only ? trace.setSpanContext(clean, only.context) : clean;
  const span = tracer.startSpan(`${operation} ${nameIn(queue)}`, options, parent);
  return requestWatch(span, { attributes, settled: instruments });
}

/** Ends the span of a request by the results of its messages. */
function requestWatch(
  span: OtelSpan,
  { attributes, sent, settled }: {
    attributes: OtelAttributes;
    sent?: Instruments | undefined;
    settled?: Instruments | undefined;
  },
): Watch<readonly TracedResult[]> {
  const done = (sent ?? settled)?.request(attributes);
  return {
    ended(results) {
      const failure = results.find((result) => !result.ok);
      const error = failure?.ok === false ? failure.error : undefined;
      end(span, error);
      done?.(error === undefined ? undefined : errorType(error));
      sent?.sent(results.filter(({ ok }) => ok).length, attributes);
    },
    failed(error) {
      end(span, error);
      done?.(errorType(error));
    },
  };
}

function attributesOf(
  operation: string,
  type: string,
  { destination, kind }: { destination: string; kind: "queue" | "topic" },
  { system }: Adapter,
): OtelAttributes {
  return {
    "messaging.operation.name": operation,
    "messaging.operation.type": type,
    "messaging.system": system ?? (kind === "queue" ? "aws_sqs" : "aws.sns"),
    "messaging.destination.name": nameIn(destination),
  };
}

/** Returns the name in an ARN or URL. */
function nameIn(destination: string): string {
  return nameOf({ queue: destination }).replace(/^.*[/:]/, "");
}

function linksTo(creators: readonly (OtelSpanContext | undefined)[]) {
  return creators.flatMap((context) => context ? [{ context }] : []);
}

/** Ends a span. An error tells its code or class, and never its message, which may quote data. */
function end(span: OtelSpan, error: unknown): void {
  if (error !== undefined) {
    span.setAttribute("error.type", errorType(error));
    span.setStatus({ code: ERROR });
  }
  span.end();
}

function errorType(error: unknown): string {
  const { code, name } = (Object(error) ?? {}) as { code?: unknown; name?: unknown };
  return [code, name].find((it) => typeof it === "string" && it !== "") as string ?? "_OTHER";
}
