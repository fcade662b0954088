/**
 * What checks data: the part of https://standardschema.dev that is used here. valibot, zod, arktype
 * and others implement it.
 */
export interface Schema<Input = unknown, Output = Input> {
  /** The properties of the standard. */
  readonly "~standard": {
    /** The version of the standard. */
    readonly version: 1;
    /** Which library it is of. */
    readonly vendor: string;
    /** Checks a value: gives the output, or what is wrong with it. */
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    /** What goes in and what comes out, for the compiler only. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** What a schema says of a value. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** What is wrong with a value. */
export interface SchemaIssue {
  /** For people; it may quote the value, so it is neither logged nor thrown. */
  readonly message: string;
  /** Where in the value. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What a schema takes. */
export type InputOf<S extends Schema> = NonNullable<S["~standard"]["types"]>["input"];

/** What a schema gives. */
export type OutputOf<S extends Schema> = NonNullable<S["~standard"]["types"]>["output"];

/** What a schema said of data: its output, or where it is wrong. Never what the values were. */
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

/** A schema that throws says nothing of where; its error may quote values. */
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
  return segments.length > 0 ? segments.join(".") : "(the whole)";
}
