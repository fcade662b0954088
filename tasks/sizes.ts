/**
 * Prints what the entry points weigh in a browser bundle, and fails if what an edge function loads
 * weighs more than it may. `--json` prints the same for programs.
 */
import config from "../deno.json" with { type: "json" };
import { mustRun } from "./process.ts";

/** The most that sending from an edge function may add to it, gzipped; the signer takes 2.6 kB of it. */
const SENDER_LIMIT_BYTES = 8 * 1024;
/** The same with all of the publisher: what it weighs, and a little. */
const PUBLISHER_LIMIT_BYTES = 15_050;
const FOLDER = "dist/sizes";

interface Size {
  name: string;
  /** Bytes after minifying. */
  minified: number;
  /** Bytes after minifying and gzip. */
  gzipped: number;
  /** The most it may have gzipped. */
  limit?: number;
}

/** What a bundle is made of: an import from everything, unless it names what it takes. */
const BUNDLES: { name: string; code: string; limit?: number }[] = [
  { name: ".", code: everythingOf(".") },
  { name: "./memory", code: everythingOf("./memory") },
  { name: "./aws", code: everythingOf("./aws") },
  { name: "./lambda", code: everythingOf("./lambda") },
  { name: "./sns-endpoint", code: everythingOf("./sns-endpoint") },
  {
    name: "awsSender()",
    code: `export { awsSender } from "${config.name}/aws";\n`,
    limit: SENDER_LIMIT_BYTES,
  },
  {
    name: "edge publisher",
    code: `export { MessagePublisher } from "${config.name}";
export { awsSender } from "${config.name}/aws";
`,
    limit: PUBLISHER_LIMIT_BYTES,
  },
];

if (import.meta.main) {
  const sizes: Size[] = [];
  await Deno.mkdir(FOLDER, { recursive: true });
  for (const bundle of BUNDLES) sizes.push(await measure(bundle));
  if (Deno.args.includes("--json")) console.log(JSON.stringify(sizes, null, 2));
  else print(sizes);
  const tooLarge = sizes.filter(({ gzipped, limit = Infinity }) => gzipped > limit);
  for (const { name, limit } of tooLarge) console.error(`${name} is larger than ${limit} bytes`);
  Deno.exit(tooLarge.length > 0 ? 1 : 0);
}

function everythingOf(subpath: string): string {
  return `export * from "${config.name}${subpath.slice(1)}";\n`;
}

async function measure({ name, code, limit }: (typeof BUNDLES)[number]): Promise<Size> {
  const file = `${FOLDER}/${name.replaceAll(/\W/g, "") || "main"}`;
  await Deno.writeTextFile(`${file}.ts`, code);
  await mustRun(Deno.execPath(), [
    ...["bundle", "--quiet", "--no-check", "--minify", "--platform=browser"],
    ...["--output", `${file}.js`, `${file}.ts`],
  ]);
  const bundle = await Deno.readFile(`${file}.js`);
  const sizes = { name, minified: bundle.length, gzipped: await gzippedSize(bundle) };
  return limit === undefined ? sizes : { ...sizes, limit };
}

async function gzippedSize(bytes: Uint8Array<ArrayBuffer>): Promise<number> {
  const gzipped = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return (await new Response(gzipped).arrayBuffer()).byteLength;
}

function print(sizes: Size[]): void {
  const row = (cells: [string, ...string[]]) =>
    console.log(cells[0].padEnd(16) + cells.slice(1).map((cell) => cell.padStart(10)).join(""));
  row(["bundle", "minified", "gzipped", "limit"]);
  for (const { name, minified, gzipped, limit } of sizes) {
    row([name, String(minified), String(gzipped), limit === undefined ? "" : String(limit)]);
  }
}
