import { assertEquals } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);
const CODE = /^```.*?^```/gms;
const LINK = /\]\((?![a-z]+:)([^)\s]+)\)/g;

Deno.test("every link between the pages leads to a file, and to a heading of it", async () => {
  const pages = [...await pagesOf("docs/"), ...["README.md", "examples/README.md"]];
  const broken: string[] = [];
  for (const page of pages) {
    const url = new URL(page, ROOT);
    for (const [, target = ""] of (await textOf(url)).matchAll(LINK)) {
      if (!await leadsSomewhere(new URL(target, url))) broken.push(`${page}: ${target}`);
    }
  }
  assertEquals(broken, []);
});

Deno.test("the index docs/README.md has a line for every page", async () => {
  const index = await textOf(new URL("docs/README.md", ROOT));
  const pages = (await pagesOf("docs/")).map((page) => page.slice("docs/".length));
  assertEquals(pages.filter((page) => page !== "README.md" && !index.includes(`(${page})`)), []);
});

async function pagesOf(folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(new URL(folder, ROOT))) {
    if (name.endsWith(".md")) names.push(`${folder}${name}`);
  }
  return names;
}

async function textOf(page: URL): Promise<string> {
  return (await Deno.readTextFile(page)).replace(CODE, "");
}

async function leadsSomewhere(target: URL): Promise<boolean> {
  const anchor = target.hash.slice(1);
  const file = new URL(target.pathname, target);
  const found = await Deno.stat(file).catch(() => undefined);
  if (!found || anchor === "" || !file.pathname.endsWith(".md")) return found !== undefined;
  const headings = (await textOf(file)).matchAll(/^#+ (.*)$/gm);
  return [...headings].some(([, heading = ""]) => anchorOf(heading) === anchor);
}

/** The anchor that GitHub gives to a heading. */
function anchorOf(heading: string): string {
  return heading.toLowerCase().replace(/[^\p{L}\p{N}\- _]/gu, "").trim().replaceAll(" ", "-");
}
