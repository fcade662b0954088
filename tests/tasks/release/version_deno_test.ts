import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { isDated, notesOf, withRelease } from "../../../tasks/release/changelog.ts";
import { DESCRIPTION } from "../../../tasks/release/jsr.ts";
import { complaintsOn, renamed, withVersion } from "../../../tasks/release/version.ts";

const CHANGELOG = `# Changelog

Newest first.

## 0.2.0, not yet released

- New: a thing.

## 0.1.0, 2026-11-01

- The first.
`;
const FILES = {
  config: '{\n  "name": "@a/b",\n  "version": "0.1.0",\n  "imports": { "x": "npm:x@1" }\n}\n',
  constants: 'export const NAME = "@a/b";\nexport const VERSION = "0.1.0";\n',
  changelog: CHANGELOG,
};

describe("withVersion()", () => {
  it("sets the version where it stands, dates its section, and changes nothing else", () => {
    const files = withVersion(FILES, "0.2.0", "2026-11-28");
    assertEquals(files, {
      config: FILES.config.replace("0.1.0", "0.2.0"),
      constants: FILES.constants.replace("0.1.0", "0.2.0"),
      changelog: CHANGELOG.replace("not yet released", "2026-11-28"),
    });
    assertEquals(complaintsOn(files, "v0.2.0"), []);
  });

  it("takes another number than the one that was foreseen", () => {
    const { changelog } = withVersion(FILES, "1.0.0", "2026-11-28");
    assertEquals(notesOf(changelog, "1.0.0"), "- New: a thing.");
  });

  const higher = ["0.1.0", "0.1.1", "0.10.0", "1.0.0-rc.1"];
  for (const version of higher) {
    it(`goes from 0.1.0 to ${version}`, () => {
      assertEquals(withVersion(FILES, version, "2026-11-28").constants.includes(version), true);
    });
  }

  const refused: [version: string, hint: string][] = [
    ["v0.2.0", "write it as in 1.2.3"],
    ["0.2", "write it as in 1.2.3"],
    ["0.2.0-", "write it as in 1.2.3"],
    ["0.0.9", "lower than 0.1.0"],
    ["0.1.0-rc.1", "lower than 0.1.0"],
  ];
  for (const [version, hint] of refused) {
    it(`refuses ${version}`, () => {
      assertThrows(() => withVersion(FILES, version, "2026-11-28"), TypeError, hint);
    });
  }

  it("compares the numbers of candidates as numbers", () => {
    const candidate = { ...FILES, config: FILES.config.replace("0.1.0", "1.0.0-rc.9") };
    assertEquals(
      withVersion(candidate, "1.0.0-rc.10", "2026-11-28").config.includes("rc.10"),
      true,
    );
    assertThrows(() => withVersion(candidate, "1.0.0-rc.8", "2026-11-28"), TypeError, "lower");
  });

  it("refuses where nothing is to be released, or nothing is said of it", () => {
    const released = { ...FILES, changelog: CHANGELOG.replace("not yet released", "2026-11-02") };
    assertThrows(() => withVersion(released, "0.3.0", "2026-11-28"), TypeError, "0.3.0, not yet");
    const silent = { ...FILES, changelog: CHANGELOG.replace("- New: a thing.", "") };
    assertThrows(() => withVersion(silent, "0.2.0", "2026-11-28"), TypeError, "add a line");
  });
});

describe("complaintsOn()", () => {
  it("names all that does not fit the tag", () => {
    assertEquals(complaintsOn(FILES, "v0.2.0"), [
      "deno.json says 0.1.0, the tag says 0.2.0",
      "cli/package.ts says 0.1.0, the tag says 0.2.0",
      "CHANGELOG.md has no date for 0.2.0",
    ]);
    assertEquals(complaintsOn(FILES, "v0.1.0"), []);
    assertEquals(
      complaintsOn(FILES, "v9.9.9")[2],
      'Cannot find 9.9.9 in CHANGELOG.md: add "## 9.9.9"',
    );
  });
});

describe("the changelog", () => {
  it("tells the notes of a version, and whether it has a date", () => {
    assertEquals(notesOf(CHANGELOG, "0.1.0"), "- The first.");
    assertEquals([isDated(CHANGELOG, "0.1.0"), isDated(CHANGELOG, "0.2.0")], [true, false]);
    assertEquals(isDated(withRelease(CHANGELOG, "0.2.0", "2026-11-28"), "0.2.0"), true);
  });
});

describe("renamed()", () => {
  it("changes the name everywhere but in what marks the errors of all copies", () => {
    const text = 'import "@a/b/aws"; const A = Symbol.for("@a/b/DeadLetter"); // jsr:@a/b';
    assertEquals(
      renamed(text, "@a/b", "@c/d"),
      'import "@c/d/aws"; const A = Symbol.for("@a/b/DeadLetter"); // jsr:@c/d',
    );
  });
});

describe("the description for JSR", () => {
  it("is not longer than JSR takes", () => assertEquals(DESCRIPTION.length <= 250, true));
});
