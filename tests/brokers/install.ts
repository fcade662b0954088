/** Installs what the tests with other brokers need, each into a folder of its own in `dist/brokers`. */
import { mustRun, run } from "../../tasks/process.ts";

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
  { alone = [], minor = 8 }: { alone?: readonly string[]; minor?: number } = {},
): Promise<string> {
  const folder = FOLDER + name;
  await once(folder, [...packages, ...alone], async () => {
    await mustRun(await pythonFrom(minor), ["-m", "venv", folder], { timeoutMs: PATIENCE_MS });
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

/** Finds a Python 3 of this minor version at least: among the commands, and where pyenv keeps its own. */
async function pythonFrom(minor: number): Promise<string> {
  const kept = `${Deno.env.get("HOME")}/.pyenv/versions`;
  const commands = ["python3", "python3.12", "python3.13", "python3.14"];
  const versions = await Array.fromAsync(Deno.readDir(kept), ({ name }) => name).catch(() => []);
  const paths = versions.filter((name) => name.startsWith("3.")).sort().reverse()
    .map((name) => `${kept}/${name}/bin/python3`);
  const program = `import sys; sys.exit(sys.version_info < (3, ${minor}))`;
  for (const command of [...commands, ...paths]) {
    const { code } = await run(command, ["-c", program]).catch(() => ({ code: 1 }));
    if (code === 0) return command;
  }
  throw new Error(`Cannot find Python 3.${minor} or later: install it, or leave the broker out`);
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
