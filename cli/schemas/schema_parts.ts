/** The parts of a JSON Schema that comparisons need. */

/** A JSON Schema. */
export type JsonSchema = boolean | JsonObject;

/** A JSON Schema that is an object. */
export type JsonObject = { readonly [keyword: string]: unknown };

/** Follows references within one schema. */
export type Resolver = (schema: JsonSchema) => JsonSchema;

/** Tells whether a value is an object of JSON. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A list of schemas; anything else is none. */
export function listOf(value: unknown): readonly JsonSchema[] {
  return Array.isArray(value) ? value : [];
}

/** The types that a schema names; `undefined` if it allows all. */
export function typesOf({ type }: JsonObject): readonly string[] | undefined {
  if (type === undefined) return undefined;
  return Array.isArray(type) ? type : [String(type)];
}

/** Both of two schemas in one: lists of required names are joined, properties are put together. */
export function merged(first: JsonSchema, second: JsonSchema): JsonSchema {
  if (first === false || second === false) return false;
  if (first === true || second === true) return first === true ? second : first;
  const required = [
    ...new Set([...listOf(first.required), ...listOf(second.required)]),
  ];
  const properties = { ...first.properties as JsonObject, ...second.properties as JsonObject };
  const whole = { ...first, ...second };
  return withoutUndefined({
    ...whole,
    required: required.length > 0 ? required : undefined,
    properties: Object.keys(properties).length > 0 ? properties : undefined,
  });
}

function withoutUndefined(schema: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(schema).filter(([, value]) => value !== undefined));
}

/** References are followed so often; a chain of more is a circle. */
const MAX_STEPS = 100;

/**
 * Returns a function that follows the references of a schema into the schema itself. A reference to
 * another place allows everything, and is left for the comparison of keywords.
 */
export function resolver(whole: JsonSchema): Resolver {
  return (schema) => {
    let found = schema;
    for (let step = 0; step < MAX_STEPS && isObject(found); step++) {
      const target = typeof found.$ref === "string" ? targetOf(found.$ref, whole) : undefined;
      if (target === undefined) break;
      const { $ref: _, ...rest } = found;
      found = Object.keys(rest).length > 0 ? merged(rest, target) : target;
    }
    return found;
  };
}

function targetOf(reference: string, whole: JsonSchema): JsonSchema | undefined {
  if (!reference.startsWith("#")) return undefined;
  let found: unknown = whole;
  for (const part of reference.slice(1).split("/").slice(1)) {
    const name = decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
    found = isObject(found) && Object.hasOwn(found, name) ? found[name] : undefined;
  }
  return isObject(found) || typeof found === "boolean" ? found : undefined;
}

/** Compares two values of JSON; the order of properties does not count. */
export function equal(first: unknown, second: unknown): boolean {
  if (first === second) return true;
  if (Array.isArray(first) && Array.isArray(second)) {
    return first.length === second.length && first.every((item, at) => equal(item, second[at]));
  }
  if (!isObject(first) || !isObject(second)) return false;
  const keys = Object.keys(first);
  return keys.length === Object.keys(second).length &&
    keys.every((key) => Object.hasOwn(second, key) && equal(first[key], second[key]));
}
