/** CHANGELOG.md, as a release reads and writes it. */

/** The words that follow a version which is being worked on. */
const UNRELEASED = "not yet released";

/**
 * Returns the notes of a version: the text below its heading, without the heading.
 * @throws {TypeError} if the version has no heading, or nothing is said of it
 */
export function notesOf(changelog: string, version: string): string {
  const section = sectionsIn(changelog).find((section) => section.version === version);
  if (!section) throw new TypeError(`Cannot find ${version} in CHANGELOG.md: add "## ${version}"`);
  if (section.text !== "") return section.text;
  throw new TypeError(`Cannot release ${version} as CHANGELOG.md says nothing of it: add a line`);
}

/** Tells whether the heading of a version has a date. */
export function isDated(changelog: string, version: string): boolean {
  return sectionsIn(changelog).some((it) =>
    it.version === version && /^\d{4}-\d{2}-\d{2}$/.test(it.state)
  );
}

/**
 * Returns the changelog in which the version that was worked on has a number and a date.
 * @throws {TypeError} if no version is being worked on, or nothing is said of it
 */
export function withRelease(changelog: string, version: string, date: string): string {
  const open = sectionsIn(changelog).find(({ state }) => state === UNRELEASED);
  if (!open) {
    throw new TypeError(
      `Cannot release ${version} as CHANGELOG.md has no version that is ${UNRELEASED}: add "## ${version}, ${UNRELEASED}"`,
    );
  }
  notesOf(changelog, open.version);
  return changelog.replace(`## ${open.version}, ${UNRELEASED}`, `## ${version}, ${date}`);
}

interface Section {
  readonly version: string;
  /** A date, or the words for none. */
  readonly state: string;
  readonly text: string;
}

function sectionsIn(changelog: string): Section[] {
  return changelog.split(/^## /m).slice(1).map((part) => {
    const [heading = "", ...lines] = part.split("\n");
    const [version = "", state = ""] = heading.split(", ");
    return { version: version.trim(), state: state.trim(), text: lines.join("\n").trim() };
  });
}
