/**
 * Gives each name of a topic or a queue a name that templates allow: letters and digits. Two names
 * that would become one get a number each.
 */
export function logicalNames(names: readonly string[], suffix: string): Map<string, string> {
  const taken = new Map<string, number>();
  return new Map(names.map((name) => {
    const plain = name.split(/[^A-Za-z0-9]+/).filter((part) => part !== "")
      .map((part) => part[0]!.toUpperCase() + part.slice(1)).join("") + suffix;
    const count = (taken.get(plain) ?? 0) + 1;
    taken.set(plain, count);
    return [name, count === 1 ? plain : `${plain}${count}`];
  }));
}
