/** The files in which the command line of AWS keeps the result of a login. */
import { inHome } from "./shared_files.ts";
import { readFile, type SearchContext } from "./source.ts";

/** Which file of a cache. */
export interface CachedFile {
  readonly folder: string;
  /** The text whose hash is the file's name. */
  readonly key: string;
  readonly hash: "SHA-1" | "SHA-256";
}

/** The path of a file; `undefined` if nobody knows the home folder. */
export async function cachePath(
  { environment }: SearchContext,
  { folder, key, hash }: CachedFile,
): Promise<string | undefined> {
  const digest = await crypto.subtle.digest(hash, new TextEncoder().encode(key));
  const name = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0"));
  return inHome(environment, `${folder}/${name.join("")}.json`);
}

/** Reads an object from a file; `undefined` if there is none, or if it cannot be read. */
export async function cachedJson(
  { readTextFile, clock }: SearchContext,
  path: string | undefined,
): Promise<Record<string, unknown> | undefined> {
  if (!path || !readTextFile) return undefined;
  const file = await readFile({ readTextFile, clock }, path);
  if ("unreadable" in file) return undefined;
  try {
    const value: unknown = JSON.parse(file.text);
    return value instanceof Object ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
