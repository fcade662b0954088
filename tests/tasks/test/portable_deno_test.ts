import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { COLUMNS } from "../../../tasks/test/matrix.ts";
import { RUNTIMES, runtimesNamed } from "../../../tasks/test/portable.ts";

describe("the runtimes of the portable tests", () => {
  it("are those of the table, beside Deno", () => {
    assertEquals(["Deno", ...Object.keys(RUNTIMES)], COLUMNS);
  });

  it("are all unless some are named, in whatever case, by how their names begin", () => {
    assertEquals(runtimesNamed([]), Object.keys(RUNTIMES));
    assertEquals(runtimesNamed(["bun", "node.js 2"]), [
      "Bun",
      ...["20", "22", "24"].map((line) => `Node.js ${line}`),
    ]);
    assertThrows(() => runtimesNamed(["rhino"]), TypeError, "rhino");
  });
});
