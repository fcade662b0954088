/** Serves the page of `examples/tabs/` on this machine, for nobody else. */
import { isAskedHost } from "../cli/asked_host.ts";
import { standInImports } from "../tests/std.ts";
import { mustRun } from "./process.ts";

const FOLDER = "examples/tabs";
const BUILT = "dist/tabs";

if (import.meta.main) {
  await buildTabs();
  const port = Number(Deno.args[0] ?? 8000);
  Deno.serve({ hostname: "127.0.0.1", port, onListen }, ({ url, headers }) => {
    const isAsked = isAskedHost(headers.get("host") ?? undefined, []);
    return isAsked ? answer(new URL(url).pathname) : new Response("Forbidden", { status: 403 });
  });
}

/** Bundles the page. */
export async function buildTabs(): Promise<void> {
  await Deno.mkdir(BUILT, { recursive: true });
  const map = `${BUILT}/import_map.json`;
  await Deno.writeTextFile(map, JSON.stringify({ imports: standInImports() }));
  const options = ["--quiet", "--no-check", "--platform=browser", `--import-map=${map}`];
  const output = `${BUILT}/page.js`;
  await mustRun(Deno.execPath(), ["bundle", ...options, "--output", output, `${FOLDER}/page.ts`]);
}

/** The files of the page by name; {@linkcode buildTabs} comes first. */
export async function tabsFiles(): Promise<Record<string, string>> {
  return {
    "index.html": await Deno.readTextFile(`${FOLDER}/index.html`),
    "page.js": await Deno.readTextFile(`${BUILT}/page.js`),
  };
}

async function answer(path: string): Promise<Response> {
  const name = path === "/" ? "index.html" : path.slice(1);
  const files = await tabsFiles();
  if (!Object.hasOwn(files, name)) return new Response("Not found", { status: 404 });
  const type = name.endsWith(".js") ? "text/javascript" : "text/html";
  return new Response(files[name], { headers: { "content-type": `${type}; charset=utf-8` } });
}

function onListen({ hostname, port }: { hostname: string; port: number }): void {
  console.log(`Open http://${hostname}:${port}/ in a few tabs. Ctrl-C ends it.`);
}
