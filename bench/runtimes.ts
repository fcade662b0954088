/** The runtimes that the bench runs on: pinned programs from npm, installed once under `dist`. */
import { mustRun } from "../tasks/process.ts";

/** A runtime, as `--on` names it. */
export type RuntimeName = "node20" | "node24" | "bun" | "deno" | "workerd";

/** A program that runs a bundle. */
export interface Runtime {
  readonly name: RuntimeName;
  readonly version: string;
  readonly command: string;
  /** The arguments that precede the bundle. */
  readonly args: readonly string[];
}

/** All of them, in the order of the tables. */
export const RUNTIME_NAMES: readonly RuntimeName[] = ["node24", "node20", "bun", "deno", "workerd"];

const FOLDER = "dist/bench/runtimes";
const PATIENCE_MS = 300_000;
const BUN_VERSION = "1.4.5";
const NODE_LINES = { node20: "20", node24: "24" } as const;

/** Installs a runtime, unless it is there, and asks for its version. */
export async function runtime(name: RuntimeName): Promise<Runtime> {
  if (name === "deno") {
    return { name, version: Deno.version.deno, command: Deno.execPath(), args: ["run", "-A"] };
  }
  if (name === "workerd") {
    const { output } = await mustRun("npx", ["-y", "workerd@^1", "--version"]);
    const version = /\d{4}-\d{2}-\d{2}/.exec(output)?.[0] ?? "";
    return { name, version, command: "", args: [] };
  }
  const command = name === "bun" ? await bunProgram() : await nodeProgram(NODE_LINES[name]);
  const { stdout } = await mustRun(command, ["--version"]);
  const args = name === "bun" ? [] : ["--expose-gc"];
  return { name, version: stdout.trim().replace(/^v/, ""), command, args };
}

async function bunProgram(): Promise<string> {
  await install("bun", `bun@${BUN_VERSION}`);
  return absolute(`${FOLDER}/bun/node_modules/bun/bin/bun.exe`);
}

/** The package of the platform is the program itself; the package `node` would only load it. */
async function nodeProgram(line: string): Promise<string> {
  const systems: Record<string, string> = { windows: "win" };
  const processors: Record<string, string> = { x86_64: "x64", aarch64: "arm64" };
  const { os, arch } = Deno.build;
  const platform = `node-${systems[os] ?? os}-${processors[arch] ?? arch}`;
  await install(`node${line}`, `${platform}@^${line}`);
  const file = os === "windows" ? "node.exe" : "node";
  return absolute(`${FOLDER}/node${line}/node_modules/${platform}/bin/${file}`);
}

async function install(folder: string, what: string): Promise<void> {
  const cwd = `${FOLDER}/${folder}`;
  const stamp = `${cwd}/installed`;
  if (await Deno.readTextFile(stamp).catch(() => "") === what) return;
  await Deno.mkdir(cwd, { recursive: true });
  await Deno.writeTextFile(`${cwd}/package.json`, `{ "private": true }\n`);
  const quiet = ["--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"];
  await mustRun("npm", ["install", ...quiet, what], { cwd, timeoutMs: PATIENCE_MS });
  await Deno.writeTextFile(stamp, what);
}

function absolute(path: string): string {
  return `${Deno.cwd()}/${path}`;
}
