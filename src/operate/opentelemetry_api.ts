/** The part of the OpenTelemetry API that the adapter uses, so that no package is imported. */

/**
 * The context of OpenTelemetry; the adapter looks at none.
 *
 * @category Telemetry
 */
export type OtelContext = unknown;

/**
 * The facts of a span that travel.
 *
 * @category Telemetry
 */
export interface OtelSpanContext {
  /** The id of the trace: 32 hexadecimal digits. */
  traceId: string;
  /** The id of the span: 16 hexadecimal digits. */
  spanId: string;
  /** The flags; bit 0 means sampled. */
  traceFlags: number;
  /** Tells that the span is of another process. */
  isRemote?: boolean | undefined;
}

/**
 * Attributes of spans and metrics.
 *
 * @category Telemetry
 */
export type OtelAttributes = Record<string, string | number | boolean>;

/**
 * A span.
 *
 * @category Telemetry
 */
export interface OtelSpan {
  /** Returns the facts that travel. */
  spanContext(): OtelSpanContext;
  /** Sets an attribute. */
  setAttribute(name: string, value: string | number | boolean): unknown;
  /** Adds an event. */
  addEvent(name: string, attributes?: OtelAttributes): unknown;
  /** Sets the status; 2 is an error. */
  setStatus(status: { code: number; message?: string }): unknown;
  /** Ends the span. */
  end(): void;
}

/**
 * Options of a span.
 *
 * @category Telemetry
 */
export interface OtelSpanOptions {
  /** The kind: 2 client, 3 producer, 4 consumer. */
  kind: number;
  /** The attributes. */
  attributes: OtelAttributes;
  /** Links to other spans. */
  links?: { context: OtelSpanContext }[];
  /** Starts a new trace. */
  root?: boolean;
}

/**
 * `context` of `@opentelemetry/api`.
 *
 * @category Telemetry
 */
export interface OtelContextApi {
  /** Returns the context of the caller. */
  active(): OtelContext;
  /** Calls a function in a context. */
  // deno-lint-ignore no-explicit-any
  with(context: any, act: () => unknown): unknown;
}

/**
 * `trace` of `@opentelemetry/api`.
 *
 * @category Telemetry
 */
export interface OtelTraceApi {
  /** Returns a tracer. */
  getTracer(name: string, version?: string): {
    // deno-lint-ignore no-explicit-any
    startSpan(name: string, options?: any, context?: any): OtelSpan;
  };
  /** Returns a context with a span. */
  // deno-lint-ignore no-explicit-any
  setSpan(context: any, span: any): OtelContext;
  /** Returns the facts of the span in a context. */
  // deno-lint-ignore no-explicit-any
  getSpanContext(context: any): OtelSpanContext | undefined;
  /** Returns a context with a span of another process. */
  // deno-lint-ignore no-explicit-any
  setSpanContext(context: any, span: any): OtelContext;
  /** Returns a context without a span. */
  // deno-lint-ignore no-explicit-any
  deleteSpan(context: any): OtelContext;
}

/**
 * `propagation` of `@opentelemetry/api`.
 *
 * @category Telemetry
 */
export interface OtelPropagationApi {
  /** Writes a context into an object. */
  // deno-lint-ignore no-explicit-any
  inject(context: any, carrier: Record<string, string>): void;
  /** Reads a context from an object. */
  // deno-lint-ignore no-explicit-any
  extract(context: any, carrier: Record<string, string>): OtelContext;
}

/**
 * `metrics` of `@opentelemetry/api`.
 *
 * @category Telemetry
 */
export interface OtelMetricsApi {
  /** Returns a meter. */
  getMeter(name: string, version?: string): OtelMeter;
}

/**
 * A meter.
 *
 * @category Telemetry
 */
export interface OtelMeter {
  /** Creates a counter. */
  createCounter(name: string, options?: OtelInstrumentOptions): {
    add(value: number, attributes?: OtelAttributes): void;
  };
  /** Creates a histogram. */
  createHistogram(name: string, options?: OtelInstrumentOptions): {
    record(value: number, attributes?: OtelAttributes): void;
  };
  /** Creates a counter that is read when metrics are exported. */
  createObservableCounter(name: string, options?: OtelInstrumentOptions): OtelObservable;
  /** Creates a gauge that is read when metrics are exported. */
  createObservableGauge(name: string, options?: OtelInstrumentOptions): OtelObservable;
}

/**
 * The unit and the meaning of an instrument.
 *
 * @category Telemetry
 */
export interface OtelInstrumentOptions {
  /** The unit. */
  unit?: string;
  /** The meaning. */
  description?: string;
}

/**
 * An instrument that is read when metrics are exported.
 *
 * @category Telemetry
 */
export interface OtelObservable {
  /** Adds a function that gives the values. */
  // deno-lint-ignore no-explicit-any
  addCallback(read: (result: any) => void): void;
}
