/** Builds the npm package. */
import config from "../../deno.json" with { type: "json" };
import { mustRun } from "../process.ts";
import { compile } from "./compile.ts";
import { copyFile, filesIn } from "./files.ts";
import { absoluteLinks } from "./links.ts";
import { manifestOf, type PackageConfig, REPOSITORY } from "./manifest.ts";
import { tools } from "./tools.ts";

/** A package that has been built. */
export interface Packed {
  /** The folder with its files. */
  readonly folder: string;
  /** The absolute path of the tarball. */
  readonly tarball: string;
  /** The sizes of its files but the source maps, in bytes. */
  readonly unpackedBytes: number;
  /** The sizes of the source maps, in bytes. */
  readonly mapBytes: number;
}

const ROOT = new URL("../..", import.meta.url).pathname;
const FOLDER = "dist/npm";
const BIN = "cli/bin.ts";
/**
 * The most that the files may have together, source maps left out: what they have, and two subpaths more.
 * Modules are three fifths of it, types with their documentation two fifths.
 */
const UNPACKED_LIMIT_BYTES = 1_300_000;

/** Builds the package of the sources. Works in the folder `dist` of the repository, and only there. */
export async function pack(): Promise<Packed> {
  Deno.chdir(ROOT);
  await Deno.remove(FOLDER, { recursive: true }).catch(() => {}); // It was not there.
  const entries = [...Object.values(config.exports), `./${BIN}`];
  await compile({ tools: await tools(), entries, out: FOLDER });
  await describe(config);
  const tarball = await tar();
  const sizes = await sizesOf();
  if (sizes.unpackedBytes <= UNPACKED_LIMIT_BYTES) return { folder: FOLDER, tarball, ...sizes };
  throw new RangeError(
    `Cannot pack more than ${UNPACKED_LIMIT_BYTES} bytes: current value is ${sizes.unpackedBytes}`,
  );
}

/** Writes what is no module. */
async function describe(config: PackageConfig): Promise<void> {
  const manifest = JSON.stringify(manifestOf(config), null, 2);
  await Deno.writeTextFile(`${FOLDER}/package.json`, `${manifest}\n`);
  const links = { repository: REPOSITORY, revision: `v${config.version}` };
  for (const file of ["README.md", "CHANGELOG.md"]) {
    await Deno.writeTextFile(
      `${FOLDER}/${file}`,
      absoluteLinks(await Deno.readTextFile(file), links),
    );
  }
  await copyFile("LICENSE", `${FOLDER}/LICENSE`);
}

async function tar(): Promise<string> {
  const quiet = ["--loglevel=error", "--no-update-notifier"];
  const { stdout } = await mustRun("npm", [
    ...["pack", `./${FOLDER}`, "--json", "--pack-destination=dist", ...quiet],
  ]);
  const [{ filename }] = JSON.parse(stdout);
  return `${ROOT}dist/${filename}`;
}

async function sizesOf(): Promise<Pick<Packed, "unpackedBytes" | "mapBytes">> {
  let [unpackedBytes, mapBytes] = [0, 0];
  for (const file of await filesIn(FOLDER, "")) {
    const { size } = await Deno.stat(file);
    if (file.endsWith(".map")) mapBytes += size;
    else unpackedBytes += size;
  }
  return { unpackedBytes, mapBytes };
}
