/** Progress on a terminal: one line that is written over. A pipe gets nothing. */
import type { Line } from "./measurement.ts";

/** Shows what has been measured. */
export interface Progress {
  tell(line: Line): void;
  /** Removes the line. */
  end(): void;
}

/** Creates the line. */
export function progress(title: string): Progress {
  if (!Deno.stdout.isTerminal()) return { tell() {}, end() {} };
  const write = (text: string) =>
    Deno.stdout.writeSync(new TextEncoder().encode(`\r\x1b[K${text}`));
  return {
    tell: (line) => {
      const what = "failure" in line
        ? "failed"
        : "round" in line
        ? `round ${line.round + 1}`
        : "done";
      write(`${title}: ${line.scenario}, ${line.variant}, ${what}`.slice(0, 100));
    },
    end: () => write(""),
  };
}
