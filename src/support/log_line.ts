/**
 * Writes a log line for people: time, level, message, fields, aligned, on one line. The values of
 * fields are JSON unless they are texts of one word.
 */
export function logLine(
  level: string,
  message: string,
  fields: Readonly<Record<string, unknown>> = {},
): string {
  const facts = Object.entries(fields).filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${valueOf(value)}`);
  const head = `${new Date().toISOString()} ${level.padEnd(5)}`;
  return [`${head} ${message}`, ...facts].join("  ");
}

function valueOf(value: unknown): string {
  return typeof value === "string" && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}
