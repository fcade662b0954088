/** Reads an environment variable; `undefined` if it is missing, empty or not allowed to be read. */
export type Environment = (name: string) => string | undefined;

/** Reads a text file; rejects if there is none, or if it is not allowed to be read. */
export type ReadTextFile = (path: string) => Promise<string>;

interface Runtime {
  Deno?: {
    env: { get(name: string): string | undefined };
    readTextFile(path: string): Promise<string>;
  };
  process?: {
    env?: Record<string, string | undefined>;
    getBuiltinModule?(name: string): unknown;
  };
  navigator?: { userAgent?: string };
}

/**
 * The environment of the process, on runtimes that have one. This file is the only place that looks
 * at the runtime. Deno is asked first, because its `process.env` prompts for the same permission
 * again.
 */
export const processEnvironment: Environment = (name) => {
  const { Deno, process } = globalThis as Runtime;
  try {
    return (Deno ? Deno.env.get(name) : process?.env?.[name]) || undefined;
  } catch {
    return undefined;
  }
};

/** How this runtime reads files; `undefined` if it has none, as browsers and edge workers. */
export function processFiles(): ReadTextFile | undefined {
  const { Deno, process, navigator } = globalThis as Runtime;
  if (Deno) return (path) => Deno.readTextFile(path);
  // Its node:fs is a file system in memory, in which no credentials are.
  if (navigator?.userAgent === "Cloudflare-Workers") return undefined;
  const fs = process?.getBuiltinModule?.("node:fs/promises") as NodeFiles | undefined;
  return fs && ((path) => fs.readFile(path, "utf8"));
}

interface NodeFiles {
  readFile(path: string, encoding: "utf8"): Promise<string>;
}
