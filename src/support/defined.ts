/** The same properties; properties that may be `undefined` become optional. */
export type Defined<T> =
  & { [K in keyof T as undefined extends T[K] ? never : K]: T[K] }
  & { [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined> };

/** Copies an object without the properties that are `undefined`. */
export function defined<T extends object>(properties: T): Defined<T> {
  const kept: Record<string, unknown> = {};
  for (const key in properties) {
    if (properties[key] !== undefined) kept[key] = properties[key];
  }
  return kept as Defined<T>;
}
