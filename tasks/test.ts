/**
 * Runs `deno test` with the options and paths given, by default on `tests/`, and prints a last line
 * `N passed, N failed`. It fails if a test fails, and if there was none.
 */
import { closingLine, type Count, countTests } from "./count.ts";
import { run } from "./process.ts";

/** Tests that take longer hang. */
const PATIENCE_MS = 1_800_000;
const REPORT = "dist/junit.xml";

if (import.meta.main) Deno.exit(await test(Deno.args));

async function test(args: string[]): Promise<number> {
  await Deno.mkdir("dist", { recursive: true });
  await Deno.remove(REPORT).catch(() => {});
  const paths = args.some((arg) => !arg.startsWith("-")) ? [] : ["tests/"];
  const all = ["test", "-A", `--junit-path=${REPORT}`, ...args, ...paths];
  const options = { shown: true, timeoutMs: PATIENCE_MS };
  const { code, output } = await run(Deno.execPath(), all, options);
  if (output) console.log(output);
  const count = await readCount();
  const failed = Math.max(count.failed, code === 0 && count.passed > 0 ? 0 : 1);
  console.log(closingLine({ ...count, failed }));
  return failed > 0 ? code || 1 : 0;
}

/** There is no report where the tests could not be loaded. */
async function readCount(): Promise<Count> {
  try {
    return countTests(await Deno.readTextFile(REPORT));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { passed: 0, failed: 0 };
    throw error;
  }
}
