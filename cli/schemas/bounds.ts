/** Bounds of numbers, texts, lists and objects. */
import type { JsonObject } from "./schema_parts.ts";

/** Lower and upper bounds by keyword, with the words for them. */
const LOWER: Readonly<Record<string, string>> = {
  minimum: "it must be at least",
  exclusiveMinimum: "it must be more than",
  minLength: "it must have at least this many characters:",
  minItems: "it must have at least this many items:",
  minProperties: "it must have at least this many properties:",
  minContains: "it must have at least this many matching items:",
};
const UPPER: Readonly<Record<string, string>> = {
  maximum: "it must be at most",
  exclusiveMaximum: "it must be less than",
  maxLength: "it must have at most this many characters:",
  maxItems: "it must have at most this many items:",
  maxProperties: "it must have at most this many properties:",
  maxContains: "it must have at most this many matching items:",
};

/** Lists the rules of a reader about sizes that a writer does not keep. */
export function brokenBounds(reader: JsonObject, writer: JsonObject): string[] {
  return Object.keys(reader).flatMap((key) => {
    const bound = reader[key];
    if (typeof bound !== "number") return [];
    const kept = writer[key] ?? strictOf(key, writer);
    const words = LOWER[key] ?? UPPER[key];
    if (key === "multipleOf") {
      const isKept = typeof kept === "number" && Number.isInteger(kept / bound);
      return isKept || (bound === 1 && writer.type === "integer")
        ? []
        : [`it must be a multiple of ${bound}`];
    }
    if (words === undefined) return [];
    const isKept = typeof kept === "number" && (LOWER[key] ? kept >= bound : kept <= bound);
    return isKept || (bound === 0 && /^min[LIPC]/.test(key)) ? [] : [
      `${words} ${bound}, and may ${
        typeof kept === "number" ? `go to ${kept}` : "be without this bound"
      }`,
    ];
  });
}

/** An exclusive bound of the writer keeps the inclusive bound of the reader, too. */
function strictOf(key: string, writer: JsonObject): unknown {
  if (key === "minimum") return writer.exclusiveMinimum;
  return key === "maximum" ? writer.exclusiveMaximum : undefined;
}
