import { probe } from "../../support/errors.ts";
import type { EventTopology } from "../topology/topology.ts";

/** The part of some Standard Schema libraries that makes JSON Schemas. */
interface WithJsonSchema {
  readonly jsonSchema?: { input?(options: { target: string }): unknown };
}

/** Describes the message of an event type: attributes and data. */
export function messageOf(
  event: EventTopology,
  jsonSchemaOf: ((event: EventTopology) => unknown) | undefined,
): Record<string, unknown> {
  const { type, version } = event;
  return {
    name: type,
    title: version === undefined ? type : `${type} (version ${version})`,
    headers: {
      type: "object",
      properties: { manifest: { type: "string", const: type } },
      required: ["manifest"],
    },
    payload: asObject(jsonSchemaOf ? jsonSchemaOf(event) : ownSchema(event)),
  };
}

function ownSchema({ schema }: EventTopology): unknown {
  const { jsonSchema } = schema["~standard"] as WithJsonSchema;
  return probe(() => jsonSchema?.input?.({ target: "draft-07" })) ?? true;
}

/** The parser of AsyncAPI wants objects: `{}` for any data. */
function asObject(schema: unknown): unknown {
  if (schema === true || schema === undefined) return {};
  if (schema === false) return { not: {} };
  // The dialect is that of the document.
  const { $schema: _, ...rest } = schema as Record<string, unknown>;
  return rest;
}
