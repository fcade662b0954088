/** The file of `melange broker --data`: reads its records, and adds operations. */
import { closeSync, openSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import type { EmulatorSnapshot, Operation } from "../../backends/aws/emulator/mod.ts";
import { MelangeError } from "../../src/support/errors.ts";
import { type LogFile, openLogFile, syncFolder } from "./log_file.ts";
import { HEADER, lineOf, readRecords, type Stored } from "./records.ts";

/** Once the operations take so many bytes, and more than the snapshot, a new snapshot replaces them. */
const COMPACT_BYTES = 16 * 1_024 * 1_024;

/** Options of {@linkcode openDataFile}. */
export interface DataFileOptions {
  /** The path of the file; created if missing. */
  readonly path: string;
  /** The mark of a file whose operations count as written only once the disk has them. */
  readonly sync: boolean;
  /** Operations of so many bytes are replaced by a snapshot. Default: 16 MiB. */
  readonly compactBytes?: number | undefined;
  /** Called once, when the file cannot be written any more. */
  readonly onFailure: (error: Error) => void;
}

/** A file that is open. */
export interface DataFile extends Pick<Stored, "records" | "torn"> {
  /**
   * Adds an operation. Resolves after the write, and never if the write fails, because nobody may
   * be told of an operation that is not kept. `snapshot` returns everything, this operation
   * included.
   */
  append(operation: Operation, snapshot: () => EmulatorSnapshot): Promise<void>;
  /** Closes the file when all is written; later operations are not kept. */
  close(): Promise<void>;
}

interface Waiting {
  readonly json: string;
  readonly snapshot: () => EmulatorSnapshot;
  readonly done: () => void;
}

/**
 * Opens the file, and cuts a last record that was not written to the end.
 * @throws {MelangeError} `CONFIGURATION` if the file cannot be read or written, or is damaged
 */
export function openDataFile(options: DataFileOptions): DataFile {
  const { stored, file } = opened(options.path);
  const keep = keeper(file, stored, options);
  let waiting: Waiting[] = [];
  let ended = false;
  let flushing: Promise<void> | undefined;

  async function flush(): Promise<void> {
    try {
      // What is done in the same turn is written at once.
      await undefined;
      while (waiting.length > 0) {
        const batch = waiting;
        waiting = [];
        await keep(batch);
        for (const { done } of batch) done();
      }
    } catch (error) {
      ended = true;
      options.onFailure(unwritable(options.path, error));
    } finally {
      flushing = undefined;
    }
  }

  return {
    records: stored.records,
    torn: stored.torn,
    append(operation, snapshot) {
      return new Promise((done) => {
        if (ended) return;
        waiting.push({ json: JSON.stringify({ operation }), snapshot, done });
        flushing ??= flush();
      });
    },
    async close() {
      await flushing;
      // What time brings after this comes again at the next start.
      ended = true;
      file.close();
    },
  };
}

/** Returns a function that writes operations: each as a line, or a snapshot in the place of all. */
function keeper(file: LogFile, stored: Stored, options: DataFileOptions) {
  const { sync, compactBytes = COMPACT_BYTES } = options;
  const startsWithSnapshot = stored.records.some((record) => "snapshot" in record);
  let snapshotBytes = startsWithSnapshot ? stored.length : 0;
  let { chain } = stored;

  function next(json: string): string {
    const line = lineOf(json, chain);
    chain = line.chain;
    return line.text;
  }

  return async (batch: readonly Waiting[]): Promise<void> => {
    const grown = file.length - snapshotBytes;
    if (grown <= Math.max(compactBytes, snapshotBytes)) {
      return await file.add(batch.map(({ json }) => next(json)).join(""), { sync });
    }
    // Nothing has happened since the batch was taken: a snapshot of now holds it, and no more.
    const snapshot = batch.at(-1)?.snapshot();
    chain = HEADER.chain;
    await file.replace(HEADER.text + next(JSON.stringify({ snapshot })));
    snapshotBytes = file.length;
  };
}

/** Opens the file for writing behind the last whole line. A new file gets the first line. */
function opened(given: string): { stored: Stored; file: LogFile } {
  try {
    closeSync(openSync(given, "a"));
    const path = realpathSync(given);
    const stored = readRecords(readFileSync(path), given);
    if (stored.length > 0) return { stored, file: openLogFile(path, stored.length) };
    return begun(path, stored);
  } catch (cause) {
    if (cause instanceof MelangeError) throw cause;
    const message = `Cannot use the file ${given}: name a file to read and write with --data`;
    throw new MelangeError("CONFIGURATION", message, { cause });
  }
}

function begun(path: string, stored: Stored): { stored: Stored; file: LogFile } {
  writeFileSync(path, HEADER.text);
  syncFolder(path);
  const length = HEADER.text.length;
  return {
    stored: { ...stored, chain: HEADER.chain, length },
    file: openLogFile(path, length),
  };
}

function unwritable(path: string, cause: unknown): MelangeError {
  const message =
    `Cannot write to ${path} any more, so nothing is answered any more: what was answered is in it; free its disk, see that no other broker uses it, and start again`;
  return new MelangeError("CONFIGURATION", message, { cause });
}
