/**
 * Credentials of the profile that `AWS_PROFILE` names, else of `default`.
 *
 * https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
 */
import type { Credentials } from "./credentials.ts";
import { containerCredentials } from "./container.ts";
import { environmentVariables } from "./environment_variables.ts";
import type { Section } from "./ini.ts";
import { instanceMetadataCredentials } from "./instance_metadata.ts";
import { loginCredentials } from "./login_session.ts";
import { processCredentials } from "./process.ts";
import { readSharedFiles, type SharedFiles } from "./shared_files.ts";
import { singleSignOnCredentials } from "./single_sign_on.ts";
import { brokenSource, type Found, NO_FILES, type Search, type SearchContext } from "./source.ts";
import { assumeRole } from "./sts.ts";
import { defaultSessionName, exchangeToken } from "./web_identity.ts";

/** Reads the shared files anew, and follows the profile. */
export async function profileCredentials(context: SearchContext): Promise<Found> {
  const { environment, readTextFile, clock } = context;
  if (!readTextFile) return { none: NO_FILES };
  const files = await readSharedFiles({ environment, readTextFile, clock });
  const { profiles, unreadable } = files;
  const wanted = environment("AWS_PROFILE");
  const name = wanted ?? "default";
  const why = unreadable.length > 0 ? ` (${unreadable.join(", ")})` : "";
  if (!profiles.has(name)) {
    if (!wanted) return { none: `there is no default profile${why}` };
    throw brokenSource(`the profile that AWS_PROFILE names is in neither shared file${why}`);
  }
  const credentials = await resolve(context, { files, name, above: [] });
  return credentials ? { credentials } : { none: `${shown(name)} has no credentials${why}` };
}

interface Step {
  readonly files: SharedFiles;
  readonly name: string;
  /** The profiles that led here. */
  readonly above: readonly string[];
}

async function resolve(context: SearchContext, step: Step): Promise<Credentials | undefined> {
  const { files, name, above } = step;
  const profile = files.profiles.get(name);
  if (!profile) throw brokenSource(`the source_profile of ${shown(above.at(-1))} does not exist`);
  // What leads here is a role already: the keys come first then, also those of the role's own profile.
  if (profile.has("role_arn") && !(above.length > 0 && keysOf(profile, name))) {
    if (above.includes(name)) {
      throw brokenSource(`the source_profile of ${shown(above.at(-1))} leads back to it`);
    }
    return await roleOf(context, { ...step, profile });
  }
  return keysOf(profile, name) ?? await fetchedFor(context, { ...step, profile });
}

function keysOf(profile: Section, name: string): Credentials | undefined {
  const accessKeyId = profile.get("aws_access_key_id");
  const secretAccessKey = profile.get("aws_secret_access_key");
  if (!accessKeyId && !secretAccessKey) return undefined;
  if (accessKeyId && secretAccessKey) {
    return { accessKeyId, secretAccessKey, sessionToken: profile.get("aws_session_token") };
  }
  throw brokenSource(
    `${shown(name)} has only one of aws_access_key_id and aws_secret_access_key`,
  );
}

const INSTEAD =
  "give the option `credentials`, for example fromNodeProviderChain() of @aws-sdk/credential-providers, or the variables that `aws configure export-credentials --format env` prints";

/** Reads the output of a program, or the cache of a login. */
async function fetchedFor(
  context: SearchContext,
  { files: { ssoSessions }, name, profile }: Step & { profile: Section },
): Promise<Credentials | undefined> {
  const commandLine = profile.get("credential_process");
  const session = profile.get("login_session");
  const subject = { profile, ssoSessions, shown: shown(name) };
  if (commandLine) return await processCredentials(context, { ...subject, commandLine });
  if (profile.has("sso_session") || profile.has("sso_start_url")) {
    const login = `aws sso login --profile ${printable(name)}`;
    return await singleSignOnCredentials(context, { ...subject, login });
  }
  if (session === undefined) return undefined;
  const login = `aws login --profile ${printable(name)}`;
  return await loginCredentials(context, { ...subject, session, login });
}

async function roleOf(
  context: SearchContext,
  step: Step & { profile: Section },
): Promise<Credentials> {
  const { name, profile } = step;
  if (profile.has("mfa_serial")) {
    throw brokenSource(`${shown(name)} has mfa_serial, and nobody can be asked: ${INSTEAD}`);
  }
  const RoleArn = profile.get("role_arn") ?? "";
  const sessionName = profile.get("role_session_name");
  const region = profile.get("region");
  const tokenFile = profile.get("web_identity_token_file");
  if (tokenFile) {
    return await exchangeToken(context, { tokenFile, roleArn: RoleArn, sessionName, region });
  }
  const credentials = await sourceOf(context, step);
  return await assumeRole(context, {
    RoleArn,
    RoleSessionName: sessionName ?? defaultSessionName(context.clock.now()),
    ExternalId: profile.get("external_id"),
    DurationSeconds: profile.get("duration_seconds"),
  }, { credentials, region });
}

const SOURCES: ReadonlyMap<string, Search> = new Map<string, Search>([
  ["environment", environmentVariables],
  ["ecscontainer", containerCredentials],
  ["ec2instancemetadata", instanceMetadataCredentials],
]);

/** The credentials that assume a role. */
async function sourceOf(
  context: SearchContext,
  { files, name, above, profile }: Step & { profile: Section },
): Promise<Credentials> {
  const source = profile.get("source_profile");
  if (source) {
    const found = await resolve(context, { files, name: source, above: [...above, name] });
    if (found) return found;
    throw brokenSource(`the source_profile of ${shown(name)} has no credentials`);
  }
  const search = SOURCES.get(profile.get("credential_source")?.toLowerCase() ?? "");
  if (!search) {
    throw brokenSource(`${shown(name)} has a role_arn without source_profile or credential_source`);
  }
  const found = await search(context);
  if ("credentials" in found) return found.credentials;
  throw brokenSource(`the credential_source of ${shown(name)} has no credentials`);
}

/** Shows the name of a profile; a value out of a file is never shown. */
function shown(name = ""): string {
  return `the profile "${printable(name)}"`;
}

function printable(name: string): string {
  return name.replace(/[^\x20-\x7e]/g, "?").slice(0, 64);
}
