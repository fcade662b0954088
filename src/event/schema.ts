/**
 * A schema: the used part of https://standardschema.dev. Valibot, zod, arktype and other libraries
 * implement the standard.
 *
 * @category Events
 */
export interface Schema<Input = unknown, Output = Input> {
  /** The properties of the standard. */
  readonly "~standard": {
    /** The version of the standard. */
    readonly version: 1;
    /** The library of the schema. */
    readonly vendor: string;
    /** Checks a value: gives the output or the issues. */
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    /** The types of input and output, for the compiler only. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/**
 * The answer of a schema about a value.
 *
 * @category Events
 */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/**
 * A fault of a value.
 *
 * @category Events
 */
export interface SchemaIssue {
  /** A text for people. The text may quote the value, so Melange neither logs nor throws it. */
  readonly message: string;
  /** The wanted kind of value, where a library tells it: `string`, `number >= 0`. Schemas are written by people, so it is told. */
  readonly expected?: unknown;
  /** The place in the value. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/**
 * The input type of a schema.
 *
 * @category Events
 */
export type InputOf<S extends Schema> = NonNullable<S["~standard"]["types"]>["input"];

/**
 * The output type of a schema.
 *
 * @category Events
 */
export type OutputOf<S extends Schema> = NonNullable<S["~standard"]["types"]>["output"];

/** The output of a schema, or the paths of the faults. The values themselves never appear. */
export type Validation =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly paths: string };

/** Checks data against a schema; gives a promise only if the schema gives one. */
export function validate(schema: Schema, data: unknown): Validation | Promise<Validation> {
  try {
    const result = schema["~standard"].validate(data);
    // Not instanceof: a promise of another realm or library would pass for a result without issues.
    return "then" in result
      ? Promise.resolve(result).then(asValidation).catch(() => REFUSED)
      : asValidation(result);
  } catch {
    return REFUSED;
  }
}

/** Refusal by a schema that threw. Such a schema names no place, and the error may quote values. */
const REFUSED: Validation = { ok: false, paths: "(the schema threw)" };

function asValidation(result: SchemaResult<unknown>): Validation {
  if (!result.issues) return { ok: true, value: result.value };
  const paths = result.issues.slice(0, MAX_PATHS).map(pathOf).join(", ");
  return { ok: false, paths };
}

const MAX_PATHS = 10;
const MAX_SEGMENT = 64;

function pathOf(issue: SchemaIssue): string {
  const segments = (issue.path ?? []).map((segment) =>
    String(typeof segment === "object" ? segment.key : segment).slice(0, MAX_SEGMENT)
  );
  const { expected } = issue;
  const place = segments.join(".") || "(the whole)";
  return typeof expected === "string"
    ? `${place} (expected ${expected.slice(0, MAX_SEGMENT)})`
    : place;
}
