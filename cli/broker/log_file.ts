/**
 * A file with additions at the end, or a replacement as a whole, so that a crash leaves no half of
 * a text.
 */
import { Buffer } from "node:buffer";
import * as fs from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";

/** A file that is open. */
export interface LogFile {
  /** The length of the file, in bytes. */
  readonly length: number;
  /** Writes a text at the end of the file, with `sync` to the disk. */
  add(text: string, options: { sync: boolean }): Promise<void>;
  /**
   * Replaces the content of the file by a text. After a crash the file holds either the old or the
   * new content.
   */
  replace(text: string): Promise<void>;
  /** Closes the file. */
  close(): void;
}

const write = promisify(fs.write) as (
  fd: number,
  bytes: Uint8Array,
  offset: number,
  length: number,
) => Promise<number | { bytesWritten: number }>;
const datasync = promisify(fs.fdatasync);

/** Opens a file, of which the caller has read so many bytes; later bytes are cut. */
export function openLogFile(path: string, read: number): LogFile {
  let fd = fs.openSync(path, "a");
  if (fs.fstatSync(fd).size > read) fs.truncateSync(path, read);
  let length = read;
  let inode = fs.fstatSync(fd).ino;

  /**
   * Checks that no other program writes to the file, because two writers would destroy the file.
   */
  function checkAlone(): void {
    const { size, ino } = fs.statSync(path);
    if (size !== length || ino !== inode) throw new Error("something else has changed it");
  }

  return {
    get length() {
      return length;
    },
    async add(text, { sync }) {
      checkAlone();
      length += await writeAll(fd, text);
      if (sync) await datasync(fd);
    },
    async replace(text) {
      checkAlone();
      const beside = `${path}.new`;
      const next = fs.openSync(beside, "w");
      const bytes = await writeAll(next, text);
      await datasync(next);
      fs.closeSync(fd);
      fd = next;
      fs.renameSync(beside, path);
      syncFolder(path);
      inode = fs.fstatSync(fd).ino;
      length = bytes;
    },
    close: () => fs.closeSync(fd),
  };
}

/**
 * Makes the name of a file as safe as its content. Systems without syncing of folders need no call.
 */
export function syncFolder(path: string): void {
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
