import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { checks } from "../../../backends/conformance/suite.ts";

/** The rows of the table of checks: what switches a check, and its name. */
function expectedRows(): string[] {
  const rows = checks.map(({ name, needs = [], without }) => ({
    name,
    switchedBy: without ? `not ${without}` : needs.join(", ") || "always",
  }));
  const order = [...new Set(rows.map(({ switchedBy }) => switchedBy))].sort();
  order.unshift(...order.splice(order.indexOf("always"), 1));
  return order.flatMap((group) =>
    rows.filter(({ switchedBy }) => switchedBy === group)
      .map(({ name }) => `| ${group} | ${name} |`)
  );
}

describe("docs/backends.md", () => {
  it("lists each check beside the guarantees that switch it", async () => {
    const page = await Deno.readTextFile(new URL("../../../docs/backends.md", import.meta.url));
    const table = page.slice(page.indexOf("docs_deno_test.ts"));
    const rows = table.split("\n").filter((line) => line.startsWith("|")).slice(2);
    const found = rows.map((row) => row.replace(/\s+/g, " ").trim());
    assertEquals(found, expectedRows(), `Expected rows:\n${expectedRows().join("\n")}`);
  });
});
