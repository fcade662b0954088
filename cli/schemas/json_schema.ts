/** The JSON Schema of an event type: what a publisher may write. */
import { createRequire } from "node:module";
import process from "node:process";
import { pathToFileURL } from "node:url";
import type { AnyEventType } from "../../src/event/event.ts";
import { MelangeError } from "../../src/support/errors.ts";
import { isObject, type JsonSchema } from "./schema_parts.ts";

/** A function of the handlers module that makes the schemas. */
export type ToJsonSchema = (eventType: AnyEventType) => unknown;

/** Options of {@linkcode jsonSchemaOf}. */
export interface JsonSchemaOptions {
  /** The function of the user. Default: none. */
  readonly toJsonSchema?: ToJsonSchema | undefined;
  /** The dialect. Default: `draft-2020-12`. */
  readonly target?: "draft-2020-12" | "draft-07";
  /** Imports a package; a test passes its own. Default: from the folder of the program. */
  readonly importPackage?: (name: string) => Promise<Record<string, unknown>>;
}

const VALIBOT = "@valibot/to-json-schema";

/** The offer of some Standard Schema libraries beside the validation. */
interface WithJsonSchema {
  readonly jsonSchema?: { input?(options: { target: string }): unknown };
}

/**
 * Returns the JSON Schema of the data that publishers of an event type write: by the function of the
 * user, else by the schema itself, else by the package for valibot. `true` for `typed()`, which
 * checks nothing.
 * @throws {MelangeError} `CONFIGURATION` if none of these can make a schema
 */
export async function jsonSchemaOf(
  eventType: AnyEventType,
  options: JsonSchemaOptions = {},
): Promise<JsonSchema> {
  const { toJsonSchema, importPackage = importHere, target = "draft-2020-12" } = options;
  const standard = eventType.schema["~standard"];
  const { jsonSchema } = standard as WithJsonSchema;
  try {
    if (toJsonSchema) return checked(await toJsonSchema(eventType));
    if (typeof jsonSchema?.input === "function") {
      return checked(jsonSchema.input({ target }));
    }
    if (standard.vendor === "melange") return true;
    if (standard.vendor === "valibot") {
      const valibot = await importPackage(VALIBOT);
      const convert = valibot.toJsonSchema as (schema: unknown, config: unknown) => unknown;
      const config = { typeMode: "input", errorMode: "ignore", target };
      return checked(convert(eventType.schema, config));
    }
  } catch (error) {
    throw refusal(eventType, "making it failed", error);
  }
  throw refusal(eventType, `its library (${standard.vendor}) offers none`);
}

function refusal({ type, schema }: AnyEventType, reason: string, cause?: unknown): MelangeError {
  const hint = schema["~standard"].vendor === "valibot"
    ? `install ${VALIBOT}, or export toJsonSchema(eventType)`
    : "export a function toJsonSchema(eventType) beside the handlers";
  return new MelangeError(
    "CONFIGURATION",
    `Cannot tell the JSON Schema of "${type}" as ${reason}: ${hint}`,
    cause === undefined ? {} : { cause },
  );
}

function checked(schema: unknown): JsonSchema {
  // As it will be read again from the file.
  const value: unknown = JSON.parse(JSON.stringify(schema) ?? "null");
  if (isObject(value) || typeof value === "boolean") return value;
  throw new TypeError("Cannot use a JSON Schema that is no object");
}

/** Imports a package beside this one, or one that the user's own folder has. */
async function importHere(name: string): Promise<Record<string, unknown>> {
  try {
    return await import(name);
  } catch {
    const here = createRequire(pathToFileURL(`${process.cwd()}/package.json`));
    return await import(pathToFileURL(here.resolve(name)).href);
  }
}
