/** The variables of this environment that speak of AWS, each `undefined`: a program gets none. */
export function withoutAws(): Record<string, undefined> {
  const names = Object.keys(Deno.env.toObject()).filter((name) => name.startsWith("AWS_"));
  return Object.fromEntries(names.map((name) => [name, undefined]));
}
