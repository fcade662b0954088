import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { complaintsOn, type Docs } from "../../../tasks/static/docs.ts";

const EXAMPLE = { kind: "example", doc: "```ts\nfn();\n```" };
const GROUP = { kind: "category", doc: "Publishing" };
const EXPORTS = { ".": "./mod.ts", "./aws": "./backends/aws/mod.ts" };

type Declaration = Docs["nodes"][string]["symbols"][number]["declarations"][number];

function docs(main: Partial<Declaration>, module: object = { tags: [EXAMPLE] }): Docs {
  const declaration = { kind: "function", declarationKind: "export", ...main };
  return {
    nodes: {
      "file:///x/mod.ts": {
        module_doc: module,
        symbols: [{ name: "fn", declarations: [declaration] }],
      },
      "file:///x/backends/aws/mod.ts": { module_doc: { doc: "Aws.\n\n```ts\n```" }, symbols: [] },
    },
  };
}

describe("complaintsOn()", () => {
  const rows: [what: string, docs: Docs, complaints: string[]][] = [
    ["nothing where all is there", docs({ jsDoc: { tags: [EXAMPLE, GROUP] } }), []],
    [
      "a module without an example",
      docs({ jsDoc: { tags: [EXAMPLE, GROUP] } }, { doc: "It is." }),
      [
        ".: its module doc has no example",
      ],
    ],
    ["a function without one", docs({ jsDoc: { doc: "Does it.", tags: [GROUP] } }), [
      "fn: it has no example",
    ]],
    ["a class without one", docs({ kind: "class", jsDoc: { tags: [GROUP] } }), [
      "fn: it has no example",
    ]],
    [
      "nothing about the example of a type",
      docs({ kind: "interface", jsDoc: { tags: [GROUP] } }),
      [],
    ],
    ["a symbol in no group", docs({ jsDoc: { tags: [EXAMPLE] } }), ["fn: no @category"]],
    ["nothing about what is not exported", docs({ declarationKind: "private" }), []],
  ];
  for (const [what, docs, complaints] of rows) {
    it(`says ${what}`, () => assertEquals(complaintsOn(docs, EXPORTS), complaints));
  }

  it("says which entry point is not documented at all", () => {
    assertEquals(complaintsOn({ nodes: {} }, { ".": "./mod.ts" }), [
      ".: it is not documented at all",
    ]);
  });
});
