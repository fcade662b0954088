/** Loading a module that describes services. */
import type { AnyEventType } from "../../src/event/event.ts";
import {
  type EventTopology,
  type ServiceOptions,
  type Topology,
  topologyOf,
} from "../../src/operate/topology/mod.ts";
import { loadModule, refusal } from "../handlers.ts";
import type { Logger } from "../../src/support/logger.ts";
import { jsonSchemaOf, type ToJsonSchema } from "../schemas/json_schema.ts";

/** A topology, with the user's own way to JSON Schemas. */
export interface LoadedTopology {
  readonly topology: Topology;
  readonly toJsonSchema: ToJsonSchema | undefined;
}

const CONVENTION =
  "it must export `topology` (the result of topologyOf) or `services` (an array of { dispatcher, queue, publishes })";

/**
 * Imports a module and finds its topology: `export const topology = topologyOf(…)`, or
 * `export const services = [{ dispatcher, queue, publishes }]`.
 * @throws {MelangeError} `CONFIGURATION` if the module cannot be loaded, or has no topology
 */
export async function loadTopology(
  specifier: string,
  options: { logger: Logger },
): Promise<LoadedTopology> {
  const { topology, services, toJsonSchema } = await loadModule(specifier, {
    ...options,
    convention: CONVENTION,
  });
  return {
    topology: topologyIn(topology, services, specifier),
    toJsonSchema: typeof toJsonSchema === "function" ? toJsonSchema as ToJsonSchema : undefined,
  };
}

function topologyIn(topology: unknown, services: unknown, specifier: string): Topology {
  if (isTopology(topology)) return topology;
  if (!Array.isArray(services)) throw refusal(specifier, CONVENTION);
  try {
    return topologyOf(...services as ServiceOptions[]);
  } catch (error) {
    const reason = error instanceof TypeError ? error.message : "its services cannot be read";
    throw refusal(specifier, reason, error);
  }
}

function isTopology(value: unknown): value is Topology {
  return typeof value === "object" && value !== null &&
    ["services", "topics", "queues", "subscriptions"].every((key) =>
      Array.isArray((value as Record<string, unknown>)[key])
    );
}

/** Makes the JSON Schemas of all event types of a topology; a type without a schema takes any data. */
export async function schemasOf(
  { topology, toJsonSchema }: LoadedTopology,
): Promise<(event: EventTopology) => unknown> {
  const schemas = new Map<unknown, unknown>();
  for (const { handles, publishes } of topology.services) {
    for (const event of [...publishes, ...handles]) {
      if (schemas.has(event.schema)) continue;
      const options = { toJsonSchema, target: "draft-07" } as const;
      schemas.set(event.schema, await jsonSchemaOf(event as AnyEventType, options));
    }
  }
  return ({ schema }) => schemas.get(schema);
}
