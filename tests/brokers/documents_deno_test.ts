import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { checks } from "../../backends/conformance/suite.ts";
import { BROKERS } from "./brokers.ts";
import { DIFFERENCES } from "./differences.ts";
import { differencesTable, plain, tableIn } from "./documents.ts";
import { type Cell, cellsIn, tableOf } from "./interoperability.ts";
import { READERS, ROUTES, WRITERS } from "./peers.ts";

const ALL = { writers: WRITERS, readers: READERS, routes: ROUTES };

describe("docs/brokers.md", () => {
  it("has the differences that the tests check", async () => {
    assertEquals(await tableIn("brokers.md"), differencesTable());
  });

  it("names brokers and checks that there are", () => {
    const brokers = BROKERS.map(({ name }) => name);
    const known = new Set(checks.map(({ name }) => name));
    for (const [broker, differences] of Object.entries(DIFFERENCES)) {
      assertEquals([brokers.includes(broker), broker], [true, broker]);
      assertEquals(Object.keys(differences).filter((name) => !known.has(name)), []);
    }
  });
});

describe("docs/interoperability.md", () => {
  it("has a cell for every writer and reader, and none that was not run", async () => {
    const cells = cellsIn(await tableIn("interoperability.md"), ROUTES);
    const names = (all: readonly { name: string }[]) => all.map(({ name }) => name);
    assertEquals([...new Set(cells.map(({ writer }) => writer))], names(WRITERS));
    assertEquals([...new Set(cells.map(({ reader }) => reader))], names(READERS));
    assertEquals((await tableIn("interoperability.md")).includes("not run"), false);
  });

  it("says that Melange reads everything on every way that there is", async () => {
    const cells = cellsIn(await tableIn("interoperability.md"), ROUTES);
    for (const { name, routes } of WRITERS) {
      for (const reader of ["Melange, raw", "Melange, envelope"]) {
        const cell = cells.find((cell) => cell.writer === name && cell.reader === reader);
        assertEquals(cell?.routes, routes, `${name} -> ${reader}`);
      }
    }
  });
});

describe("tableOf()", () => {
  it("writes what cellsIn() reads, and shows a cell that was not run", () => {
    const cells: Cell[] = WRITERS.flatMap(({ name }, row) =>
      READERS.map(({ name: reader }, column) => ({
        writer: name,
        reader,
        routes: ROUTES.slice(0, (row + column) % (ROUTES.length + 1)),
      }))
    );
    assertEquals(cellsIn(tableOf(cells, ALL), ROUTES), cells);
    const [, ...others] = cells;
    const lines = tableOf(others, ALL).split("\n");
    assertEquals(lines.filter((line) => line.includes("not run")).length, 1);
    assertEquals(plain(tableOf(cells, ALL)), tableOf(cells, ALL));
  });
});
