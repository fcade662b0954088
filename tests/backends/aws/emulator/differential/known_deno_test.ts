import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { KNOWN, knownAs, table } from "./known.ts";
import { sequence } from "./sequences.ts";

const PAGE = new URL("../../../../../docs/emulator_differences.md", import.meta.url);

/** The cells of the rows of a table, without the spaces that align them. */
function cellsOf(markdown: string): string[][] {
  return markdown.split("\n").filter((line) => /^\| [^-]/.test(line))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
}

describe("docs/emulator_differences.md", () => {
  it("has the table of the known differences", async () => {
    assertEquals(cellsOf(await Deno.readTextFile(PAGE)), cellsOf(table()));
  });

  it("names a source wherever it says who is right", () => {
    const bare = KNOWN.filter(({ right, source }) => right !== "open" && source === undefined);
    assertEquals(bare, []);
  });
});

describe("knownAs()", () => {
  it("knows a difference by its broker and its signature", () => {
    const signature = "SendMessage: done here, 400 InvalidMessageContents there";
    assertEquals(knownAs("fauxqs", signature)?.right, "emulator");
    assertEquals(knownAs("moto", signature), undefined);
    assertEquals(knownAs("fauxqs", "SendMessage: done here, 400 Nonsense there"), undefined);
  });
});

describe("sequence()", () => {
  it("is made by its seed", () => {
    assertEquals(sequence(7, ["sqs", "sns"]), sequence(7, ["sqs", "sns"]));
    const actions = new Set(
      Array.from({ length: 200 }, (_, seed) => sequence(seed, ["sqs", "sns"])).flat()
        .map(({ action }) => action),
    );
    assertEquals(actions.size > 35, true, `${actions.size} actions`);
    assertEquals(sequence(7, ["sqs"]).every(({ service }) => service === "sqs"), true);
  });
});
