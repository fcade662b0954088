/** The lock file: the JSON Schemas of all events, by version. */
import { MelangeError } from "../../src/support/errors.ts";
import { isObject, type JsonObject, type JsonSchema } from "./schema_parts.ts";

/** An event in a lock file. */
export interface LockedEvent {
  /** The version of the event type; missing where it has none. */
  readonly version?: number;
  /** The schemas by version. Without a version it is 1, as messages without a version are read. */
  readonly schemas: Readonly<Record<string, JsonSchema>>;
}

/** The content of a lock file. */
export type Lock = Readonly<Record<string, LockedEvent>>;

/** The form of the file. */
const FORM = 1;

/** An event type as it is now. */
export interface CurrentEvent {
  readonly type: string;
  readonly version: number | undefined;
  readonly upcast: Readonly<Record<number, unknown>> | undefined;
  readonly schema: JsonSchema;
}

/** Returns the lock of the present events; it keeps the schemas of their older versions. */
export function lockOf(events: readonly CurrentEvent[], before: Lock = {}): Lock {
  const sorted = [...events].sort((a, b) => (a.type < b.type ? -1 : 1));
  const entries = sorted.map(({ type, version, schema }): [string, LockedEvent] => {
    const known = Object.hasOwn(before, type) ? before[type]?.schemas : {};
    const schemas = { ...known, [version ?? 1]: schema };
    return [type, version === undefined ? { schemas } : { version, schemas }];
  });
  return Object.fromEntries(entries);
}

/** Writes a lock as text. */
export function writeLock(events: Lock): string {
  return `${JSON.stringify({ form: FORM, events }, null, 2)}\n`;
}

/**
 * Reads the text of a lock file.
 * @throws {MelangeError} `CONFIGURATION` if it is none
 */
export function readLock(text: string, path: string): Lock {
  const value = parsed(text);
  if (isObject(value) && value.form === FORM && isObject(value.events)) {
    if (Object.values(value.events).every(isLocked)) return value.events as Lock;
  }
  throw new MelangeError(
    "CONFIGURATION",
    `Cannot read ${path} as it is no lock file of this program: write it with "melange schemas"`,
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isLocked(event: unknown): boolean {
  if (!isObject(event) || !isObject(event.schemas)) return false;
  if (event.version !== undefined && !Number.isSafeInteger(event.version)) return false;
  const schemas = Object.entries(event.schemas as JsonObject);
  return schemas.every(([version, schema]) =>
    Number.isSafeInteger(Number(version)) && (isObject(schema) || typeof schema === "boolean")
  );
}
