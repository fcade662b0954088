/** Installs what the tests with other brokers need, each into a folder of its own in `dist/brokers`. */
import { mustRun } from "../../tasks/process.ts";

const FOLDER = new URL("../../dist/brokers/", import.meta.url).pathname;
/** LocalStack alone takes four minutes on a machine with two cores. */
const PATIENCE_MS = 540_000;

/**
 * Makes a virtual environment of Python with these packages, each with its version. Resolves to the
 * folder of its programs. An environment that has exactly these is left as it is.
 */
export async function installPython(
  name: string,
  packages: readonly string[],
  { alone = [] }: { alone?: readonly string[] } = {},
): Promise<string> {
  const folder = FOLDER + name;
  await once(folder, [...packages, ...alone], async () => {
    await mustRun("python3", ["-m", "venv", folder], { timeoutMs: PATIENCE_MS });
    const pip = (...args: string[]) =>
      mustRun(`${folder}/bin/python`, [
        ...["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...args],
      ], { timeoutMs: PATIENCE_MS });
    await pip(...packages);
    // Some of what these ask for cannot be built any more, and is not needed.
    if (alone.length > 0) await pip("--no-deps", ...alone);
  });
  return `${folder}/bin`;
}

/** Fetches an artifact of Maven, as `group:artifact:version`, and all that it needs; resolves to the folder. */
export async function installMaven(name: string, artifact: string): Promise<string> {
  const folder = FOLDER + name;
  const [group, id, version] = artifact.split(":");
  await once(folder, [artifact], async () => {
    await Deno.writeTextFile(
      `${folder}/pom.xml`,
      `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>local</groupId><artifactId>local</artifactId><version>1</version><dependencies><dependency>
<groupId>${group}</groupId><artifactId>${id}</artifactId><version>${version}</version>
</dependency></dependencies></project>`,
    );
    const options = ["-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib"];
    await mustRun("mvn", options, { cwd: folder, timeoutMs: PATIENCE_MS });
  });
  return folder;
}

/** Fills a folder, unless it was filled for the same list. */
async function once(
  folder: string,
  wanted: readonly string[],
  fill: () => Promise<void>,
): Promise<void> {
  const stamp = `${folder}/.installed.json`;
  const text = JSON.stringify(wanted);
  if (await Deno.readTextFile(stamp).catch(() => "") === text) return;
  await Deno.remove(folder, { recursive: true }).catch(() => {}); // It was not there.
  await Deno.mkdir(folder, { recursive: true });
  await fill();
  await Deno.writeTextFile(stamp, text);
}
