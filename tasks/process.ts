/** What a program did. */
export interface Run {
  /** Its exit code; 1 at least where it was stopped. */
  code: number;
  /** What it wrote, stderr after stdout, without colours. */
  output: string;
}

/** Options of {@linkcode run}. */
export interface RunOptions {
  /** After so many milliseconds it is stopped. Default: 300,000. */
  timeoutMs?: number;
  /** The folder that it works in. Default: that of this process. */
  cwd?: string;
}

/** Runs a program to its end, or stops it when its time is up. */
export async function run(
  command: string,
  args: string[],
  { timeoutMs = 300_000, cwd = Deno.cwd() }: RunOptions = {},
): Promise<Run> {
  const signal = AbortSignal.timeout(timeoutMs);
  const env = { NO_COLOR: "1", FORCE_COLOR: "0" };
  const program = new Deno.Command(command, { args, cwd, env, signal, stdin: "null" });
  const { code, stdout, stderr } = await program.output();
  const late = signal.aborted ? `Stopped after ${timeoutMs} ms` : "";
  const texts = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code: signal.aborted ? code || 1 : code, output: [...texts, late].join("\n").trim() };
}

/** Runs a program as {@linkcode run} does, prints what it wrote if it fails, and then throws. */
export async function mustRun(command: string, args: string[]): Promise<string> {
  const { code, output } = await run(command, args);
  if (code === 0) return output;
  console.error(output);
  throw new Error(`${command} ${args[0]} failed with exit code ${code}`);
}
