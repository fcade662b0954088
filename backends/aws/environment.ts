/** Reads an environment variable; `undefined` if it is missing, empty or not allowed to be read. */
export type Environment = (name: string) => string | undefined;

interface Runtime {
  Deno?: { env: { get(name: string): string | undefined } };
  process?: { env?: Record<string, string | undefined> };
}

/**
 * The environment of the process, on runtimes that have one. The only place that looks at the
 * runtime. Deno is asked first, because its `process.env` prompts for the same permission again.
 */
export const processEnvironment: Environment = (name) => {
  const { Deno, process } = globalThis as Runtime;
  try {
    return (Deno ? Deno.env.get(name) : process?.env?.[name]) || undefined;
  } catch {
    return undefined;
  }
};
