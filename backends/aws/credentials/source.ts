/** The parts that all sources of credentials share. */
import type { Clock, Random } from "../../../src/support/clock.ts";
import { describeError, MelangeError } from "../../../src/support/errors.ts";
import type { Credentials } from "./credentials.ts";
import type { EndpointOptions, Located, Place } from "../api/endpoints.ts";
import type { Environment, ReadTextFile, RunProcess, WriteTextFile } from "../api/environment.ts";

/** The means of a search for credentials. */
export interface SearchContext {
  readonly environment: Environment;
  /** `undefined` where there are no files. */
  readonly readTextFile: ReadTextFile | undefined;
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  readonly random: Random;
  /** The endpoint of STS. */
  readonly endpoints: EndpointOptions;
  /** The endpoint of STS by environment and profile as well. Default: by `endpoints` alone. */
  readonly locate?: ((request: Located) => Promise<Place>) | undefined;
  /** Starts the program of a `credential_process`; without it, none is started. */
  readonly runProcess?: RunProcess | undefined;
  /**
   * Stores a renewed token of a single sign-on. Without the function, a renewed token is used and
   * not stored.
   */
  readonly writeTextFile?: WriteTextFile | undefined;
}

/** The answer of a source: credentials, or the reason why there are none. */
export type Found = { readonly credentials: Credentials } | { readonly none: string };

/** Looks in one place. Throws a `MelangeError` if the place is set up, and does not work. */
export type Search = (context: SearchContext) => Promise<Found>;

/** Reason to skip a place that is a file. */
export const NO_FILES = "this runtime has no files";

/**
 * Makes the error of a place that is set up and does not work. The chain ends there, because the
 * next place may belong to somebody else. `reason` must not quote the content of the place, which
 * may hold secrets.
 */
export function brokenSource(reason: string, options: { retryable?: boolean } = {}): MelangeError {
  return new MelangeError("CONFIGURATION", `Cannot get credentials as ${reason}`, options);
}

/** The text of a file, or the reason why it cannot be read. */
export type FileContent = { readonly text: string } | { readonly unreadable: string };

/** The longest file: longer than any with profiles or with a token. */
const MAX_CHARACTERS = 1_048_576;

/** The longest time for reading a file. A network drive may never answer. */
const FILE_TIMEOUT_MS = 2_000;

/** The reader of files, with the clock of its limit. */
export interface FileReader {
  readonly readTextFile: ReadTextFile;
  readonly clock: Clock;
}

/**
 * Reads a file that may be missing, or closed to us. A file without an answer in time is an error
 * that may pass, because its content is unknown.
 */
export async function readFile(
  { readTextFile, clock }: FileReader,
  path: string,
): Promise<FileContent> {
  try {
    const text = await inTime(clock, FILE_TIMEOUT_MS, async () => `${await readTextFile(path)}`);
    if (text === undefined) throw brokenSource("a file cannot be read in time", RETRYABLE);
    return text.length > MAX_CHARACTERS ? { unreadable: "too long" } : { text };
  } catch (error) {
    if (error instanceof MelangeError) throw error;
    const { code, name } = describeError(error);
    return { unreadable: code ?? name };
  }
}

const RETRYABLE = { retryable: true };

/** Gives the result of some work; `undefined` if the work takes longer. The work itself goes on. */
export function inTime<T>(
  clock: Clock,
  ms: number,
  work: () => Promise<T>,
): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const clear = clock.after(ms, () => resolve(undefined));
    work().then(resolve, reject).finally(clear);
  });
}
