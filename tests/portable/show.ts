/** Longest rendering of a value that is put on one line. */
const LINE = 72;
/** Below this depth, objects are only hinted at. */
const DEPTH = 8;

/** Renders a value for the message of a failed assertion, the same on every runtime. */
export function show(value: unknown): string {
  return render(value, "", []);
}

function render(value: unknown, indent: string, parents: object[]): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return `[function ${value.name || "anonymous"}]`;
  if (typeof value !== "object" || value === null) {
    return Object.is(value, -0) ? "-0" : String(value);
  }
  if (value instanceof Error) return `[${value.name}: ${value.message}]`;
  if (value instanceof Date) {
    return Number.isNaN(value.getTime()) ? "Date(invalid)" : `Date(${value.toISOString()})`;
  }
  if (value instanceof RegExp || value instanceof URL) return String(value);
  if (parents.includes(value)) return "[circular]";
  if (parents.length >= DEPTH) return "[…]";
  return block(value, indent, parents);
}

function block(value: object, indent: string, parents: object[]): string {
  const inner = `${indent}  `;
  const [open, close, items] = parts(value, (item) => render(item, inner, [...parents, value]));
  const line = `${open} ${items.join(", ")} ${close}`;
  if (items.length === 0) return open + close;
  if (line.length + indent.length <= LINE && !line.includes("\n")) return line;
  return `${open}\n${items.map((item) => `${inner}${item},\n`).join("")}${indent}${close}`;
}

function parts(
  value: object,
  item: (value: unknown) => string,
): [open: string, close: string, items: string[]] {
  const name = Object.getPrototypeOf(value)?.constructor?.name ?? "";
  if (Array.isArray(value)) return ["[", "]", Array.from(value, item)];
  if (value instanceof Set) return ["Set {", "}", Array.from(value, item)];
  if (value instanceof Map) {
    return ["Map {", "}", Array.from(value, ([key, entry]) => `${item(key)} => ${item(entry)}`)];
  }
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    return [`${name} [`, "]", Array.from(value as Uint8Array, item)];
  }
  const keys = Reflect.ownKeys(value).filter((key) =>
    Object.prototype.propertyIsEnumerable.call(value, key)
  );
  const entries = keys.map((key) => {
    const shown = typeof key === "symbol" ? String(key) : JSON.stringify(key);
    return `${shown}: ${item(Reflect.get(value, key))}`;
  });
  return [name === "Object" || name === "" ? "{" : `${name} {`, "}", entries];
}
