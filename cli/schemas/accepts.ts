/** Tells whether a schema accepts one value; used for lists of values, which are short. */
import {
  equal,
  isObject,
  type JsonSchema,
  listOf,
  type Resolver,
  typesOf,
} from "./schema_parts.ts";

/** Checks the keywords that matter to values in lists. Of unknown keywords, none refuses a value. */
export function acceptsValue(given: JsonSchema, value: unknown, resolve: Resolver): boolean {
  const schema = resolve(given);
  if (typeof schema === "boolean") return schema;
  const { anyOf, oneOf, allOf } = schema;
  const accepts = (part: JsonSchema) => acceptsValue(part, value, resolve);
  if (anyOf !== undefined && !listOf(anyOf).some(accepts)) return false;
  if (oneOf !== undefined && listOf(oneOf).filter(accepts).length !== 1) return false;
  if (allOf !== undefined && !listOf(allOf).every(accepts)) return false;
  if (schema.const !== undefined && !equal(schema.const, value)) return false;
  if (Array.isArray(schema.enum) && !schema.enum.some((each) => equal(each, value))) return false;
  const types = typesOf(schema);
  if (types && !types.some((type) => isOfType(value, type))) return false;
  if (typeof value === "string") return acceptsText(schema, value);
  return typeof value !== "number" || acceptsNumber(schema, value);
}

function isOfType(value: unknown, type: string): boolean {
  if (type === "null") return value === null;
  if (type === "array") return Array.isArray(value);
  if (type === "object") return isObject(value);
  if (type === "integer") return Number.isInteger(value);
  const kind: string = typeof value;
  return kind === type;
}

function acceptsText(schema: Readonly<Record<string, unknown>>, text: string): boolean {
  const { minLength, maxLength, pattern } = schema;
  if (typeof minLength === "number" && text.length < minLength) return false;
  if (typeof maxLength === "number" && text.length > maxLength) return false;
  return typeof pattern !== "string" || new RegExp(pattern, "u").test(text);
}

function acceptsNumber(schema: Readonly<Record<string, unknown>>, number: number): boolean {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  if (typeof minimum === "number" && number < minimum) return false;
  if (typeof maximum === "number" && number > maximum) return false;
  if (typeof exclusiveMinimum === "number" && number <= exclusiveMinimum) return false;
  if (typeof exclusiveMaximum === "number" && number >= exclusiveMaximum) return false;
  return typeof multipleOf !== "number" || Number.isInteger(number / multipleOf);
}
