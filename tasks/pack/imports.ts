/** Follows the imports of files of types. */

/** Reads a file; gives `undefined` where there is none. */
export type ReadFile = (path: string) => Promise<string | undefined>;

/** An import of a file of types from its own package: what precedes the path, and the path. */
const IMPORT = /(\bfrom\s*|\bimport\s*\(?\s*)"(\.[^"]+)"/g;

/** The files, relative to the folder, that these files lead to, and these files themselves. */
export async function withImports(
  folder: string,
  files: readonly string[],
  read: ReadFile = readIfThere,
): Promise<string[]> {
  const found = new Set(files.map((file) => file.replace(/^\.\//, "")));
  // A set goes on to what is added to it meanwhile.
  for (const file of found) {
    const text = await read(`${folder}/${file}`);
    if (text === undefined) throw new Error(`Cannot find ${file} among the types`);
    for (const imported of importsOf(file, text)) found.add(imported);
  }
  return [...found].sort();
}

function importsOf(file: string, types: string): string[] {
  const code = types.replaceAll(/\/\*.*?\*\//gs, "");
  const base = new URL(file, "file:///");
  return [...code.matchAll(IMPORT)].map(([, , path = ""]) =>
    new URL(path, base).pathname.slice(1).replace(/\.[jt]s$/, ".d.ts")
  );
}

/** The compiler leaves imports of `.ts` in the types, which only its newer versions understand. */
export function withEmittedImports(types: string): string {
  return types.replaceAll(
    IMPORT,
    (_, before, path) => `${before}"${path.replace(/\.ts$/, ".js")}"`,
  );
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
