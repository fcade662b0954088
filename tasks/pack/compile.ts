/** Turns the sources into plain modules and their types: one file each, as they stand. */
import config from "../../deno.json" with { type: "json" };
import { mustRun } from "../process.ts";
import { copyFile, filesIn, writeFile } from "./files.ts";
import { declared } from "./manifest.ts";
import { withEmittedImports, withImports } from "./imports.ts";
import type { Tools } from "./tools.ts";

/** What is compiled, and where to. */
export interface CompileOptions {
  readonly tools: Tools;
  /** The files through which all others are imported, from the root of the repository. */
  readonly entries: readonly string[];
  /** The folder that gets the modules, their source maps and their types. */
  readonly out: string;
}

/** Every runtime that the package is for understands this, Node.js 20 too. */
const TARGET = "es2022";
const STAGE = "dist/pack";
const SOURCES = ["mod.ts", "src", "backends", "cli"];

/**
 * Compiles the entries and what they import. TypeScript's own compiler leaves the members of classes
 * where they are, so that bundlers can drop a class that nobody uses. Then esbuild takes the white
 * space out and shortens the names that are local to a file; the names of exports, which errors and
 * stack traces show, stay.
 */
export async function compile({ tools, entries, out }: CompileOptions): Promise<void> {
  await stage(tools, entries);
  await mustRun(tools.program("tsc"), ["--project", STAGE]);
  await mustRun(tools.program("esbuild"), [
    ...await filesIn(`${STAGE}/js`, ".js"),
    ...["--minify", `--target=${TARGET}`, "--sourcemap", "--tsconfig-raw={}"],
    ...["--log-level=warning", `--outbase=${STAGE}/js`, `--outdir=${out}`],
  ]);
  for (const map of await filesIn(out, ".js.map")) await nameSource(map);
  const types = `${STAGE}/types`;
  await mustRun(tools.program("tsc"), [
    ...["--project", STAGE, "--outDir", types, "--removeComments", "false"],
    ...[
      "--declaration",
      "--emitDeclarationOnly",
      "--sourceMap",
      "false",
      "--inlineSources",
      "false",
    ],
  ]);
  // Types of what no entry point leads to would be dead weight.
  for (const file of await withImports(types, entries.map(declared))) {
    const text = await Deno.readTextFile(`${types}/${file}`);
    await writeFile(`${out}/${file}`, withEmittedImports(text));
  }
  await Deno.remove(STAGE, { recursive: true });
}

/** The source stands in its map; its name is that of the file, not where it was compiled. */
async function nameSource(path: string): Promise<void> {
  const map = JSON.parse(await Deno.readTextFile(path));
  const name = path.slice(path.lastIndexOf("/") + 1).replace(/\.js\.map$/, ".ts");
  await Deno.writeTextFile(path, JSON.stringify({ ...map, sources: [name] }));
}

/** Puts the sources in a project of their own: beside them nothing can be found by accident. */
async function stage({ folder }: Tools, entries: readonly string[]): Promise<void> {
  await Deno.remove(STAGE, { recursive: true }).catch(() => {}); // It was not there.
  for (const source of SOURCES) {
    for (const file of await filesIn(source, ".ts")) await copyFile(file, `${STAGE}/${file}`);
  }
  await Deno.symlink(`${folder}/node_modules`, `${STAGE}/node_modules`);
  await Deno.writeTextFile(`${STAGE}/package.json`, `{ "type": "module" }\n`);
  await Deno.writeTextFile(`${STAGE}/tsconfig.json`, JSON.stringify(projectOf(entries)));
}

/** The strictness of deno.json, and what makes the compiler emit what Node.js takes. */
function projectOf(entries: readonly string[]) {
  return {
    compilerOptions: {
      ...config.compilerOptions,
      target: TARGET,
      module: "nodenext",
      lib: ["esnext", "dom", "dom.iterable", "dom.asynciterable"],
      types: ["node"],
      rewriteRelativeImportExtensions: true,
      removeComments: true,
      sourceMap: true,
      inlineSources: true,
      rootDir: ".",
      outDir: "js",
      skipLibCheck: true,
    },
    files: entries,
  };
}
