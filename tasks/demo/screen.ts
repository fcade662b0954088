/** Shows how it goes: one line that changes on a terminal, else a plain line now and then. */
export interface Screen {
  /** Prints a line that stays. */
  say(line: string): void;
  /** Shows the state of things; `undefined` removes it. */
  show(line: string | undefined): void;
}

/** A pipe gets a line of state at most this often. */
const PLAIN_MS = 1_000;

/** Creates a screen on standard output. */
export function createScreen(): Screen {
  return Deno.stdout.isTerminal() ? terminal() : plain();
}

function terminal(): Screen {
  const write = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(text));
  return {
    say: (line) => void write(`\r\x1b[K${line}\n`),
    // A line that wraps could not be rewritten.
    show: (line = "") => void write(`\r\x1b[K${line.slice(0, Deno.consoleSize().columns - 1)}`),
  };
}

function plain(): Screen {
  let last = "";
  let lastAt = -Infinity;
  return {
    say: (line) => console.log(line),
    show(line) {
      const now = performance.now();
      if (line === undefined || line === last || now - lastAt < PLAIN_MS) return;
      [last, lastAt] = [line, now];
      console.log(line);
    },
  };
}
