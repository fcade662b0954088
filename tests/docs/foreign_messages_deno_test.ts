import { assert, assertStringIncludes } from "@std/assert";

const read = (path: string) => Deno.readTextFile(new URL(`../../${path}`, import.meta.url));

Deno.test("the recipes of docs/foreign_messages.md are those of the tests", async () => {
  const page = await read("docs/foreign_messages.md");
  const code = await read("tests/src/handle/foreign_recipes.ts");
  const recipes = [
    ...code.matchAll(/^(?:export )?(const \w+(?:: DispatcherOptions)? = [^]*?;\n)(?=\n|$)/gm),
  ];
  assert(recipes.length === 9, `${recipes.length}`);
  for (const [, recipe = ""] of recipes) assertStringIncludes(page, recipe);
});
