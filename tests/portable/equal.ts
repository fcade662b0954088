/** Tells whether two values are structurally equal, as `@std/assert` understands it. */
export function equal(a: unknown, b: unknown): boolean {
  return compare(a, b, new Map());
}

/** Pairs under comparison: meeting one again means that both are cyclic in the same way. */
type Seen = Map<object, object>;

function compare(a: unknown, b: unknown, seen: Seen): boolean {
  if (a === b || Object.is(a, b)) return true;
  if (!isObject(a) || !isObject(b) || !samePrototype(a, b)) return false;
  if (a instanceof Error) return false;
  if (a instanceof Date) return Object.is(a.getTime(), (b as Date).getTime());
  if (a instanceof RegExp || a instanceof URL || a instanceof URLSearchParams) {
    return String(a) === String(b);
  }
  if (a instanceof ArrayBuffer) {
    return sameBytes(new Uint8Array(a), new Uint8Array(b as ArrayBuffer));
  }
  if (ArrayBuffer.isView(a)) return sameBytes(bytesOf(a), bytesOf(b as ArrayBufferView));
  if (a instanceof WeakMap || a instanceof WeakSet) {
    throw new TypeError("Cannot compare weak collections");
  }
  if (seen.get(a) === b) return true;
  seen.set(a, b);
  if (a instanceof Map) return sameEntries([...a], [...(b as Map<unknown, unknown>)], seen);
  if (a instanceof Set) return sameEntries([...a], [...(b as Set<unknown>)], seen);
  return sameProperties(a, b, seen);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** An object without a prototype equals one made by a literal. */
function samePrototype(a: object, b: object): boolean {
  const [left, right] = [a, b].map((value) => Object.getPrototypeOf(value) ?? Object.prototype);
  return left === right;
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

/** In any order: each entry of `a` takes one of `b` that no other entry took. */
function sameEntries(a: unknown[], b: unknown[], seen: Seen): boolean {
  if (a.length !== b.length) return false;
  const rest = [...b];
  return a.every((entry) => {
    const index = rest.findIndex((other) => compare(entry, other, new Map(seen)));
    if (index >= 0) rest.splice(index, 1);
    return index >= 0;
  });
}

/** Own properties, and what the getters of a class say of its private fields. */
function sameProperties(a: object, b: object, seen: Seen): boolean {
  const keys = keysOf(a);
  if (keys.size !== keysOf(b).size) return false;
  for (const key of keys) {
    if (!(key in b)) return false;
    if (!compare(Reflect.get(a, key), Reflect.get(b, key), seen)) return false;
  }
  return true;
}

function keysOf(value: object): Set<PropertyKey> {
  if (isPlain(value)) {
    return new Set(Reflect.ownKeys(value).filter((key) => isEnumerable(value, key)));
  }
  const keys = new Set<PropertyKey>();
  for (let level = value; !isRoot(level); level = Object.getPrototypeOf(level)) {
    for (const key of Reflect.ownKeys(level)) keys.add(key);
  }
  return keys;
}

function isPlain(value: object): boolean {
  return isRoot(Object.getPrototypeOf(value));
}

function isRoot(level: object | null): boolean {
  return level === null || level === Object.prototype || level === Array.prototype;
}

function isEnumerable(value: object, key: PropertyKey): boolean {
  return Object.prototype.propertyIsEnumerable.call(value, key);
}
