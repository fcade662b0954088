/**
 * Tells whether a reader accepts all that a writer may write, by their JSON Schemas. A keyword that
 * cannot be compared counts as a break, unless both have it alike. Properties that a writer does not
 * name are not written: publishers write what their schemas name.
 */
import { acceptsValue } from "./accepts.ts";
import { brokenBounds } from "./bounds.ts";
import {
  equal,
  isObject,
  type JsonObject,
  type JsonSchema,
  listOf,
  merged,
  type Resolver,
  resolver,
  typesOf,
} from "./schema_parts.ts";

/** A place where a reader refuses what a writer may write. */
export interface Break {
  /** The path in the data; `(the whole)` for the data itself. */
  readonly path: string;
  /** The broken rule, in words about `it`. */
  readonly rule: string;
}

/** A reader and a writer at one place of the data. */
interface Pair {
  readonly reader: JsonSchema;
  readonly writer: JsonSchema;
  readonly path: string;
}

/** The schemas as wholes, and the pairs under comparison, so that a circle ends. */
interface Wholes {
  readonly readers: Resolver;
  readonly writers: Resolver;
  readonly open: readonly (readonly [JsonSchema, JsonSchema])[];
}

/** Lists all that a reader refuses of what a writer may write. */
export function breaksBetween(reader: JsonSchema, writer: JsonSchema): Break[] {
  const wholes = { readers: resolver(reader), writers: resolver(writer), open: [] };
  return compare({ reader, writer, path: "" }, wholes);
}

function compare(pair: Pair, wholes: Wholes): Break[] {
  const reader = wholes.readers(pair.reader);
  const writer = wholes.writers(pair.writer);
  const { path } = pair;
  if (reader === true || writer === false) return [];
  if (reader === false) return [broken(path, "nothing is accepted any more")];
  if (wholes.open.some(([r, w]) => r === reader && w === writer)) return [];
  const inner = { ...wholes, open: [...wholes.open, [reader, writer] as const] };
  const written = writer === true ? {} : writer;
  const ways = waysOf(written, wholes.writers);
  if (ways) return distinct(ways.flatMap((way) => compare({ reader, writer: way, path }, inner)));
  return compareOne({ reader, writer: written, path }, inner);
}

/** The alternatives of a writer; `undefined` if there is only one way to write. */
function waysOf(writer: JsonObject, resolve: Resolver): JsonSchema[] | undefined {
  const { anyOf, oneOf, allOf, ...rest } = writer;
  const several = anyOf ?? oneOf;
  if (several !== undefined) {
    const others = anyOf === undefined ? { ...rest, allOf } : { ...rest, oneOf, allOf };
    return listOf(several).map((way) => merged(others, resolve(way)));
  }
  if (allOf !== undefined) {
    return [listOf(allOf).reduce<JsonSchema>((whole, part) => merged(whole, resolve(part)), rest)];
  }
  const { type, ...typeless } = rest;
  if (!Array.isArray(type) || type.length === 1) return undefined;
  return type.map((one) => ({ ...typeless, type: one }));
}

interface One {
  readonly reader: JsonObject;
  readonly writer: JsonObject;
  readonly path: string;
}

/** Compares a writer with one way to write. */
function compareOne({ reader, writer, path }: One, wholes: Wholes): Break[] {
  const { anyOf, oneOf, allOf, ...rest } = reader;
  const values = valuesOf(writer);
  if (values) return compareValues(values, { reader, path }, wholes);
  const parts = listOf(allOf).flatMap((part) => compare({ reader: part, writer, path }, wholes));
  const choices = [anyOf, oneOf].filter((list) => list !== undefined).flatMap((list) => {
    const tried = listOf(list).map((way) => compare({ reader: way, writer, path }, wholes));
    if (tried.some((breaks) => breaks.length === 0)) return [];
    // With one alternative, its own breaks say more.
    return tried.length === 1 ? tried.flat() : [closest(tried, path)];
  });
  return [...parts, ...choices, ...compareRest({ reader: rest, writer, path }, wholes)];
}

/** Of several alternatives that all refuse, a break that says so. */
function closest(tried: readonly Break[][], path: string): Break {
  const inside = tried.find((breaks) => breaks.length === 1 && breaks[0]?.path !== (path || WHOLE));
  const hint = inside?.[0] ? `; the closest refuses ${inside[0].path}: ${inside[0].rule}` : "";
  return broken(path, `none of the alternatives accepts it${hint}`);
}

function valuesOf({ const: value, enum: values }: JsonObject): readonly unknown[] | undefined {
  return value !== undefined ? [value] : Array.isArray(values) ? values : undefined;
}

function compareValues(
  values: readonly unknown[],
  { reader, path }: { reader: JsonObject; path: string },
  { readers }: Wholes,
): Break[] {
  const refused = values.filter((value) => !acceptsValue(reader, value, readers));
  if (refused.length === 0) return [];
  const shown = refused.slice(0, 5).map((value) => JSON.stringify(value)).join(", ");
  return [broken(path, `the value ${shown} is not accepted`)];
}

/** Keywords that are compared here, and keywords that say nothing about data. */
const COMPARED = /^(type|const|enum|properties|required|additionalProperties|items|prefixItems)$/;
const BOUNDS =
  /^(min|max|exclusiveMin|exclusiveMax)(imum|Length|Items|Properties|Contains)$|^multipleOf$/;
const SILENT =
  /^(\$schema|\$id|\$anchor|\$comment|\$defs|definitions|title|description|default|examples|deprecated|readOnly|writeOnly|x-.*)$/;

function compareRest({ reader, writer, path }: One, wholes: Wholes): Break[] {
  const breaks: Break[] = [];
  const types = typesOf(reader);
  const written = typesOf(writer);
  const odd = types && (written ?? [undefined]).find((type) => !takes(types, type));
  if (types && (!written || odd)) {
    const may = written ? `be ${odd}` : "be of any type";
    return [broken(path, `it must be ${types.join(" or ")}, and may ${may}`)];
  }
  if (valuesOf(reader)) breaks.push(broken(path, "only listed values are accepted"));
  for (const key of Object.keys(reader)) {
    if (COMPARED.test(key) || BOUNDS.test(key) || SILENT.test(key)) continue;
    if (equal(reader[key], writer[key])) continue;
    breaks.push(broken(path, `its "${key}" is another one, which cannot be compared`));
  }
  breaks.push(...brokenBounds(reader, writer).map((rule) => broken(path, rule)));
  return [
    ...breaks,
    ...compareItems({ reader, writer, path }, wholes),
    ...compareProperties({ reader, writer, path }, wholes),
  ];
}

function takes(types: readonly string[], type: string | undefined): boolean {
  return type !== undefined &&
    (types.includes(type) || (type === "integer" && types.includes("number")));
}

function compareItems({ reader, writer, path }: One, wholes: Wholes): Break[] {
  if (reader.items === undefined && reader.prefixItems === undefined) return [];
  const first = listOf(reader.prefixItems);
  const firstWritten = listOf(writer.prefixItems);
  const rest = schemaOf(reader.items);
  const restWritten = schemaOf(writer.items);
  const count = Math.max(first.length, firstWritten.length);
  const places = Array.from({ length: count }, (_, at) => ({
    reader: first[at] ?? rest,
    writer: firstWritten[at] ?? restWritten,
    path: join(path, `${at}`),
  }));
  places.push({ reader: rest, writer: restWritten, path: join(path, "*") });
  return places.flatMap((place) => compare(place, wholes));
}

function compareProperties({ reader, writer, path }: One, wholes: Wholes): Break[] {
  const read = fieldsOf(reader);
  const written = fieldsOf(writer);
  const required = new Set(listOf(writer.required));
  const missing = listOf(reader.required).filter((name) => !required.has(name)).map((name) =>
    broken(join(path, String(name)), "it is required, and may be missing")
  );
  const others = schemaOf(reader.additionalProperties);
  const pairs = Object.keys(written).map((name): Pair => ({
    reader: Object.hasOwn(read, name) ? read[name]! : others,
    writer: written[name]!,
    path: join(path, name),
  }));
  if (writer.additionalProperties !== undefined) {
    const writer1 = schemaOf(writer.additionalProperties);
    const named = Object.keys(read).filter((name) => !Object.hasOwn(written, name));
    for (const name of named) {
      pairs.push({ reader: read[name]!, writer: writer1, path: join(path, name) });
    }
    pairs.push({ reader: others, writer: writer1, path: join(path, "*") });
  }
  return [...missing, ...pairs.flatMap((pair) => compare(pair, wholes))];
}

function fieldsOf({ properties }: JsonObject): Record<string, JsonSchema> {
  return isObject(properties) ? properties as Record<string, JsonSchema> : {};
}

/** The schema of a keyword; without the keyword, everything is allowed. */
function schemaOf(value: unknown): JsonSchema {
  return value === undefined ? true : value as JsonSchema;
}

const WHOLE = "(the whole)";

function broken(path: string, rule: string): Break {
  return { path: path || WHOLE, rule };
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

function distinct(breaks: readonly Break[]): Break[] {
  const known = new Map(breaks.map((each) => [`${each.path} ${each.rule}`, each]));
  return [...known.values()];
}
