/** Installs packages by npm, from whatever registry it is configured to use. */
import { run } from "../process.ts";

/** Packages by name, and what npm is asked for: a version, a range, or the path of a tarball. */
export type Packages = Readonly<Record<string, string>>;

/** Options of {@linkcode installPackages}. */
export interface InstallOptions {
  /** Further fields of the `package.json` of the folder. */
  readonly manifest?: Readonly<Record<string, unknown>>;
}

const PATIENCE_MS = 300_000;

/**
 * Makes a folder a project that depends on the packages, and installs them there. A folder that
 * has exactly these already is left as it is.
 * @throws {Error} if npm cannot get them; the message says which, and what npm said
 */
export async function installPackages(
  folder: string,
  packages: Packages,
  { manifest = {} }: InstallOptions = {},
): Promise<void> {
  const wanted = JSON.stringify({ private: true, ...manifest, dependencies: packages }, null, 2);
  const stamp = `${folder}/node_modules/.installed.json`;
  if (await Deno.readTextFile(stamp).catch(() => "") === wanted) return;
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(`${folder}/package.json`, wanted);
  const quiet = ["--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"];
  const { code, output } = await run("npm", ["install", "--prefer-offline", ...quiet], {
    cwd: folder,
    timeoutMs: PATIENCE_MS,
  }).catch((error) => ({ code: 1, output: `npm cannot be started: ${error}` }));
  if (code !== 0) throw new Error(installFailure(packages, output));
  await Deno.writeTextFile(stamp, wanted);
}

/** Says that packages cannot be had, so that a machine without a registry is told from a defect. */
export function installFailure(packages: Packages, output: string): string {
  const names = Object.entries(packages).map(([name, version]) => `${name}@${version}`).join(", ");
  const offline = /E(?:AI_AGAIN|NOTFOUND|CONNREFUSED|TIMEDOUT)|ENOTCACHED|network/.test(output);
  const hint = offline
    ? "The registry that npm is configured to use does not answer: is this machine offline?"
    : "The registry that npm is configured to use may not have them.";
  return `Cannot install ${names}. ${hint} npm said:\n${output}`;
}
