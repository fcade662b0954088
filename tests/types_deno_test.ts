/** Runs the compiler over `types/`: what is promised there compiles, and what is refused is an error. */
import { assert, assertEquals } from "@std/assert";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { stripVTControlCharacters } from "node:util";
import { run } from "../tasks/process.ts";
import { stdOption } from "./std.ts";

const FOLDER = new URL("types/", import.meta.url);
const MARK = "@ts-expect-error";
/** Codes of errors that no type makes: of a name, a module or a member of one that is not there. */
const NOT_OF_TYPES = [2304, 2305, 2306, 2307, 2552, 2724];

const files = [...Deno.readDirSync(FOLDER)]
  .map(({ name }) => ({ name, text: Deno.readTextFileSync(new URL(name, FOLDER)) }))
  .filter(({ text }) => text.includes(MARK));

interface CompilerError {
  readonly code: number;
  /** The address of the file. */
  readonly file: string;
  readonly line: number;
}

/** What the compiler says to the files, once as they are, and once, as copies, without their marks. */
async function compile(): Promise<CompilerError[]> {
  const folder = await Deno.makeTempDir({ prefix: "melange-" });
  try {
    for (const { name, text } of files) {
      const absolute = text.replaceAll(
        /from "(\.[^"]+)"/g,
        (_, path) => `from "${new URL(path, FOLDER)}"`,
      );
      await Deno.writeTextFile(`${folder}/${name}`, absolute.replaceAll(MARK, "an error:"));
    }
    const { output: coloured } = await run(Deno.execPath(), [
      "check",
      await stdOption(),
      ...files.map(({ name }) => new URL(name, FOLDER).href),
      ...files.map(({ name }) => `${folder}/${name}`),
    ]);
    const output = stripVTControlCharacters(coloured);
    const errors = errorsIn(output);
    assertEquals(errors.length, Number(/^Found (\d+) errors/m.exec(output)?.[1]), output);
    return errors;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The errors that have a place of their own; what belongs to another error is further to the right. */
function errorsIn(output: string): CompilerError[] {
  return output.split(/^(?=TS\d+ \[ERROR\])/m).flatMap((text) => {
    const [, code] = /^TS(\d+)/.exec(text) ?? [];
    const [, file = "", line] = /^ {4}at (.+):(\d+):\d+$/m.exec(text) ?? [];
    return code && line ? [{ code: Number(code), file, line: Number(line) }] : [];
  });
}

/** The lines that follow a mark. */
function markedLines(text: string): number[] {
  return text.split("\n").flatMap((line, index) => line.includes(MARK) ? [index + 2] : []);
}

describe("the types", () => {
  let all: CompilerError[] = [];
  const errorsOf = (name: string, { original }: { original: boolean }) =>
    all.filter(({ file }) =>
      file.endsWith(`/${name}`) && file.startsWith(FOLDER.href) === original
    );

  beforeAll(async () => {
    all = await compile();
  });

  for (const { name, text } of files) {
    it(`in ${name} compile`, () => {
      assertEquals(errorsOf(name, { original: true }), []);
    });

    it(`in ${name} refuse each marked line, and no other`, () => {
      const errors = errorsOf(name, { original: false });
      assertEquals(errors.map(({ line }) => line), markedLines(text));
    });

    it(`in ${name} are the reason for every error`, () => {
      const errors = errorsOf(name, { original: false });
      assert(errors.length > 0);
      assertEquals(errors.filter(({ code }) => NOT_OF_TYPES.includes(code)), []);
    });
  }
});
