/** The trace of a message: how it is written into a message, and how it is read from any writer's. */
import type { TracedMessage } from "../support/telemetry.ts";
import { isRecord, ownText, tryParse } from "../wire/json.ts";
import { PACKED } from "../wire/packed.ts";
import type {
  OtelContext,
  OtelContextApi,
  OtelPropagationApi,
  OtelSpanContext,
  OtelTraceApi,
} from "./opentelemetry_api.ts";

/** The parts of OpenTelemetry that traces travel by. */
export interface Carrying {
  readonly context: OtelContextApi;
  readonly trace: OtelTraceApi;
  readonly propagation: OtelPropagationApi;
  /** Writes the X-Ray header, too. */
  readonly xray: boolean;
}

/** The longest trace state that travels, in characters. */
const MAX_STATE = 512;
const NO_TRACE = "0".repeat(32);

/** Returns the message with the trace of a context in it. */
export function carried<M extends TracedMessage>(
  message: M,
  context: OtelContext,
  { trace, propagation, xray }: Carrying,
): M {
  const span = trace.getSpanContext(context);
  if (!span || span.traceId === NO_TRACE) return message;
  const carrier: Record<string, string> = {};
  propagation.inject(context, carrier);
  const { traceparent = traceparentOf(span), tracestate = "" } = carrier;
  const packed = packedOf(message);
  const told = tracestate !== "" && tracestate.length <= MAX_STATE ? { tracestate } : {};
  const attributes = packed &&
    { ...message.attributes, [PACKED]: JSON.stringify({ ...packed, traceparent, ...told }) };
  return {
    ...message,
    ...(attributes && { attributes }),
    ...(xray && { traceHeader: xrayHeader(span) }),
  };
}

/** Reads the trace of a message: ours, another writer's attributes, or the header of X-Ray. */
export function creatorOf(
  message: TracedMessage,
  { context, trace, propagation }: Carrying,
): OtelSpanContext | undefined {
  const carrier = carrierOf(message);
  if (!carrier) return undefined;
  const clean = trace.deleteSpan(context.active());
  const extracted = trace.getSpanContext(propagation.extract(clean, carrier));
  return extracted ?? spanContextOf(carrier.traceparent);
}

function carrierOf(message: TracedMessage): Record<string, string> | undefined {
  for (const fields of [packedOf(message), message.attributes]) {
    const traceparent = textIn(fields, "traceparent");
    if (traceparent === undefined) continue;
    const tracestate = textIn(fields, "tracestate");
    return { traceparent, ...(tracestate === undefined ? {} : { tracestate }) };
  }
  const traceparent = traceparentOfXray(message.origin?.traceHeader ?? message.traceHeader);
  return traceparent === undefined ? undefined : { traceparent };
}

function packedOf({ attributes }: TracedMessage): Record<string, unknown> | undefined {
  const text = textIn(attributes, PACKED);
  const value = text === undefined ? undefined : tryParse(text)?.value;
  return isRecord(value) ? value : undefined;
}

function textIn(
  fields: Readonly<Record<string, unknown>> | undefined,
  name: string,
): string | undefined {
  if (!fields || !Object.hasOwn(fields, name)) return undefined;
  const value = fields[name];
  if (typeof value === "string") return value;
  return isRecord(value) ? ownText(value, "value") : undefined;
}

const TRACEPARENT = /^[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})/;

/** Reads a `traceparent` of W3C Trace Context, for programs whose propagator knows none. */
function spanContextOf(traceparent = ""): OtelSpanContext | undefined {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent) ?? [];
  if (traceId === undefined || spanId === undefined || traceId === NO_TRACE) return undefined;
  return { traceId, spanId, traceFlags: parseInt(flags ?? "0", 16) & 1, isRemote: true };
}

function traceparentOf({ traceId, spanId, traceFlags }: OtelSpanContext): string {
  return `00-${traceId}-${spanId}-0${traceFlags & 1}`;
}

/** https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader */
export function xrayHeader({ traceId, spanId, traceFlags }: OtelSpanContext): string {
  const root = `1-${traceId.slice(0, 8)}-${traceId.slice(8)}`;
  return `Root=${root};Parent=${spanId};Sampled=${traceFlags & 1}`;
}

function traceparentOfXray(header = ""): string | undefined {
  const fields = Object.fromEntries(header.split(";").map((part) => part.trim().split("=")));
  const [, time, rest] = /^1-([\da-f]{8})-([\da-f]{24})$/.exec(fields.Root ?? "") ?? [];
  if (time === undefined || !/^[\da-f]{16}$/.test(fields.Parent ?? "")) return undefined;
  return `00-${time}${rest}-${fields.Parent}-0${fields.Sampled === "1" ? 1 : 0}`;
}
