/**
 * The profiles in the shared config and credentials files.
 *
 * https://docs.aws.amazon.com/sdkref/latest/guide/file-location.html
 */
import type { Environment } from "../api/environment.ts";
import { parseIni, type Section } from "./ini.ts";
import { type FileContent, type FileReader, readFile } from "./source.ts";

/** The content of the shared files. */
export interface SharedFiles {
  readonly profiles: ReadonlyMap<string, Section>;
  /** The sections `[sso-session NAME]`, by their names. */
  readonly ssoSessions: ReadonlyMap<string, Section>;
  /** The sections `[services NAME]`, by their names; the endpoint of SQS is called `sqs.endpoint_url`. */
  readonly services: ReadonlyMap<string, Section>;
  /** Which files could not be read, and why; for error messages. */
  readonly unreadable: readonly string[];
}

/** Reads both files. Where a profile is in both, the credentials file comes first. */
export async function readSharedFiles(
  context: FileReader & { environment: Environment },
): Promise<SharedFiles> {
  const find = (variable: string, name: string) =>
    readIfPlaced(context, pathOf(context.environment, variable, name));
  const [config, credentials] = await Promise.all([
    find("AWS_CONFIG_FILE", "config"),
    find("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
  ]);
  const sections = "text" in config ? parseIni(config.text, { nested: true }) : new Map();
  return {
    profiles: merged(
      profilesInConfig(sections),
      "text" in credentials ? parseIni(credentials.text) : new Map(),
    ),
    ssoSessions: named(sections, "sso-session"),
    services: named(sections, "services"),
    unreadable: [...reasons("config", config), ...reasons("credentials", credentials)],
  };
}

function pathOf(environment: Environment, variable: string, name: string): string | undefined {
  return inHome(environment, environment(variable) ?? `~/.aws/${name}`);
}

/** The path, with the home folder in place of a `~`; `undefined` if nobody knows that. */
export function inHome(environment: Environment, path: string): string | undefined {
  if (!/^~[/\\]/.test(path)) return path;
  const folder = environment("HOME") ?? environment("USERPROFILE");
  return folder && folder + path.slice(1);
}

async function readIfPlaced(context: FileReader, path: string | undefined): Promise<FileContent> {
  return path ? await readFile(context, path) : { unreadable: "neither HOME nor a path is set" };
}

function reasons(name: string, file: FileContent): string[] {
  return "unreadable" in file ? [`${name} file: ${file.unreadable}`] : [];
}

/** There, profiles are called `[profile NAME]`, and `[profile default]` comes before `[default]`. */
function profilesInConfig(sections: ReadonlyMap<string, Section>): Map<string, Section> {
  const profiles = named(sections, "profile");
  const plain = sections.get("default");
  if (plain && !profiles.has("default")) profiles.set("default", plain);
  return profiles;
}

/** Returns the sections of one kind, by the names in their titles. */
function named(sections: ReadonlyMap<string, Section>, kind: string): Map<string, Section> {
  const found = new Map<string, Section>();
  for (const [title, section] of sections) {
    const [, type, , name] = /^([\w-]+)\s+(["']?)([\w@+.%:/-]+)\2$/.exec(title) ?? [];
    if (name && type === kind) found.set(name, section);
  }
  return found;
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
