/** Traces and metrics by the real SDK: its exporters in memory, its context manager, its propagator. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { context, metrics, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import {
  DeadLetter,
  defineEvent,
  Dispatcher,
  MessageConsumer,
  MessagePublisher,
  typed,
} from "../../../mod.ts";
import { MemoryBackend } from "../../../backends/memory/mod.ts";
import { sqsHandler } from "../../../backends/aws/hosts/lambda/mod.ts";
import { DeadLetters } from "../../../src/operate/dead_letters.ts";
import { openTelemetry } from "../../../src/operate/opentelemetry.ts";
import type { Backend } from "../../../src/backend.ts";

const exporter = new InMemorySpanExporter();
const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const reader = new PeriodicExportingMetricReader({
  exporter: metricExporter,
  exportIntervalMillis: 2_000_000,
});
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
propagation.setGlobalPropagator(new W3CTraceContextPropagator());
trace.setGlobalTracerProvider(
  new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
);
metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));

const Ping = defineEvent("Ping", { topic: "pings", schema: typed<{ at: number }>() });
const tracer = trace.getTracer("test");

function telemetryOf(xray = false) {
  exporter.reset();
  return openTelemetry({ context, metrics, propagation, trace, xray });
}

function named(name: string): ReadableSpan[] {
  return exporter.getFinishedSpans().filter((span) => span.name === name);
}

async function topicAndQueues(): Promise<MemoryBackend> {
  const backend = new MemoryBackend();
  await backend.declareTopic("pings");
  for (const queue of ["bills", "mails"]) {
    await backend.declareQueue(`${queue}-dlq`);
    await backend.declareQueue(queue, { subscribeTo: ["pings"], deadLetterQueue: `${queue}-dlq` });
  }
  return backend;
}

/** Publishes in a span of an HTTP request. */
async function asRequest(publish: () => Promise<unknown>): Promise<string> {
  return await tracer.startActiveSpan("POST /orders", async (span) => {
    await publish();
    span.end();
    return span.spanContext().traceId;
  });
}

async function consume(
  backend: Backend,
  queue: string,
  { telemetry, process }: {
    telemetry: ReturnType<typeof telemetryOf>;
    process: (attempt: number) => void;
  },
): Promise<MessageConsumer> {
  const dispatcher = new Dispatcher({ logger: silent });
  dispatcher.subscribe(Ping, (_, { attempt }) => process(attempt));
  const redelivery = { baseMs: 0, maxMs: 0 };
  const consumer = new MessageConsumer({ backend, queue, dispatcher, telemetry, redelivery });
  for (let tries = 0; tries < 12; tries += 1) await consumer.consumeEvent({ waitMs: 0 });
  return consumer;
}

/** Draws spans as a tree: children below their parents, with the events of each span. */
function drawn(spans: readonly ReadableSpan[], parent?: string, indent = ""): string {
  return spans.filter(({ parentSpanContext: it }) => it?.spanId === parent)
    .map((span) => {
      const events = span.events.map(({ name }) => ` [${name}]`).join("");
      const { spanId } = span.spanContext();
      return `${indent}${span.name}${events}\n${drawn(spans, spanId, `${indent}  `)}`;
    })
    .join("");
}

const silent = { debug() {}, info() {}, warn() {}, error() {} };

describe("openTelemetry()", () => {
  it("makes one trace of a request, a topic, two queues, a retry, a dead letter and its redrive", async () => {
    const telemetry = telemetryOf();
    await using backend = await topicAndQueues();
    const publisher = new MessagePublisher({ backend, telemetry });
    const traceId = await asRequest(() => publisher.publish(Ping({ at: 1 })));
    await consume(backend, "bills", {
      telemetry,
      process: (attempt) => {
        if (attempt === 1) throw new Error("secret");
      },
    });
    await consume(backend, "mails", {
      telemetry,
      process: () => {
        throw new DeadLetter("gone");
      },
    });
    const { moved } = await new DeadLetters({ backend, queue: "mails-dlq" }).redrive();
    assertEquals(moved, 1);
    await consume(backend, "mails", { telemetry, process: () => {} });
    const spans = exporter.getFinishedSpans();
    assertEquals(spans.filter((span) => span.spanContext().traceId !== traceId), []);
    assertEquals(spans.map(({ name }) => name).toSorted(), [
      "POST /orders",
      "ack bills",
      "ack mails",
      "create pings",
      "dead_letter mails",
      "nack bills",
      "process bills",
      "process bills",
      "process mails",
      "process mails",
      "send pings",
    ]);
    const [create] = named("create pings");
    for (const span of spans.filter(({ name }) => /^(process|send|ack|nack)/.test(name))) {
      assertEquals(span.links.map((link) => link.context.spanId), [create?.spanContext().spanId]);
    }
    const events = spans.flatMap((span) => span.events.map(({ name }) => [span.name, name]));
    assertEquals(events, [
      ["process bills", "melange.retry"],
      ["process mails", "melange.dead_letter"],
    ]);
    const guide = await Deno.readTextFile(new URL("../../../docs/telemetry.md", import.meta.url));
    assertStringIncludes(guide, drawn(spans));
    assertEquals(
      JSON.stringify(spans.map((it) => [it.attributes, it.status])).includes("secret"),
      false,
    );
  });

  it("links a request for ten events to its ten creators, each in the context of its caller", async () => {
    const telemetry = telemetryOf();
    await using backend = await topicAndQueues();
    const publisher = new MessagePublisher({ backend, telemetry });
    const traces = await Promise.all(
      Array.from({ length: 10 }, (_, at) => asRequest(() => publisher.publish(Ping({ at })))),
    );
    const [send, ...others] = named("send pings");
    assertEquals(others, []);
    assertEquals(send?.links.map((link) => link.context.traceId), traces);
    assertEquals(send?.attributes["messaging.batch.message_count"], 10);
    assertEquals(named("create pings").map((it) => it.spanContext().traceId), traces);
    await consume(backend, "bills", { telemetry, process: () => {} });
    assertEquals(named("process bills").map((it) => it.spanContext().traceId), traces);
  });

  it("runs handlers in the context of their message, so that their spans and events belong to it", async () => {
    const telemetry = telemetryOf();
    await using backend = await topicAndQueues();
    await new MessagePublisher({ backend, telemetry }).publish(Ping({ at: 1 }));
    await consume(backend, "bills", {
      telemetry,
      process: () => tracer.startSpan("SELECT").end(),
    });
    const [process] = named("process bills");
    assertEquals(named("SELECT")[0]?.parentSpanContext?.spanId, process?.spanContext().spanId);
  });

  it("joins the invocation of a function, and links to the creator", async () => {
    const telemetry = telemetryOf();
    const dispatcher = new Dispatcher();
    dispatcher.subscribe(Ping, () => {});
    const handler = sqsHandler(dispatcher, { telemetry });
    const traceId = "5759e988bd862e3fe1be46a994272793";
    const record = {
      messageId: "m-1",
      body: '{"at":1}',
      eventSource: "aws:sqs",
      eventSourceARN: "arn:aws:sqs:eu-west-1:123456789012:bills",
      attributes: {
        AWSTraceHeader:
          "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
      },
      messageAttributes: { manifest: { dataType: "String", stringValue: "Ping" } },
    };
    const invocation = await asRequest(() => handler({ Records: [record] }));
    const [process] = named("process bills");
    assertEquals(process?.spanContext().traceId, invocation);
    assertEquals(process?.links.map((link) => link.context.traceId), [traceId]);
  });

  it("reads the attributes of other writers", async () => {
    const telemetry = telemetryOf();
    await using backend = await topicAndQueues();
    const traceparent = "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01";
    const attributes = { manifest: "Ping", traceparent };
    await backend.send({ queue: "bills" }, [{ body: '{"at":1}', attributes }]);
    await consume(backend, "bills", { telemetry, process: () => {} });
    const [process] = named("process bills");
    assertEquals(process?.spanContext().traceId, "5759e988bd862e3fe1be46a994272793");
  });

  it("writes the header of X-Ray if asked to", async () => {
    const telemetry = telemetryOf(true);
    await using backend = await topicAndQueues();
    const headers: (string | undefined)[] = [];
    const sender = {
      limits: backend.limits,
      guarantees: backend.guarantees,
      sizeOf: backend.sizeOf.bind(backend),
      send: (...call: Parameters<typeof backend.send>) => {
        headers.push(...call[1].map(({ traceHeader }) => traceHeader));
        return backend.send(...call);
      },
    };
    const publisher = new MessagePublisher({ backend: sender, telemetry });
    await publisher.publish(Ping({ at: 1 }), { queue: "bills" });
    const [create] = named("create bills");
    const { traceId, spanId } = create?.spanContext() ?? { traceId: "", spanId: "" };
    const root = `1-${traceId.slice(0, 8)}-${traceId.slice(8)}`;
    assertEquals(headers, [`Root=${root};Parent=${spanId};Sampled=1`]);
  });

  it("measures what status() counts", async () => {
    const telemetry = telemetryOf();
    await using backend = await topicAndQueues();
    await backend.declareQueue("counted", { subscribeTo: ["pings"] });
    const publisher = new MessagePublisher({ backend, telemetry });
    await publisher.publishAll([1, 2, 3].map((at) => Ping({ at })));
    const consumer = await consume(backend, "counted", {
      telemetry,
      process: (attempt) => {
        if (attempt === 1) throw new Error("again");
      },
    });
    const { received, acknowledged, retried } = consumer.status();
    assertEquals([received, acknowledged, retried], [6, 3, 3]);
    const values = await exported("counted");
    assertEquals(values.get("melange.received"), 6);
    assertEquals(values.get("melange.acknowledged"), 3);
    assertEquals(values.get("melange.retried"), 3);
    assertEquals(values.get("melange.in_flight"), 0);
    assertEquals(values.get("melange.age"), 6);
    // Tries that were acknowledged; tries that were not are a series of their own.
    assertEquals(values.get("messaging.process.duration"), 3);
  });
});

/** Exports, and gives the value of each metric of a queue, or the count of a histogram. */
async function exported(queue: string): Promise<Map<string, unknown>> {
  metricExporter.reset();
  await reader.forceFlush();
  const values = new Map<string, unknown>();
  for (const { scopeMetrics } of metricExporter.getMetrics()) {
    for (const { descriptor, dataPoints } of scopeMetrics.flatMap(({ metrics }) => metrics)) {
      const point = dataPoints.find(({ attributes }) =>
        attributes["messaging.destination.name"] === queue && !attributes["error.type"]
      );
      const value = point?.value as { count?: number } | undefined;
      values.set(descriptor.name, value?.count ?? value);
    }
  }
  return values;
}
