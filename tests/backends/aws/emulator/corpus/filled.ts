/** The places in rows and sequences that stand for members of earlier answers. */

const SAVED = /<(\w+)((?:\.\w+)+)>/g;

/** Returns a value with the kept members in the places of their names. */
export function filled(value: unknown, kept: Record<string, unknown>): unknown {
  if (typeof value === "string") {
    return value.replace(SAVED, (_, name: string, path: string) => {
      let at = kept[name];
      for (const part of path.slice(1).split(".")) at = (at as Record<string, unknown>)?.[part];
      return String(at);
    });
  }
  if (Array.isArray(value)) return value.map((each) => filled(each, kept));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, filled(each, kept)]),
  );
}
