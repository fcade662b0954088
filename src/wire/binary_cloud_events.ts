/**
 * The binary content mode of CloudEvents: the body is the data, and the attributes of the event are
 * attributes of the message, with the names that the binding for HTTP gives to headers. There is no
 * official binding for SQS and SNS.
 *
 * ```ts
 * import { MessagePublisher } from "@melange/melange";
 * import { binaryCloudEvents } from "@melange/melange/cloudevents";
 * import { MemoryBackend } from "@melange/melange/memory";
 *
 * const format = binaryCloudEvents({ source: "https://shop.example" });
 * const publisher = new MessagePublisher({ backend: new MemoryBackend(), format });
 * await publisher.close();
 * ```
 *
 * @module
 */
import { defined } from "../support/defined.ts";
import type { Event } from "../event/event.ts";
import { sourceOf } from "./format.ts";
import type { Attributes } from "./message.ts";
import { CONTENT_TYPE, type MessageFormat, PACKED, SERIALIZER_ID } from "./packed.ts";
import { jsonSerializer } from "./serializer.ts";

export type { MessageFormat };

/** Options of {@linkcode binaryCloudEvents}. */
export interface BinaryCloudEventsOptions {
  /** The source of events that name none. Default: the topic of the event, as `/orders`. */
  source?: string;
}

/**
 * Returns a format for the option `format` of publishers and buses: CloudEvents in binary content
 * mode. Five attributes are always there (`ce-specversion`, `ce-id`, `ce-source`, `ce-type`,
 * `ce-time`), beside `content-type` and `manifest`; subject, schema, extensions, `correlationId`,
 * `causationId` and version take one each. So the user has three of the ten attributes at the most.
 * An event that needs more is refused with `INVALID_MESSAGE`; the format `"cloudevents"` has room
 * for all of them in the body. The topic of the event is not sent.
 *
 * @example
 * ```ts
 * import { defineEvent, MessagePublisher, typed } from "@melange/melange";
 * import { binaryCloudEvents } from "@melange/melange/cloudevents";
 * import { MemoryBackend } from "@melange/melange/memory";
 *
 * const Ping = defineEvent("Ping", { schema: typed<{ at: number }>() });
 * const backend = new MemoryBackend();
 * await backend.declareQueue("pings");
 * const publisher = new MessagePublisher({ backend, format: binaryCloudEvents({ source: "/clock" }) });
 * await publisher.publish(Ping({ at: 1 }), { queue: "pings" });
 * const [delivery] = await backend.receive("pings", { max: 1, waitMs: 0, visibilityMs: 1_000 });
 * console.log(delivery?.message.body, delivery?.message.attributes["ce-source"]); // prints: {"at":1} /clock
 * ```
 */
export function binaryCloudEvents(options: BinaryCloudEventsOptions = {}): MessageFormat {
  return {
    base: "plain",
    write({ body, attributes }, event) {
      const { [SERIALIZER_ID]: serializerId, [PACKED]: _, ...others } = attributes;
      const isJson = serializerId === jsonSerializer.id;
      const fields = Object.entries(defined(fieldsOf(event, options)));
      return {
        body,
        attributes: {
          ...others,
          ...Object.fromEntries(fields.map(([name, value]) => [`ce-${name}`, escaped(value)])),
          [CONTENT_TYPE]: isJson ? "application/json" : "text/plain",
          ...(isJson ? {} : { [SERIALIZER_ID]: serializerId } as Attributes),
        },
      };
    },
  };
}

function fieldsOf(event: Event, { source }: BinaryCloudEventsOptions): Record<string, unknown> {
  const { datacontenttype: _, data: _data, ...others } = event.cloudEvent ?? {};
  return {
    ...others,
    specversion: "1.0",
    id: event.id,
    source: others.source || source || sourceOf(event.topic),
    type: event.type,
    time: event.occurredOn.toISOString(),
    correlationid: event.correlationId,
    causationid: event.causationId,
    version: event.version,
  };
}

/** Readers take a percent sign for an escape. Any other character may stand in an attribute. */
function escaped(value: unknown): string {
  return String(value).replaceAll("%", "%25");
}
