import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { readArguments } from "../../../tasks/mutate/arguments.ts";

const TODAY = new Date("2026-11-28T23:59:59Z");
const read = (...args: string[]) => readArguments(args, TODAY);

describe("readArguments()", () => {
  it("asks for all patches by default, and for those that are named", () => {
    assertEquals(read(), { help: false, patches: [], random: undefined });
    assertEquals(read("one", "two").patches, ["one", "two"]);
  });

  it("takes the day for a seed, and all code", () => {
    assertEquals(read("--random", "30").random, {
      count: 30,
      seed: 20261128,
      folders: ["src", "backends", "cli"],
      jobs: 2,
      json: false,
      fail: false,
    });
  });

  it("takes folders repeated or with commas, however they are written", () => {
    const args = ["--in", "./src/, backends/aws", "--in=cli", "--jobs=1", "--json", "--fail"];
    assertEquals(read("--random=5", "--seed", "7", ...args).random, {
      count: 5,
      seed: 7,
      folders: ["src", "backends/aws", "cli"],
      jobs: 1,
      json: true,
      fail: true,
    });
  });

  it("refuses what is not a number from 1 on", () => {
    for (const text of ["0", "x", "1.5", "1e3", ""]) {
      assertThrows(() => read(`--random=${text}`), TypeError, "--random");
      assertThrows(() => read("--random=1", `--seed=${text}`), TypeError, "--seed");
      assertThrows(() => read("--random=1", `--jobs=${text}`), TypeError, "--jobs");
    }
  });

  it("refuses names and options that it does not know", () => {
    assertThrows(() => read("--random", "5", "src"), TypeError, "src");
    assertThrows(() => read("--rnadom", "5"), TypeError, "rnadom");
  });
});
