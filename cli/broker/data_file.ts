/** The file of `melange broker --data` on the disk: reads it, adds to it, and makes it short again. */
import { Buffer } from "node:buffer";
import * as fs from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import type { EmulatorSnapshot, Operation } from "../../backends/aws/emulator/mod.ts";
import { MelangeError } from "../../src/support/errors.ts";
import { HEADER, lineOf, readRecords, type Stored } from "./records.ts";

/** Once the operations take so many bytes, and more than the snapshot, a new snapshot replaces them. */
const COMPACT_BYTES = 16 * 1_024 * 1_024;

/** Options of {@linkcode openDataFile}. */
export interface DataFileOptions {
  /** The path of the file; it is created if it is missing. */
  readonly path: string;
  /** Whether an operation counts as written only once the disk has it, and not just the system. */
  readonly sync: boolean;
  /** Operations of so many bytes are replaced by a snapshot. Default: 16 MiB. */
  readonly compactBytes?: number | undefined;
  /** Called once, when the file cannot be written any more. */
  readonly onFailure: (error: Error) => void;
}

/** A file that is open. */
export interface DataFile extends Pick<Stored, "records" | "torn"> {
  /**
   * Adds an operation. Resolves when it is written, and never if that fails: nobody may be told of
   * what is not kept. `snapshot` gives all that there is, this operation included.
   */
  append(operation: Operation, snapshot: () => EmulatorSnapshot): Promise<void>;
  /** Closes the file when all is written. */
  close(): Promise<void>;
}

interface Waiting {
  readonly json: string;
  readonly snapshot: () => EmulatorSnapshot;
  readonly done: () => void;
}

const write = promisify(fs.write) as (
  fd: number,
  bytes: Uint8Array,
  offset: number,
  length: number,
) => Promise<number | { bytesWritten: number }>;
const datasync = promisify(fs.fdatasync);

/**
 * Opens the file, and cuts a last record that was not written to its end.
 * @throws {MelangeError} `CONFIGURATION` if it cannot be read or written, or is damaged
 */
export function openDataFile(options: DataFileOptions): DataFile {
  const { sync, compactBytes = COMPACT_BYTES, onFailure } = options;
  const { path, fd: opened, stored } = prepare(options.path);
  let fd = opened;
  let { chain, length } = stored;
  let inode = fs.fstatSync(fd).ino;
  let snapshotBytes = stored.records.some((record) => "snapshot" in record) ? length : 0;
  let waiting: Waiting[] = [];
  let failed = false;
  let flushing: Promise<void> | undefined;

  async function flush(): Promise<void> {
    try {
      // What is done in the same turn is written at once.
      await undefined;
      while (waiting.length > 0) {
        const batch = waiting;
        waiting = [];
        const grown = length - snapshotBytes;
        if (grown <= Math.max(compactBytes, snapshotBytes)) await add(batch);
        // Nothing has happened since the batch was taken: the last snapshot of it is of now.
        else await compact(batch.at(-1)!.snapshot());
        for (const { done } of batch) done();
      }
    } catch (error) {
      failed = true;
      onFailure(unwritable(options.path, error));
    } finally {
      flushing = undefined;
    }
  }

  async function add(batch: readonly Waiting[]): Promise<void> {
    checkAlone();
    const lines = batch.map(({ json }) => {
      const line = lineOf(json, chain);
      chain = line.chain;
      return line.text;
    });
    length += await writeAll(fd, lines.join(""));
    if (sync) await datasync(fd);
  }

  async function compact(snapshot: EmulatorSnapshot): Promise<void> {
    checkAlone();
    const beside = `${path}.new`;
    const line = lineOf(JSON.stringify({ snapshot }), HEADER.chain);
    const next = fs.openSync(beside, "w");
    const bytes = await writeAll(next, HEADER.text + line.text);
    await datasync(next);
    fs.closeSync(fd);
    fd = next;
    fs.renameSync(beside, path);
    syncFolder(path);
    inode = fs.fstatSync(fd).ino;
    chain = line.chain;
    length = snapshotBytes = bytes;
  }

  /** Two who write to one file would destroy it. */
  function checkAlone(): void {
    const { size, ino } = fs.statSync(path);
    if (size !== length || ino !== inode) throw new Error("something else has changed it");
  }

  return {
    records: stored.records,
    torn: stored.torn,
    append(operation, snapshot) {
      return new Promise((done) => {
        if (failed) return;
        waiting.push({ json: JSON.stringify({ operation }), snapshot, done });
        flushing ??= flush();
      });
    },
    async close() {
      await flushing;
      // What time brings after this comes again at the next start.
      failed = true;
      fs.closeSync(fd);
    },
  };
}

/** Opens the file for writing at its end, created or cut. */
function prepare(given: string): { path: string; fd: number; stored: Stored } {
  try {
    const isNew = !fs.existsSync(given);
    if (isNew) fs.closeSync(fs.openSync(given, "a"));
    const path = fs.realpathSync(given);
    const stored = readRecords(fs.readFileSync(path), given);
    if (stored.torn > 0) fs.truncateSync(path, stored.length);
    const fd = fs.openSync(path, "a");
    if (stored.length > 0) return { path, fd, stored };
    fs.writeSync(fd, HEADER.text);
    fs.fdatasyncSync(fd);
    syncFolder(path);
    const length = Buffer.byteLength(HEADER.text);
    return { path, fd, stored: { ...stored, chain: HEADER.chain, length } };
  } catch (cause) {
    if (cause instanceof MelangeError) throw cause;
    const message = `Cannot use the file ${given}: name a file to read and write with --data`;
    throw new MelangeError("CONFIGURATION", message, { cause });
  }
}

/** A file's name is safe only once its folder is. Systems that sync no folders need it not. */
function syncFolder(path: string): void {
  let folder: number | undefined;
  try {
    folder = fs.openSync(dirname(path), "r");
    fs.fsyncSync(folder);
  } catch {
    // Windows opens no folders.
  } finally {
    if (folder !== undefined) fs.closeSync(folder);
  }
}

async function writeAll(fd: number, text: string): Promise<number> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) {
    const written = await write(fd, bytes, at, bytes.length - at);
    at += typeof written === "number" ? written : written.bytesWritten;
  }
  return bytes.length;
}

function unwritable(path: string, cause: unknown): MelangeError {
  const message =
    `Cannot write to ${path} any more, so nothing is answered any more: what was answered is in it; free its disk, see that no other broker uses it, and start again`;
  return new MelangeError("CONFIGURATION", message, { cause });
}
