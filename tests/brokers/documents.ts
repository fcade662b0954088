/** The tables that the docs take from the tests with brokers. */
import { checks } from "../../backends/conformance/suite.ts";
import { DIFFERENCES } from "./differences.ts";

const DOCS = new URL("../../docs/", import.meta.url);
/** A table stands alone in its page: from its first line to the first line that is none of it. */
const TABLE = /(?:^\|.*\|\n)+/m;

/** The first table of a page, each row with one space around its cells. */
export async function tableIn(page: string): Promise<string> {
  const [table = ""] = TABLE.exec(await Deno.readTextFile(new URL(page, DOCS))) ?? [];
  return plain(table);
}

/** Puts a table in the place of the first one of a page. */
export async function writeTable(page: string, table: string): Promise<void> {
  const url = new URL(page, DOCS);
  const text = await Deno.readTextFile(url);
  await Deno.writeTextFile(url, text.replace(TABLE, () => `${table}\n`));
}

/** A table without the spaces and lines that align it. */
export function plain(table: string): string {
  const cells = (line: string) => line.split("|").slice(1, -1).map((cell) => cell.trim());
  return table.trim().split("\n").map((line) =>
    `| ${cells(line).map((cell) => cell.replace(/^-+$/, "---")).join(" | ")} |`
  ).join("\n");
}

/** The table of what brokers do otherwise than AWS: a row for each check that one of them fails. */
export function differencesTable(): string {
  const brokers = Object.keys(DIFFERENCES);
  const names = checks.map(({ name }) => name).filter((name) =>
    brokers.some((broker) => DIFFERENCES[broker]?.[name])
  );
  const rows = names.map((name) => [
    name,
    ...brokers.map((broker) => DIFFERENCES[broker]?.[name] ?? "passes"),
  ]);
  return [["check", ...brokers], ["---", ...brokers.map(() => "---")], ...rows]
    .map((row) => `| ${row.join(" | ")} |`).join("\n");
}
