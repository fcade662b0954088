import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { parseIni } from "../../../../backends/aws/credentials/ini.ts";

const read = (text: string) =>
  [...parseIni(text)].map(([name, section]) => [name, Object.fromEntries(section)]);

describe("parseIni()", () => {
  const cases: [what: string, text: string, expected: unknown][] = [
    ["nothing", "", []],
    ["a setting", "[a]\nkey = value", [["a", { key: "value" }]]],
    ["Windows lines and a byte order mark", "\uFEFF[a]\r\nkey=value\r\n", [["a", {
      key: "value",
    }]]],
    ["spaces around everything", " [ profile a ] \n  Key\t=  v w  ", [[
      "profile a",
      { key: "v w" },
    ]]],
    ["comments", "# [x]\n; [y]\n[a] ; why\nkey = v#1 # more\nother = w;2 ;", [[
      "a",
      { key: "v#1", other: "w;2" },
    ]]],
    ["an equals sign in a value", "[a]\nkey = a=b==", [["a", { key: "a=b==" }]]],
    ["settings within a setting", "[a]\ns3 =\n  region = x\n\tmore = y\nregion = z", [[
      "a",
      { region: "z" },
    ]]],
    [
      "settings within a setting, with comments and empty lines between",
      "[a]\ns3 =\n# why\n\n  ; more\n  more = x\nregion = z",
      [["a", { region: "z" }]],
    ],
    ["a section twice", "[a]\nx = 1\ny = 2\n[b]\n[a]\nx = 3", [["a", { x: "3", y: "2" }], [
      "b",
      {},
    ]]],
    ["settings before any section", "key = value\n[a]", [["a", {}]]],
    ["lines that are nothing", "[a]\nkey\n= value\nkey =\n]\n[\n[a\nb]", [["a", {}]]],
    ["names of prototypes", "[__proto__]\n__proto__ = x\n[a]\nconstructor = y", [
      ["__proto__", Object.fromEntries([["__proto__", "x"]])],
      ["a", Object.fromEntries([["constructor", "y"]])],
    ]],
  ];
  for (const [what, text, expected] of cases) {
    it(`reads ${what}`, () => assertEquals(read(text), expected));
  }

  it("reads garbage of any length in little time", () => {
    const startedAt = performance.now();
    for (const piece of ["[", "]", "=", " ", "#", " #", "\t;", "[a", "\u0000", "a=", "\n["]) {
      parseIni(`[a]\n${piece.repeat(200_000)}`);
    }
    assert(performance.now() - startedAt < 2_000);
  });
});
