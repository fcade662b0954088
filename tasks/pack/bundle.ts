/** Bundles code that imports the package, as its users would, and weighs the bundle. */
import { gzipSync } from "node:zlib";
import { mustRun } from "../process.ts";
import { writeFile } from "./files.ts";
import type { Tools } from "./tools.ts";

/** The bundlers that most users have: Vite, wrangler and others are built on one of these. */
export const BUNDLERS = ["esbuild", "rollup"] as const;

/** A bundler. */
export type Bundler = typeof BUNDLERS[number];

/** What bundles are made with. */
export interface BundleOptions {
  readonly tools: Tools;
  readonly bundler: Bundler;
  /** A folder below that of the tools, in whose `node_modules` the package is. */
  readonly folder: string;
}

/** Options of esbuild that decide what is left. */
const SMALL = ["--minify", "--format=esm", "--target=es2022", "--log-level=error"];

/** Bundles a module for browsers, minified, and resolves to the text. */
export async function bundle(code: string, options: BundleOptions): Promise<string> {
  const { tools, bundler, folder: cwd } = options;
  await writeFile(`${cwd}/entry.mjs`, code);
  const esbuild = tools.program("esbuild");
  if (bundler === "esbuild") {
    const bundling = ["--bundle", "--platform=browser", "--tsconfig-raw={}", "entry.mjs"];
    return (await mustRun(esbuild, [...SMALL, ...bundling], { cwd })).stdout;
  }
  const bundling = ["--plugin", "node-resolve", "--format", "es", "--file", "bundle.mjs"];
  await mustRun(tools.program("rollup"), ["--silent", ...bundling, "entry.mjs"], { cwd });
  return (await mustRun(esbuild, [...SMALL, "bundle.mjs"], { cwd })).stdout;
}

/**
 * The size of a text after `gzip -9`, in bytes; 0 where it is nothing but white space. Vite, size-limit
 * and others tell this size. `CompressionStream` of Deno would make one part in a hundred more.
 */
export function gzippedBytes(text: string): number {
  return text.trim() === "" ? 0 : gzipSync(text, { level: 9 }).byteLength;
}
