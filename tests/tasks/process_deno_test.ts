import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { kill } from "node:process";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { mustRun, type ProgramOptions, run, start } from "../../tasks/process.ts";
import { until } from "../wait.ts";

const DENO = Deno.execPath();
const never = new Promise<never>(() => {});

/** Arguments with which Deno runs this code. */
function running(code: string): string[] {
  return ["eval", "--no-config", code];
}

function startCode(code: string, options: ProgramOptions = {}) {
  return start(DENO, running(code), options);
}

/** The message of the error that a promise rejects with, and how long that took. */
async function failureOf(promise: Promise<unknown>): Promise<{ message: string; ms: number }> {
  const before = performance.now();
  const { message } = await assertRejects(() => promise, Error);
  return { message, ms: performance.now() - before };
}

/** Where there is `/proc`, one that has ended and was not asked for its exit code is no more. */
function isAlive(pid: number): boolean {
  try {
    kill(pid, 0);
    return Deno.build.os !== "linux" || !/\) [ZX]/.test(Deno.readTextFileSync(`/proc/${pid}/stat`));
  } catch {
    return false;
  }
}

const LIVES = "setInterval(() => {}, 1_000);";
const DIES = `console.log("begun"); console.error("no such package"); Deno.exit(7);`;

describe("run()", () => {
  it("gives the exit code and what was written, to the letter", async () => {
    const code = `await Deno.stdout.write(new TextEncoder().encode("a\\n\\nb")); console.error("c");
      Deno.exit(3);`;
    const { code: exitCode, stdout, stderr, output } = await run(DENO, running(code));
    assertEquals([exitCode, stdout, stderr, output], [3, "a\n\nb", "c\n", "a\n\nb\nc"]);
  });

  it("hands over a standard input", async () => {
    const code = "console.log(await new Response(Deno.stdin.readable).text());";
    assertEquals((await run(DENO, running(code), { stdin: "hello" })).stdout, "hello\n");
  });

  it("does not mind a program that ends without reading it", async () => {
    const { code } = await run(DENO, running("Deno.exit(4)"), { stdin: "x".repeat(1_000_000) });
    assertEquals(code, 4);
  });

  it("rejects where there is no such program", async () => {
    await assertRejects(() => run("/no/such/program", []), Deno.errors.NotFound);
  });

  it("stops a program when its time is up, and shows what it wrote", async () => {
    const options = { timeoutMs: 1_500 };
    const { code, output } = await run(DENO, running(`console.log("begun"); ${LIVES}`), options);
    assertEquals([code, output.split("\n").filter(Boolean)], [1, [
      "begun",
      "Stopped after 1500 ms",
    ]]);
  });

  it("stops what the program started as well", async () => {
    const inner = JSON.stringify(running(`console.log(Deno.pid); ${LIVES}`));
    const outer = `new Deno.Command(Deno.execPath(), { args: ${inner} }).spawn(); ${LIVES}`;
    const { stdout } = await run(DENO, running(outer), { timeoutMs: 3_000 });
    const pid = Number(stdout);
    assert(pid > 1, stdout);
    await until(() => !isAlive(pid), { what: `the end of ${pid}`, ms: 2_000 });
  });

  it("does not wait for one that was left behind and holds the pipes", async () => {
    const inner = JSON.stringify(running("setTimeout(() => {}, 8_000);"));
    const outer = `const left = new Deno.Command(Deno.execPath(), { args: ${inner} }).spawn();
      left.unref(); console.log(left.pid); Deno.exit(0);`;
    const before = performance.now();
    const { code, stdout } = await run(DENO, running(outer));
    const ms = performance.now() - before;
    Deno.kill(Number(stdout), "SIGKILL");
    assertEquals(code, 0);
    assert(ms < 6_000, `${ms} ms`);
  });
});

describe("mustRun()", () => {
  it("throws where the program fails", async () => {
    const { message } = await failureOf(mustRun(DENO, running("Deno.exit(5)")));
    assertStringIncludes(message, "eval failed with exit code 5");
  });
});

describe("the environment of a program", () => {
  const print = (...names: string[]) =>
    running(`console.log(${JSON.stringify(names)}.map((name) => Deno.env.get(name)).join());`);

  beforeAll(() => Deno.env.set("MELANGE_TEST_INHERITED", "here"));
  afterAll(() => Deno.env.delete("MELANGE_TEST_INHERITED"));

  it("is that of this process, with what is set", async () => {
    const { stdout } = await run(
      DENO,
      print("MELANGE_TEST_INHERITED", "MELANGE_TEST_SET", "PATH"),
      {
        env: { MELANGE_TEST_SET: "too" },
      },
    );
    assertEquals(stdout, `here,too,${Deno.env.get("PATH")}\n`);
  });

  it("is without what is undefined", async () => {
    const env = { MELANGE_TEST_INHERITED: undefined };
    assertEquals((await run(DENO, print("MELANGE_TEST_INHERITED"), { env })).stdout, "\n");
  });
});

describe("start()", () => {
  it("waits for lines, and gives the match", async () => {
    await using program = startCode(
      `for (const n of [1, 2, 3]) { console.log("line", n); console.error("error", n); } ${LIVES}`,
    );
    assertEquals((await program.line(/^line (\d)$/))[1], "1");
    assertEquals((await program.line(/^line (\d)$/, { count: 3 }))[1], "3");
    assertEquals((await program.line(/^error (\d)$/, { count: 2, from: "stderr" }))[1], "2");
    assertEquals(program.stdout, ["line 1", "line 2", "line 3"]);
  });

  it("finds a last line that has no end, of a program that has ended", async () => {
    await using program = startCode(`Deno.stdout.writeSync(new TextEncoder().encode("last"));`);
    await program.ended();
    assertEquals((await program.line(/last/))[0], "last");
  });

  it("tells of each line as it comes", async () => {
    const lines: string[] = [];
    const onLine = (line: string, from: string) => void lines.push(`${from}: ${line}`);
    await using program = startCode(`console.log("a\\nb"); console.error("c");`, { onLine });
    await program.ended();
    assertEquals(lines.sort(), ["stderr: c", "stdout: a", "stdout: b"]);
  });

  const waits: Record<string, (program: ReturnType<typeof start>) => Promise<unknown>> = {
    "a line like /^ready/ on stdout": (program) => program.line(/^ready/),
    "the first event": (program) => program.until(() => false, { what: "the first event" }),
    "an answer": (program) => program.during(never, { what: "an answer" }),
  };
  for (const [what, wait] of Object.entries(waits)) {
    it(`fails a wait for ${what} at once when the program ends`, async () => {
      await using program = startCode(DIES);
      const { message, ms } = await failureOf(wait(program));
      assertStringIncludes(message, `Cannot wait for ${what} any longer as \`deno eval`);
      assertStringIncludes(message, "has ended with exit code 7");
      assertStringIncludes(message, "--- stdout\nbegun\n--- stderr\nno such package");
      assert(ms < 5_000, `${ms} ms`);
    });
  }

  it("tells the signal that ended a program", async () => {
    await using program = startCode(`console.log("up"); ${LIVES}`);
    await program.line(/up/);
    const waiting = failureOf(program.line(/^ready/));
    program.kill("SIGKILL");
    assertStringIncludes((await waiting).message, "has ended with SIGKILL");
    assertEquals((await program.ended()).signal, "SIGKILL");
  });

  it("fails a wait when its time is up, with what was waited for and what was written", async () => {
    await using program = startCode(`console.log("up"); ${LIVES}`);
    await program.line(/up/);
    const { message } = await failureOf(program.line(/^ready/, { ms: 100, count: 2 }));
    assertStringIncludes(
      message,
      "Waited 100 ms for 2 lines like /^ready/ on stdout; saw what `deno",
    );
    assertStringIncludes(message, "--- stdout\nup\n");
    const { message: end } = await failureOf(program.ended({ ms: 100 }));
    assertStringIncludes(end, "Waited 100 ms for the end of `deno eval");
    assertStringIncludes(end, "--- stdout\nup\n");
  });

  it("settles as a promise does that the program outlives", async () => {
    await using program = startCode(LIVES);
    assertEquals(await program.during(Promise.resolve(1), { what: "one" }), 1);
    const failed = program.during(Promise.reject(new Error("no")), { what: "one" });
    assertEquals((await failureOf(failed)).message, "no");
  });

  it("ends the program when it is disposed of, and may be told so twice", async () => {
    const program = startCode(`console.log(Deno.pid); ${LIVES}`);
    const [pid] = await program.line(/\d+/);
    assert(isAlive(Number(pid)));
    await program[Symbol.asyncDispose]();
    assertEquals(isAlive(Number(pid)), false);
    await program[Symbol.asyncDispose]();
    program.kill();
  });
});
