/**
 * The programs that the table of payloads needs beside Deno: moto from PyPI, a JDK and Maven from
 * Debian, the Java client from Maven Central. All is kept in `.cache/payloads`.
 */
import { mustRun, type Program, run, start } from "../../tasks/process.ts";

const CACHE = new URL("../../.cache/payloads/", import.meta.url).pathname;
const JAVA = new URL("./java/", import.meta.url).pathname;
const MOTO = "moto[server,s3]==5.2.5";
/** The longest time of one installation, in milliseconds. */
const INSTALL_MS = 300_000;

/** S3 on a free port of 127.0.0.1. */
export interface Moto extends AsyncDisposable {
  readonly endpoint: string;
  /** The Python that moto runs on, with botocore. */
  readonly python: string;
}

/** Installs moto if it is missing, and starts it. */
export async function startMoto(): Promise<Moto> {
  const python = `${CACHE}moto/bin/python`;
  if (!await isThere(`${CACHE}moto/bin/moto_server`)) {
    await debian("python3", "python3-venv");
    await mustRun("python3", ["-m", "venv", `${CACHE}moto`], { timeoutMs: INSTALL_MS });
    await mustRun(python, ["-m", "pip", "install", "-q", MOTO], { timeoutMs: INSTALL_MS });
  }
  const port = freePort();
  const program: Program = start(`${CACHE}moto/bin/moto_server`, ["-H", "127.0.0.1", "-p", port]);
  const endpoint = `http://127.0.0.1:${port}`;
  const answers = () =>
    fetch(`${endpoint}/moto-api/data.json`).then(
      async (answer) => (await answer.body?.cancel(), answer.ok),
      () => false,
    );
  await program.until(answers, { what: "moto", ms: 60_000 });
  return { endpoint, python, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() };
}

/** A program in Java, ready to run. */
export interface JavaClient {
  /** Runs the program; resolves to the lines it wrote. */
  run(args: readonly string[], env: Record<string, string>): Promise<string[]>;
}

/** Installs the Java client if it is missing, and compiles the program. */
export async function installJava(): Promise<JavaClient> {
  await debian("javac", "default-jdk-headless");
  const lib = `${CACHE}java/lib`;
  if (!await isThere(`${lib}/amazon-sqs-java-extended-client-lib-2.1.2.jar`)) {
    await debian("mvn", "maven");
    const copy = ["-q", "-B", "-f", `${JAVA}pom.xml`, "dependency:copy-dependencies"];
    await mustRun("mvn", [...copy, `-DoutputDirectory=${lib}`], { timeoutMs: INSTALL_MS });
  }
  const classes = `${CACHE}java/classes`;
  const classPath = `${lib}/*:${classes}`;
  await mustRun("javac", ["-cp", classPath, "-d", classes, `${JAVA}Extended.java`]);
  return {
    async run(args, env) {
      const done = await mustRun("java", ["-cp", classPath, "Extended", ...args], {
        env,
        timeoutMs: 120_000,
      });
      return done.stdout.split("\n").filter((line) => line !== "");
    },
  };
}

/** Installs a package of Debian if a command is missing. */
async function debian(command: string, packageName: string): Promise<void> {
  const found = await run("sh", ["-c", `command -v ${command}`]);
  if (found.code === 0) return;
  const options = { timeoutMs: INSTALL_MS };
  await mustRun("apt-get", ["update", "-qq"], options);
  await mustRun("apt-get", ["install", "-y", "-qq", packageName], options);
}

function isThere(path: string): Promise<boolean> {
  return Deno.stat(path).then(() => true, () => false);
}

function freePort(): string {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  return String(port);
}
