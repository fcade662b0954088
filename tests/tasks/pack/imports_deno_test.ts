import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { withEmittedImports, withImports } from "../../../tasks/pack/imports.ts";

const FILES: Record<string, string> = {
  "types/mod.d.ts": `import { A } from "./src/a.ts";\nexport * from "external";\n`,
  "types/src/a.d.ts": `/** import("./not_there.ts") */\nexport type A = import("../b.js").B;\n`,
  "types/b.d.ts": `import type { A } from "./src/a.ts";\nexport type B = string;\n`,
  "types/lonely.d.ts": `export {};\n`,
};
const read = (path: string) => Promise.resolve(FILES[path]);

describe("withImports()", () => {
  it("follows imports of either form, in circles too, and none in comments", async () => {
    assertEquals(await withImports("types", ["./mod.d.ts"], read), [
      "b.d.ts",
      "mod.d.ts",
      "src/a.d.ts",
    ]);
  });

  it("fails for a file that is not there", async () => {
    await assertRejects(() => withImports("types", ["none.d.ts"], read), Error, "none.d.ts");
  });
});

describe("withEmittedImports()", () => {
  it("imports modules instead of sources", () => {
    const types = `import { A } from "./a.ts";\ntype B = import("../b.ts").B;\nimport "c.ts";`;
    assertEquals(
      withEmittedImports(types),
      `import { A } from "./a.js";\ntype B = import("../b.js").B;\nimport "c.ts";`,
    );
  });
});
