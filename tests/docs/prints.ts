/**
 * Lets the examples of docs say what they print, and checks it. Loaded before the doc tests by
 * `deno test --doc --preload`: a block in which a comment `// prints: TEXT` stands must print these
 * texts by `console.log`, in this order, and nothing else. Blocks without one print what they like.
 */

/** Returns the texts that a block says it prints. */
export function promised(code: string): string[] {
  return [...code.matchAll(/\/\/ prints: ?(.*)$/gm)].map(([, text = ""]) => text.trimEnd());
}

/** Returns the text that `console.log` shows for these values. */
export function shown(values: readonly unknown[]): string {
  const options = { colors: false, breakLength: Infinity, compact: true };
  return values.map((value) => typeof value === "string" ? value : Deno.inspect(value, options))
    .join(" ");
}

/** Runs a block and compares what it prints with what it promises. */
export async function keepingPromise(block: () => unknown): Promise<void> {
  const promises = promised(block.toString());
  if (promises.length === 0) return void await block();
  const printed: string[] = [];
  const { log } = console;
  console.log = (...values: unknown[]) => void printed.push(shown(values));
  try {
    await block();
  } finally {
    console.log = log;
  }
  if (JSON.stringify(printed) === JSON.stringify(promises)) return;
  throw new Error(
    `The example promises to print\n  ${promises.join("\n  ")}\nand prints\n  ${
      printed.join("\n  ")
    }`,
  );
}

/** Puts the check around the tests that Deno makes of blocks: their name is a place in a file. */
function wrapped(test: typeof Deno.test): typeof Deno.test {
  const register = (name: unknown, block: unknown, ...rest: unknown[]) => {
    const isBlock = typeof name === "string" && typeof block === "function" &&
      /[#$]\d+-\d+\.\w+$/.test(name);
    const checked = isBlock ? () => keepingPromise(block as () => unknown) : block;
    Reflect.apply(test, Deno, [name, checked, ...rest]);
  };
  return Object.assign(register, test) as typeof Deno.test;
}

Object.assign(Deno, { test: wrapped(Deno.test) });
