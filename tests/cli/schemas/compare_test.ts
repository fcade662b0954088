import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { breaksBetween } from "../../../cli/schemas/compare.ts";
import type { JsonSchema } from "../../../cli/schemas/schema_parts.ts";

const text = { type: "string" };
const number = { type: "number" };
const object = (properties: Record<string, JsonSchema>, required = Object.keys(properties)) => ({
  type: "object",
  properties,
  required,
});

/** The breaks as lines. */
function lines(reader: JsonSchema, writer: JsonSchema): string[] {
  return breaksBetween(reader, writer).map(({ path, rule }) => `${path}: ${rule}`);
}

describe("breaksBetween() finds nothing", () => {
  const fine: [string, JsonSchema, JsonSchema][] = [
    ["between equal schemas", object({ a: text }), object({ a: text })],
    ["where the reader takes everything", true, object({ a: text })],
    ["where the reader has no rule", {}, object({ a: text })],
    ["where nothing is written", object({ a: text }), false],
    ["where a property becomes optional", object({ a: text }, []), object({ a: text })],
    ["where an optional property is new", object({ a: text, b: text }, ["a"]), object({ a: text })],
    ["where a property is no longer read", object({ a: text }), object({ a: text, b: text })],
    ["where a type becomes wider", { type: ["string", "null"] }, text],
    ["of an integer for a number", number, { type: "integer" }],
    ["of alternatives for a list of types", { anyOf: [text, number] }, {
      type: ["string", "number"],
    }],
    ["of a list of types for alternatives", { type: ["string", "number"] }, {
      anyOf: [text, number],
    }],
    ["where a value is added", { enum: ["a", "b", "c"] }, { enum: ["a", "b"] }],
    ["of a value for a type", text, { const: "a" }],
    ["of values for alternatives", { anyOf: [{ const: "a" }, { const: "b" }] }, {
      enum: ["a", "b"],
    }],
    ["where bounds become wider", { ...number, minimum: 0, maximum: 9 }, {
      ...number,
      exclusiveMinimum: 0,
      maximum: 5,
    }],
    ["of a bound that is none", { ...text, minLength: 0 }, text],
    ["of multiples", { ...number, multipleOf: 2 }, { ...number, multipleOf: 4 }],
    ["of a maximum", { ...number, maximum: 1 }, { ...number, exclusiveMaximum: 1 }],
    ["of a whole number for multiples of 1", { type: "integer", multipleOf: 1 }, {
      type: "integer",
    }],
    ["of values of several types", { type: ["string", "null"] }, { enum: ["a", null] }],
    ["of values within bounds", { ...text, minLength: 1, maxLength: 2, pattern: "^a" }, {
      enum: ["a", "ab"],
    }],
    ["of numbers within bounds", { ...number, minimum: 1, exclusiveMaximum: 3, multipleOf: 0.5 }, {
      enum: [1, 2.5],
    }],
    ["of one alternative for a value", { oneOf: [{ const: "a" }, number] }, { const: "a" }],
    ["of equal keywords in another order", { ...text, not: { type: "a", const: [1, 2] } }, {
      ...text,
      not: { const: [1, 2], type: "a" },
    }],
    ["of descriptions", { ...text, title: "A", description: "B" }, text],
    ["of equal unknown keywords", { ...text, pattern: "^a" }, { ...text, pattern: "^a" }],
    ["of items", { type: "array", items: number }, { type: "array", items: { type: "integer" } }],
    ["of a pair for a list", { type: "array", items: text }, {
      type: "array",
      prefixItems: [text, text],
      items: false,
    }],
    ["of records", { type: "object", additionalProperties: number }, {
      type: "object",
      additionalProperties: { type: "integer" },
    }],
    ["of parts of a whole", { allOf: [object({ a: text }), object({ b: text })] }, {
      allOf: [object({ a: text }), object({ b: text })],
    }],
    ["of references", { $ref: "#/$defs/a", $defs: { a: text } }, text],
    ["of a tree", TREE(["value"]), TREE(["value", "more"])],
    ["of tagged alternatives", TAGGED(["x", "y", "z"]), TAGGED(["x", "y"])],
  ];
  for (const [what, reader, writer] of fine) {
    it(what, () => assertEquals(lines(reader, writer), []));
  }
});

/** A tree, whose nodes have these texts. */
function TREE(names: string[]): JsonSchema {
  const fields = Object.fromEntries(names.map((name) => [name, text]));
  const children = { type: "array", items: { $ref: "#" } };
  return object({ ...fields, children }, names);
}

/** Objects told apart by the value of `t`. */
function TAGGED(tags: string[]): JsonSchema {
  return { oneOf: tags.map((tag) => object({ t: { const: tag }, n: number })) };
}

describe("breaksBetween() tells the path and the rule", () => {
  const breaks: [string, JsonSchema, JsonSchema, string[]][] = [
    ["of a property that becomes required", object({ a: text, b: text }), object({ a: text }), [
      "b: it is required, and may be missing",
    ]],
    [
      "of a property in depth",
      object({ a: object({ b: number }) }),
      object({ a: object({ b: text }) }),
      [
        "a.b: it must be number, and may be string",
      ],
    ],
    ["of a type that becomes narrower", text, { type: ["string", "null"] }, [
      "(the whole): it must be string, and may be null",
    ]],
    ["of a type that is new", { type: "integer" }, {}, [
      "(the whole): it must be integer, and may be of any type",
    ]],
    ["of a number for an integer", { type: "integer" }, number, [
      "(the whole): it must be integer, and may be number",
    ]],
    [
      "of values that are gone",
      object({ a: { enum: ["x"] } }),
      object({ a: { enum: ["x", "y", "z"] } }),
      [
        'a: the value "y", "z" is not accepted',
      ],
    ],
    ["of values where any text was", { ...text, enum: ["x"] }, text, [
      "(the whole): only listed values are accepted",
    ]],
    ["of an alternative that is gone", TAGGED(["x"]), TAGGED(["x", "y"]), [
      't: the value "y" is not accepted',
    ]],
    ["of an alternative that none takes", { anyOf: [text, number] }, { type: "boolean" }, [
      "(the whole): none of the alternatives accepts it",
    ]],
    ["of bounds", { ...text, minLength: 2, maxLength: 3 }, { ...text, minLength: 1 }, [
      "(the whole): it must have at least this many characters: 2, and may go to 1",
      "(the whole): it must have at most this many characters: 3, and may be without this bound",
    ]],
    ["of an inclusive bound for an exclusive one", { ...number, exclusiveMinimum: 0 }, {
      ...number,
      minimum: 0,
    }, ["(the whole): it must be more than 0, and may be without this bound"]],
    ["of multiples", { ...number, multipleOf: 4 }, { ...number, multipleOf: 2 }, [
      "(the whole): it must be a multiple of 4",
    ]],
    ["of a pattern", { ...text, pattern: "^a" }, { ...text, pattern: "^b" }, [
      '(the whole): its "pattern" is another one, which cannot be compared',
    ]],
    ["of a format", { ...text, format: "uuid" }, text, [
      '(the whole): its "format" is another one, which cannot be compared',
    ]],
    ["of a keyword that nobody knows", { ...text, not: { const: "a" } }, text, [
      '(the whole): its "not" is another one, which cannot be compared',
    ]],
    ["of items", { type: "array", items: number }, { type: "array", items: text }, [
      "*: it must be number, and may be string",
    ]],
    [
      "of a property that is refused",
      { ...object({ a: text }), additionalProperties: false },
      object({ a: text, b: text }),
      [
        "b: nothing is accepted any more",
      ],
    ],
    ["of records", { type: "object", additionalProperties: number }, {
      type: "object",
      additionalProperties: text,
    }, ["*: it must be number, and may be string"]],
    [
      "of a part of a whole",
      { allOf: [object({ a: text }), object({ b: text })] },
      object({ a: text }),
      [
        "b: it is required, and may be missing",
      ],
    ],
    ["of a tree", TREE(["value", "more"]), TREE(["value"]), [
      "more: it is required, and may be missing",
    ]],
    [
      "of one alternative, in its own words",
      { anyOf: [object({ a: number })] },
      object({ a: text }),
      [
        "a: it must be number, and may be string",
      ],
    ],
    ["of the closest alternative", { anyOf: [object({ a: number }), text] }, object({ a: text }), [
      "(the whole): none of the alternatives accepts it; the closest refuses a: it must be number, and may be string",
    ]],
    ["of five values at the most", { const: 0 }, { enum: [1, 2, 3, 4, 5, 6] }, [
      "(the whole): the value 1, 2, 3, 4, 5 is not accepted",
    ]],
    ["of values out of bounds", { ...text, minLength: 2, maxLength: 3 }, { enum: ["a", "abcd"] }, [
      '(the whole): the value "a", "abcd" is not accepted',
    ]],
    ["of numbers out of bounds", { ...number, exclusiveMinimum: 1, maximum: 3 }, {
      enum: [1, 2, 4],
    }, [
      "(the whole): the value 1, 4 is not accepted",
    ]],
    ["of values of two alternatives at once", { oneOf: [text, { const: "a" }] }, {
      enum: ["a", "b"],
    }, [
      '(the whole): the value "a" is not accepted',
    ]],
    [
      "of lists that differ",
      { ...text, not: { const: [1, 2] } },
      { ...text, not: { const: [1] } },
      [
        '(the whole): its "not" is another one, which cannot be compared',
      ],
    ],
    ["of everything", false, text, ["(the whole): nothing is accepted any more"]],
  ];
  for (const [what, reader, writer, expected] of breaks) {
    it(what, () => assertEquals(lines(reader, writer), expected));
  }
});
