import type { Hashes } from "./hashes.ts";

/** Reads an environment variable; `undefined` if it is missing, empty or not allowed to be read. */
export type Environment = (name: string) => string | undefined;

/** Reads a text file; rejects if there is none, or if it is not allowed to be read. */
export type ReadTextFile = (path: string) => Promise<string>;

/** Writes a text file, for its owner alone; rejects without permission. */
export type WriteTextFile = (path: string, text: string) => Promise<void>;

/** Runs a command line in a shell, and resolves to the output; rejects if the command fails. */
export type RunProcess = (commandLine: string) => Promise<string>;

interface Runtime {
  Deno?: undefined | {
    env: { get(name: string): string | undefined };
    readTextFile(path: string): Promise<string>;
    permissions?: { querySync(descriptor: object): { state: string } };
  };
  process?: undefined | {
    env?: Record<string, string | undefined>;
    getBuiltinModule?(name: string): unknown;
  };
  navigator?: { userAgent?: string } | undefined;
}

/**
 * The environment of the process, on runtimes with an environment. Only this file looks at the
 * runtime. Deno is asked first, because the `process.env` of Deno prompts for the same permission
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

/**
 * Returns a reader of files; `undefined` on runtimes without files, such as browsers and edge
 * workers.
 */
export function processFiles(): ReadTextFile | undefined {
  const { Deno, process, navigator } = globalThis as Runtime;
  if (Deno) return (path) => Deno.readTextFile(path);
  const fs = builtin<NodeFiles>("node:fs/promises", { process, navigator });
  return fs && ((path) => fs.readFile(path, "utf8"));
}

/**
 * The environment of the process for optional settings. Deno prompts for no permission because of
 * them, except for the variables of AWS.
 */
export const quietEnvironment: Environment = (name) =>
  name.startsWith("AWS_") || isGranted({ name: "env", variable: name })
    ? processEnvironment(name)
    : undefined;

/**
 * Returns a reader of files that prompts for no permission; `undefined` on runtimes without files.
 */
export function quietFiles(): ReadTextFile | undefined {
  const read = processFiles();
  return read && (async (path) => {
    if (isGranted({ name: "read", path })) return await read(path);
    throw Object.assign(new Error("Cannot read a file without --allow-read"), { code: "EACCES" });
  });
}

/** Tells whether the environment may be read: Deno may not have the permission. */
export function mayReadEnvironment(): boolean {
  return isGranted({ name: "env", variable: "AWS_ACCESS_KEY_ID" });
}

function isGranted(descriptor: object): boolean {
  const { Deno } = globalThis as Runtime;
  return (Deno?.permissions?.querySync(descriptor).state ?? "granted") === "granted";
}

/** Returns a writer of files; `undefined` on runtimes without files. */
export function processFileWriter(): WriteTextFile | undefined {
  const fs = builtin<NodeFiles>("node:fs/promises");
  return fs && (async (path, text) => {
    // Nobody reads half of it: it is renamed when it is complete.
    const draft = `${path}.${crypto.randomUUID()}.tmp`;
    await fs.writeFile(draft, text, { mode: 0o600 });
    await fs.rename(draft, path);
  });
}

/** Returns a starter of programs; `undefined` on runtimes without programs. */
export function processRunner(): RunProcess | undefined {
  const children = builtin<NodeChildren>("node:child_process");
  return children && ((commandLine) =>
    new Promise((resolve, reject) => {
      const options = { maxBuffer: 65_536, timeout: 60_000, windowsHide: true };
      children.exec(commandLine, options, (error, stdout) => {
        if (error) reject(error);
        else resolve(stdout);
      });
    }));
}

/** Returns the synchronous hashes of this runtime; `undefined` if it has none, as browsers and edge workers. */
export function processHashes(): Hashes | undefined {
  return builtin<Hashes>("node:crypto");
}

function builtin<T>(
  name: string,
  { process, navigator }: Runtime = globalThis as Runtime,
): T | undefined {
  // Its file system is in memory, and has no credentials; it starts no programs.
  if (navigator?.userAgent === "Cloudflare-Workers") return undefined;
  return process?.getBuiltinModule?.(name) as T | undefined;
}

interface NodeFiles {
  readFile(path: string, encoding: "utf8"): Promise<string>;
  writeFile(path: string, text: string, options: { mode: number }): Promise<void>;
  rename(from: string, to: string): Promise<void>;
}

interface NodeChildren {
  exec(
    commandLine: string,
    options: { maxBuffer: number; timeout: number; windowsHide: boolean },
    done: (error: unknown, stdout: string) => void,
  ): void;
}
