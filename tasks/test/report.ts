/** Prints how a test run goes. */
import type { Unit } from "./plan.ts";
import type { UnitResult } from "./unit.ts";

/** A report of a run that is going on. */
export interface Report {
  /** Notes that a unit has begun. */
  started(unit: Unit): void;
  /** Prints a unit's line, and its output if it failed. */
  ended(unit: Unit, result: UnitResult): void;
  /** Lists the units that failed, and leaves the terminal clean. */
  close(): void;
}

/** Where a report is printed. */
export interface ReportOptions {
  /** Prints a line. Default: to stdout. */
  print?: (line: string) => void;
  /** Shows a line that the next one takes the place of. Default: on a terminal only. */
  show?: (line: string) => void;
}

/** Begins the report of a run of so many units. */
export function openReport(total: number, options: ReportOptions = {}): Report {
  const { print = console.log, show = onTerminal } = options;
  const running = new Set<string>();
  const failed: string[] = [];
  let done = 0;
  const progress = () => show(`${done} of ${total} files, running ${[...running].join(", ")}`);
  return {
    started({ name }) {
      running.add(name);
      progress();
    },
    ended({ name }, result) {
      running.delete(name);
      done++;
      show("");
      print(lineOf(name, result));
      if (result.failed > 0) {
        failed.push(name);
        print(failuresIn(result.output));
      }
      progress();
    },
    close() {
      show("");
      if (failed.length > 0) print(`Failed: ${failed.join(" ")}`);
    },
  };
}

function lineOf(name: string, { passed, failed, ms }: UnitResult): string {
  const verdict = failed > 0 ? `FAILED ${failed}` : "ok";
  const seconds = `${(ms / 1_000).toFixed(1)} s`;
  return `${verdict.padEnd(9)}${String(passed).padStart(5)} passed ${seconds.padStart(8)}  ${name}`;
}

/** The part of Deno's output that is about failures; all of it where there is no such part. */
function failuresIn(output: string): string {
  const start = output.indexOf("\n ERRORS \n");
  return start < 0 ? output : output.slice(start);
}

function onTerminal(line: string): void {
  if (!Deno.stderr.isTerminal()) return;
  const { columns } = Deno.consoleSize();
  Deno.stderr.writeSync(new TextEncoder().encode(`\r\x1b[2K${line.slice(0, columns - 1)}`));
}
