/**
 * The form of the file of `melange broker --data`: a line for the version, perhaps a snapshot, then
 * the later operations. A line is a checksum, a space and JSON. Each checksum goes on from the
 * previous checksum, so that a changed, missing or moved line is found.
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type { EmulatorSnapshot, Operation } from "../../backends/aws/emulator/mod.ts";
import { MelangeError } from "../../src/support/errors.ts";

/** A record of the file. */
export type StoredRecord =
  | { readonly snapshot: EmulatorSnapshot }
  | { readonly operation: Operation };

/** The content of a file. */
export interface Stored {
  readonly records: readonly StoredRecord[];
  /** The checksum of the last line: the next one goes on from here. */
  readonly chain: string;
  /** The length of the whole lines, in bytes. */
  readonly length: number;
  /** The length of the rest, a record that was not written to its end, in bytes. */
  readonly torn: number;
}

/** A written line, with its checksum. */
export interface Line {
  readonly text: string;
  readonly chain: string;
}

const NEWLINE = 10;
/** So many letters of the hash tell lines apart. */
const CHAIN = 16;
const SPACE = 1;

/** The first line of every file. */
export const HEADER: Line = lineOf(JSON.stringify({ format: "melange broker", version: 1 }), "");

/** Returns the line of a text of JSON that follows the line with this checksum. */
export function lineOf(json: string, before: string): Line {
  const chain = chainOf(json, before);
  return { text: `${chain} ${json}\n`, chain };
}

function chainOf(json: string | Uint8Array, before: string): string {
  return createHash("sha256").update(before).update(json).digest("hex").slice(0, CHAIN);
}

/**
 * Reads a file.
 * @throws {MelangeError} `CONFIGURATION` if a line is damaged, or the file is of another kind
 */
export function readRecords(bytes: Uint8Array, path: string): Stored {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  checkHeader(buffer, path);
  const records: StoredRecord[] = [];
  let chain = "";
  let start = 0;
  for (let line = 1;; line++) {
    const end = buffer.indexOf(NEWLINE, start);
    if (end < 0) break;
    const place = { path, line, byte: start };
    const { json, checksum } = checked(buffer.subarray(start, end), chain, place);
    if (line > 1) records.push(recordOf(json, place));
    chain = checksum;
    start = end + 1;
  }
  return { records, chain, length: start, torn: buffer.length - start };
}

interface Place {
  readonly path: string;
  readonly line: number;
  readonly byte: number;
}

/** Checks the header. A foreign file must not be taken for a file of ours that was cut. */
function checkHeader(buffer: Buffer, path: string): void {
  const header = Buffer.from(HEADER.text);
  const length = Math.min(header.length, buffer.length);
  if (buffer.subarray(0, length).equals(header.subarray(0, length))) return;
  throw new MelangeError(
    "CONFIGURATION",
    `Cannot use ${path} as its first line is not that of a file of melange broker (version 1): name another file with --data`,
  );
}

function checked(line: Buffer, before: string, place: Place) {
  const checksum = line.subarray(0, CHAIN).toString("latin1");
  const json = line.subarray(CHAIN + SPACE);
  if (line[CHAIN] !== 0x20 || chainOf(json, before) !== checksum) {
    throw damaged(place, "its checksum is wrong");
  }
  return { json: json.toString("utf8"), checksum };
}

function recordOf(json: string, place: Place): StoredRecord {
  const value = JSON.parse(json);
  if (value?.operation || (value?.snapshot && place.line === 2)) return value;
  throw damaged(place, "it is neither an operation nor a snapshot at the beginning");
}

function damaged({ path, line, byte }: Place, why: string): MelangeError {
  return new MelangeError(
    "CONFIGURATION",
    `Cannot use ${path} as line ${line} of it, at byte ${byte}, is damaged (${why}): restore the file from a copy, or cut it to its first ${byte} bytes, which loses what follows`,
  );
}
