/** A project in a folder of its own, as a user begins one, with the package installed. */
import config from "../../deno.json" with { type: "json" };
import { pinned } from "../../tasks/pack/tools.ts";
import { installPackages, type Packages } from "../../tasks/pack/npm.ts";
import { writeFile } from "../../tasks/pack/files.ts";
import { tarball } from "./tarball.ts";

/** The name under which the package is installed. */
export const PACKAGE: string = config.name;

/** The names under which its entry points are imported. */
export const ENTRIES: readonly string[] = Object.keys(config.exports).map((subpath) =>
  PACKAGE + subpath.slice(1)
);

/** A project. Disposing of it removes the folder. */
export interface Project extends AsyncDisposable {
  /** The folder, without a slash at the end. */
  readonly folder: string;
  /** Writes a file in it, and returns the path. */
  write(name: string, text: string): Promise<string>;
}

/** Creates a folder outside of this repository, and installs the tarball there, and other packages. */
export async function createProject(packages: Packages = {}): Promise<Project> {
  const folder = await Deno.makeTempDir({ prefix: "melange-package-" });
  const remove = () => Deno.remove(folder, { recursive: true });
  try {
    // Who imports each entry point needs the packages of each.
    const own = { [PACKAGE]: `file:${await tarball()}`, ...pinned(["devalue"]) };
    const all = { ...own, ...packages };
    await installPackages(folder, all, { manifest: { type: "module" } });
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    folder,
    write: async (name, text) => {
      await writeFile(`${folder}/${name}`, text);
      return `${folder}/${name}`;
    },
    [Symbol.asyncDispose]: remove,
  };
}
