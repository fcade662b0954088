/**
 * The profiles in the shared config and credentials files.
 *
 * https://docs.aws.amazon.com/sdkref/latest/guide/file-location.html
 */
import type { Environment, ReadTextFile } from "../environment.ts";
import { parseIni, type Section } from "./ini.ts";
import { type FileContent, readFile } from "./source.ts";

/** What the files said. */
export interface SharedFiles {
  readonly profiles: ReadonlyMap<string, Section>;
  /** Which files could not be read, and why; for error messages. */
  readonly unreadable: readonly string[];
}

/** Reads both files. Where a profile is in both, the credentials file comes first. */
export async function readSharedFiles(
  environment: Environment,
  read: ReadTextFile,
): Promise<SharedFiles> {
  const find = (variable: string, name: string) =>
    readIfPlaced(read, pathOf(environment, variable, name));
  const config = await find("AWS_CONFIG_FILE", "config");
  const credentials = await find("AWS_SHARED_CREDENTIALS_FILE", "credentials");
  return {
    profiles: merged(
      "text" in config ? profilesInConfig(config.text) : new Map(),
      "text" in credentials ? parseIni(credentials.text) : new Map(),
    ),
    unreadable: [...reasons("config", config), ...reasons("credentials", credentials)],
  };
}

function pathOf(environment: Environment, variable: string, name: string): string | undefined {
  const home = () => environment("HOME") ?? environment("USERPROFILE");
  const path = environment(variable) ?? `~/.aws/${name}`;
  if (!/^~[/\\]/.test(path)) return path;
  const folder = home();
  return folder && folder + path.slice(1);
}

async function readIfPlaced(read: ReadTextFile, path: string | undefined): Promise<FileContent> {
  return path ? await readFile(read, path) : { unreadable: "neither HOME nor a path is set" };
}

function reasons(name: string, file: FileContent): string[] {
  return "unreadable" in file ? [`${name} file: ${file.unreadable}`] : [];
}

/** There, profiles are called `[profile NAME]`, and `[profile default]` comes before `[default]`. */
function profilesInConfig(text: string): Map<string, Section> {
  const profiles = new Map<string, Section>();
  for (const [title, section] of parseIni(text)) {
    const [, , name] = /^profile\s+(["']?)([\w@+.%:/-]+)\1$/.exec(title) ?? [];
    if (name) profiles.set(name, section);
    else if (title === "default" && !profiles.has(title)) profiles.set(title, section);
  }
  return profiles;
}

function merged(
  config: ReadonlyMap<string, Section>,
  credentials: ReadonlyMap<string, Section>,
): Map<string, Section> {
  const profiles = new Map(config);
  for (const [name, section] of credentials) {
    profiles.set(name, new Map([...profiles.get(name) ?? [], ...section]));
  }
  return profiles;
}
