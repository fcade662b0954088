/** The development tools that build and measure the package, in the versions that deno.json pins. */
import config from "../../deno.json" with { type: "json" };
import { installPackages, type Packages } from "./npm.ts";

const FOLDER = new URL("../../dist/tools", import.meta.url).pathname;

/** The compiler, the bundlers, and the packages that the sources need, or their types. */
const NAMES = [
  "@rollup/plugin-node-resolve",
  "@types/node",
  "aws4fetch",
  "devalue",
  "esbuild",
  "rollup",
  "typescript",
  "valibot",
] as const;

/** Programs that the tools bring. */
export interface Tools {
  /** The folder that `node_modules` is in. */
  readonly folder: string;
  /** The path of a program. */
  program(name: "esbuild" | "rollup" | "tsc"): string;
}

/** Installs the tools, unless they are there. */
export async function tools(): Promise<Tools> {
  await installPackages(FOLDER, pinned(NAMES));
  return { folder: FOLDER, program: (name) => `${FOLDER}/node_modules/.bin/${name}` };
}

/**
 * The versions that deno.json gives npm packages.
 * @throws {TypeError} if it does not name one of them
 */
export function pinned(names: readonly string[]): Packages {
  const imports: Readonly<Record<string, string>> = config.imports;
  return Object.fromEntries(names.map((name) => {
    const address = imports[name];
    const prefix = `npm:${name}@`;
    if (address?.startsWith(prefix)) return [name, address.slice(prefix.length)];
    throw new TypeError(`Cannot install ${name} as deno.json gives it no version`);
  }));
}
