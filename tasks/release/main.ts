/**
 * Prepares a release: sets the version in deno.json and cli/package.ts and dates its section in
 * CHANGELOG.md. With `--check` it looks whether a tag fits these files, with `--notes` it prints the
 * section, with `--jsr` the settings of the site; with `--name` it gives the package another name.
 */
import config from "../../deno.json" with { type: "json" };
import { taskArguments } from "../arguments.ts";
import { mustRun } from "../process.ts";
import { notesOf } from "./changelog.ts";
import { settings } from "./jsr.ts";
import { complaintsOn, renamed, type VersionFiles, withVersion } from "./version.ts";

const OPTIONS = {
  check: { type: "text", value: "TAG", help: "say in what the files do not fit a tag" },
  notes: { type: "text", value: "TAG", help: "print what CHANGELOG.md says of a version" },
  jsr: { type: "flag", help: "print the settings of the package on the site of JSR" },
  name: { type: "text", value: "NAME", help: "give the package another name, in all files" },
} as const;

const PATHS: Record<keyof VersionFiles, string> = {
  config: "deno.json",
  constants: "cli/package.ts",
  changelog: "CHANGELOG.md",
};

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(args: string[]): Promise<number> {
  const spec = { name: "release", options: OPTIONS, positionals: ["VERSION"] } as const;
  const { values, positionals: [version] } = taskArguments(args, spec);
  try {
    if (values.jsr) console.log(settings());
    else if (values.notes !== undefined) console.log(await notes(values.notes));
    else if (values.check !== undefined) return await check(values.check);
    else if (values.name !== undefined) await rename(values.name);
    else if (version !== undefined) await prepare(version);
    else throw new TypeError("Cannot release without a version: pass it, as in 1.2.3");
    return 0;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    console.error(`error: ${error.message}`);
    return 2;
  }
}

async function prepare(version: string): Promise<void> {
  const date = new Date().toISOString().slice(0, 10);
  const files = withVersion(await read(), version, date);
  for (const [file, path] of Object.entries(PATHS)) {
    await Deno.writeTextFile(path, files[file as keyof VersionFiles]);
  }
  console.log(`${Object.values(PATHS).join(", ")} say ${version} of ${date} now. Next:

git commit -am "release: ${version}" && git tag v${version} && git push --follow-tags origin HEAD v${version}

The workflow "release" publishes what the tag names.`);
}

async function check(tag: string): Promise<number> {
  const complaints = complaintsOn(await read(), tag);
  for (const complaint of complaints) console.error(`error: ${complaint}`);
  if (complaints.length > 0) {
    console.error("Run `deno task release VERSION` before the tag is set.");
  }
  return complaints.length > 0 ? 1 : 0;
}

async function notes(tag: string): Promise<string> {
  return notesOf((await read()).changelog, tag.replace(/^v/, ""));
}

async function read(): Promise<VersionFiles> {
  const [config, constants, changelog] = await Promise.all([
    Deno.readTextFile(PATHS.config),
    Deno.readTextFile(PATHS.constants),
    Deno.readTextFile(PATHS.changelog),
  ]);
  return { config, constants, changelog };
}

/** The name stands in docs, examples and tests as well: users copy them as they are. */
async function rename(name: string): Promise<void> {
  if (!/^@[a-z0-9-]+\/[a-z0-9-]+$/.test(name)) {
    throw new TypeError(`Cannot name the package ${name}: write @scope/name, as JSR wants it`);
  }
  const { stdout } = await mustRun("git", ["grep", "-lIF", config.name]);
  const paths = stdout.trim().split("\n");
  for (const path of paths) {
    const text = await Deno.readTextFile(path);
    await Deno.writeTextFile(path, renamed(text, config.name, name));
  }
  console.log(`${paths.length} files say ${name} in place of ${config.name}: run \`deno fmt\` now`);
}
