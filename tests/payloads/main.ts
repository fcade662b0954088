/**
 * Publishes and reads bodies of four sizes, with every combination of codecs, by this library and by
 * the Amazon SQS Extended Client for Java: each writes what the other reads. S3 is moto, SQS the
 * emulator. Installs moto from PyPI, the client from Maven Central, and a JDK and Maven from Debian
 * where they are missing. Prints the table of docs/payloads.md; fails if a body is not the same.
 */
import { fillTable, type Row } from "./table.ts";

const rows = await fillTable((what) => console.error(what));
const sizes = Object.keys(rows[0]?.sizes ?? {});
const lineOf = ({ writer, reader, codecs, sizes }: Row) =>
  `| ${[writer, reader, codecs === "-" ? "none" : codecs, ...Object.values(sizes)].join(" | ")} |`;
console.log(`| writer | reader | codecs | ${sizes.join(" | ")} |`);
console.log(`| ${["writer", "reader", "codecs", ...sizes].map(() => "---").join(" | ")} |`);
for (const row of rows) console.log(lineOf(row));
const failed = rows.flatMap((row) => Object.values(row.sizes)).filter((cell) => cell !== "ok");
console.log(`${rows.length * sizes.length - failed.length} passed, ${failed.length} failed`);
Deno.exit(failed.length > 0 ? 1 : 0);
