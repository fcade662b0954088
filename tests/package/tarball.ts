/** The tarball of the npm package, built again when a source is newer. */
import config from "../../deno.json" with { type: "json" };
import { filesIn } from "../../tasks/pack/files.ts";
import { mustRun } from "../../tasks/process.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const SOURCES = ["mod.ts", "src", "backends", "cli", "tasks/pack", "deno.json", "README.md"];
const TARBALL = `${ROOT}dist/${
  config.name.replace("@", "").replace("/", "-")
}-${config.version}.tgz`;

/** Resolves to the path of a tarball of the sources as they are. */
export async function tarball(): Promise<string> {
  const builtAt = await changedAt(TARBALL).catch(() => 0); // It was never built.
  const files = await Promise.all(SOURCES.map((source) => filesIn(`${ROOT}${source}`, "")));
  const changes = await Promise.all(files.flat().map(changedAt));
  if (Math.max(...changes) >= builtAt) {
    await mustRun(Deno.execPath(), ["run", "-q", "-A", "tasks/pack/main.ts"], { cwd: ROOT });
  }
  return TARBALL;
}

async function changedAt(path: string): Promise<number> {
  const { mtime } = await Deno.stat(path);
  return mtime?.getTime() ?? Infinity;
}
