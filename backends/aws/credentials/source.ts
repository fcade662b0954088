/** What the places have in common where credentials may be. */
import type { Clock, Random } from "../../../src/clock.ts";
import { describeError, MelangeError } from "../../../src/errors.ts";
import type { Credentials } from "../credentials.ts";
import type { EndpointOptions } from "../endpoints.ts";
import type { Environment, ReadTextFile } from "../environment.ts";

/** What they need to be looked for. */
export interface SearchContext {
  readonly environment: Environment;
  /** `undefined` where there are no files. */
  readonly readTextFile: ReadTextFile | undefined;
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  readonly random: Random;
  /** Where STS is. */
  readonly endpoints: EndpointOptions;
}

/** What a place had: credentials, or none and why. */
export type Found = { readonly credentials: Credentials } | { readonly none: string };

/** Looks in one place. Throws a `MelangeError` if it is set up, and does not work. */
export type Search = (context: SearchContext) => Promise<Found>;

/** Why a place is skipped that is a file. */
export const NO_FILES = "this runtime has no files";

/**
 * The error of a place that is set up and does not work. The chain ends there: the next place may
 * be somebody else's. `reason` must not quote what was read, as secrets may be in it.
 */
export function brokenSource(reason: string, options: { retryable?: boolean } = {}): MelangeError {
  return new MelangeError("CONFIGURATION", `Cannot get credentials as ${reason}`, options);
}

/** What a file said, or why it cannot be read. */
export type FileContent = { readonly text: string } | { readonly unreadable: string };

/** Longer than any file with profiles or with a token. */
const MAX_CHARACTERS = 1_048_576;

/** Reads a file that may be missing, or closed to us. */
export async function readFile(read: ReadTextFile, path: string): Promise<FileContent> {
  try {
    const text = await read(path);
    return text.length > MAX_CHARACTERS ? { unreadable: "too long" } : { text };
  } catch (error) {
    const { code, name } = describeError(error);
    return { unreadable: code ?? name };
  }
}
