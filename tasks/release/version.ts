/** The version and the name of the package, in all files that say them. */
import { isDated, notesOf, withRelease } from "./changelog.ts";

/** The files that hold a version. */
export interface VersionFiles {
  /** The text of deno.json, which everything else goes by. */
  readonly config: string;
  /** The text of cli/package.ts, for programs that cannot read deno.json. */
  readonly constants: string;
  readonly changelog: string;
}

/** A version as semver.org has it, without build metadata. */
const VERSION = /^(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?$/;

/**
 * Returns the files with another version and a dated section of the changelog.
 * @throws {TypeError} if it is no version, or lower than the one before, or there is nothing to say of it
 */
export function withVersion(files: VersionFiles, version: string, date: string): VersionFiles {
  const before = versionIn(files.config);
  if (!VERSION.test(version)) {
    throw new TypeError(`Cannot release ${version} as it is no version: write it as in 1.2.3`);
  }
  if (isLower(version, before)) {
    throw new TypeError(
      `Cannot release ${version} as it is lower than ${before}: take a higher one`,
    );
  }
  return {
    config: files.config.replace(/("version": )"[^"]*"/, `$1"${version}"`),
    constants: files.constants.replace(/(VERSION = )"[^"]*"/, `$1"${version}"`),
    changelog: withRelease(files.changelog, version, date),
  };
}

/** Returns a line for each thing in which the files do not fit the tag of a release. */
export function complaintsOn(
  { config, constants, changelog }: VersionFiles,
  tag: string,
): string[] {
  const version = tag.replace(/^v/, "");
  const complaints: string[] = [];
  const is = (where: string, found: string) => {
    if (found !== version) complaints.push(`${where} says ${found}, the tag says ${version}`);
  };
  is("deno.json", versionIn(config));
  is("cli/package.ts", /VERSION = "([^"]*)"/.exec(constants)?.[1] ?? "nothing");
  try {
    notesOf(changelog, version);
  } catch (error) {
    complaints.push(error instanceof Error ? error.message : String(error));
  }
  if (!isDated(changelog, version)) complaints.push(`CHANGELOG.md has no date for ${version}`);
  return complaints;
}

/** Returns a text in which the package has another name. What marks errors of all copies stays. */
export function renamed(text: string, from: string, to: string): string {
  return text.replaceAll(
    from,
    (name, at: number) => text.slice(0, at).endsWith('Symbol.for("') ? name : to,
  );
}

function versionIn(config: string): string {
  return String(JSON.parse(config).version);
}

/** A version with a part after a dash comes before the same one without. */
function isLower(a: string, b: string): boolean {
  const [left, right] = [partsOf(a), partsOf(b)];
  const at = left.numbers.findIndex((number, index) => number !== right.numbers[index]);
  if (at >= 0) return (left.numbers[at] ?? 0) < (right.numbers[at] ?? 0);
  if (left.pre === undefined || right.pre === undefined) {
    return left.pre !== undefined && right.pre === undefined;
  }
  return left.pre.localeCompare(right.pre, "en", { numeric: true }) < 0;
}

function partsOf(version: string): { numbers: number[]; pre: string | undefined } {
  const [, major, minor, patch, pre] = VERSION.exec(version) ?? [];
  return { numbers: [major, minor, patch].map(Number), pre };
}
