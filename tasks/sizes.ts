/**
 * Prints what users of the package have in their bundles: minified and gzipped, from the package of
 * `deno task pack` (npm) and from that of `deno pack`, whose transpiler JSR shares, by esbuild and by
 * rollup. Fails where a bundle is larger than it may be. `--json` prints the same for programs.
 */
import config from "../deno.json" with { type: "json" };
import { bundle, type Bundler, BUNDLERS, gzippedBytes } from "./pack/bundle.ts";
import { pack } from "./pack/pack.ts";
import { type Budget, BUDGETS, isTooLarge, type Size, tableOf } from "./pack/budgets.ts";
import { type Tools, tools as installTools } from "./pack/tools.ts";
import { mustRun } from "./process.ts";

if (import.meta.main) {
  const { tarball } = await pack();
  const tools = await installTools();
  const jsr = await packForJsr();
  const sizes = await Promise.all([measure("npm", tarball, tools), measure("jsr", jsr, tools)]);
  const all = sizes.flat();
  console.log(Deno.args.includes("--json") ? JSON.stringify(all, null, 2) : tableOf(all));
  const tooLarge = all.filter(isTooLarge);
  for (const { name, form, bundler, gzipped } of tooLarge) {
    console.error(`Cannot have ${gzipped} bytes for ${name} (${form}, ${bundler}): see its budget`);
  }
  Deno.exit(tooLarge.length > 0 ? 1 : 0);
}

/** Makes a tarball as JSR makes its own. */
async function packForJsr(): Promise<string> {
  // Not beside the tarball of npm, of which a release publishes all that it finds.
  const tarball = `${Deno.cwd()}/dist/tools/jsr.tgz`;
  await mustRun(Deno.execPath(), [
    ...["pack", "--quiet", "--allow-dirty", "--no-source-maps", "--output", tarball],
  ]);
  return tarball;
}

async function measure(form: Size["form"], tarball: string, tools: Tools): Promise<Size[]> {
  const folder = `${tools.folder}/sizes/${form}`;
  const target = `${folder}/node_modules/${config.name}`;
  await Deno.remove(folder, { recursive: true }).catch(() => {}); // It was not there.
  await Deno.mkdir(target, { recursive: true });
  await mustRun("tar", ["-xzf", tarball, "--strip-components=1", "-C", target]);
  const sizes: Size[] = [];
  for (const budget of BUDGETS) {
    for (const bundler of BUNDLERS) {
      sizes.push(await sizeOf(budget, { form, bundler, tools, folder }));
    }
  }
  return sizes;
}

interface SizeOptions {
  readonly form: Size["form"];
  readonly bundler: Bundler;
  readonly tools: Tools;
  readonly folder: string;
}

async function sizeOf({ name, code }: Budget, options: SizeOptions): Promise<Size> {
  const { form, bundler } = options;
  const text = await bundle(code, options);
  return { name, form, bundler, minified: text.trim().length, gzipped: gzippedBytes(text) };
}
