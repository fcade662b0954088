/**
 * Prints the option that tells Deno where `@std` is: `--config=deno.json` where JSR answers, else an
 * import map in which the stand-ins of `tests/portable/` take its place. Which it took is said on
 * stderr. Used as `deno test -A $(deno run -q -R tests/std.ts) tests/`.
 */
import config from "../deno.json" with { type: "json" };

/** How long JSR may take to deliver what the tests import. */
const PATIENCE_MS = 3_000;

/** What the tests import of `@std`, and the file that stands in for it. */
const STAND_INS: Record<string, string> = {
  "@std/assert": "tests/portable/assert.ts",
  "@std/testing/bdd": "tests/portable/bdd.ts",
  "@std/testing/mock": "tests/portable/mock.ts",
  "@std/testing/time": "tests/portable/time.ts",
};

/**
 * The imports of deno.json with the stand-ins in place of `@std`, and the entry points of this
 * package under its own name. A map given on the command line replaces deno.json's, which Deno
 * would have widened by the subpaths of packages: here they are spelled out.
 */
export function standInImports(): Record<string, string> {
  const imports: Record<string, string> = {};
  for (const [name, address] of Object.entries(config.imports)) {
    if (name.startsWith("@std/")) continue;
    imports[name] = absolute(address);
    if (address.startsWith("npm:")) imports[`${name}/`] = `npm:/${address.slice(4)}/`;
  }
  for (const [subpath, file] of Object.entries(config.exports)) {
    imports[config.name + subpath.slice(1)] = absolute(file);
  }
  for (const [name, file] of Object.entries(STAND_INS)) imports[name] = absolute(file);
  return imports;
}

function absolute(address: string): string {
  return /^[a-z]+:/.test(address) ? address : new URL(`../${address}`, import.meta.url).href;
}

/** The names are not literals here: Deno would wait for JSR before this file runs. */
async function jsrAnswers(): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("JSR is slow")), PATIENCE_MS);
  });
  const loaded = Promise.all(Object.keys(STAND_INS).map((name) => import(name)));
  try {
    await Promise.race([loaded, late]);
    return true;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}

/** The option that tells Deno where `@std` is. Which one it took is said on stderr. */
export async function stdOption(): Promise<string> {
  if (await jsrAnswers()) {
    console.error("tests: @std comes from JSR");
    return "--config=deno.json";
  }
  console.error(
    "tests: JSR does not answer, the stand-ins in tests/portable/ take the place of @std",
  );
  const map = btoa(JSON.stringify({ imports: standInImports() }));
  return `--import-map=data:application/json;base64,${map}`;
}

if (import.meta.main) {
  console.log(await stdOption());
  Deno.exit();
}
