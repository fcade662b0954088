/** Installs the runtimes that tests run on, from npm, and tells where their programs are. */
import { installPackages } from "../pack/npm.ts";

const FOLDER = new URL("../../dist/runtimes", import.meta.url).pathname;

/** The lines of Node.js that the package supports; `newest` is what npm calls the latest. */
export const NODES = ["20", "22", "24", "newest"] as const;

/** A line of Node.js. */
export type NodeLine = typeof NODES[number];

/** Installs Node.js and resolves to the path of the program. */
export async function nodeProgram(line: NodeLine): Promise<string> {
  const name = `node-${platform()}`;
  const folder = `${FOLDER}/node-${line}`;
  await installPackages(folder, { [name]: line === "newest" ? "latest" : `^${line}` });
  const isWindows = Deno.build.os === "windows";
  return `${folder}/node_modules/${name}/bin/node${isWindows ? ".exe" : ""}`;
}

/** Installs Bun and resolves to the path of the program. */
export async function bunProgram(): Promise<string> {
  await installPackages(`${FOLDER}/bun`, { bun: "^1" });
  return `${FOLDER}/bun/node_modules/.bin/bun`;
}

/** Installs workerd and resolves to the path of the program. */
export async function workerdProgram(): Promise<string> {
  await installPackages(`${FOLDER}/workerd`, { workerd: "^1" });
  return `${FOLDER}/workerd/node_modules/.bin/workerd`;
}

/** The platform, as the packages of Node.js are named after it. */
function platform(): string {
  const systems: Record<string, string> = { windows: "win" };
  const processors: Record<string, string> = { x86_64: "x64", aarch64: "arm64" };
  const { os, arch } = Deno.build;
  return `${systems[os] ?? os}-${processors[arch] ?? arch}`;
}
