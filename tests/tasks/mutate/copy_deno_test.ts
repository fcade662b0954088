import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { withCopy } from "../../../tasks/mutate/copy.ts";
import { withTree } from "./tree.ts";

function exists(path: string): Promise<boolean> {
  return Deno.stat(path).then(() => true, () => false);
}

describe("withCopy()", () => {
  it("copies what is needed, asks where @std is, and leaves nothing behind", async () => {
    const others = {
      ".git/config": "",
      "node_modules/a/mod.ts": "",
      "coverage/a.json": "",
      "dist/a.js": "",
      "src/dist/kept.ts": "",
      "distance.ts": "",
    };
    await withTree(async (tree) => {
      const root = await withCopy(tree, async ({ root, std }) => {
        const copied: string[] = [];
        for (const path of Object.keys(others)) {
          if (await exists(`${root}/${path}`)) copied.push(path);
        }
        assertEquals(copied, ["src/dist/kept.ts", "distance.ts"]);
        assertEquals(await exists(`${root}/src/age.ts`), true);
        assertEquals(std, `--config=${root}/deno.json`);
        return root;
      });
      assertEquals([await exists(root), await exists(`${tree}.git/config`)], [false, true]);
    }, others);
  });

  it("leaves nothing behind when it fails", async () => {
    await withTree(async (tree) => {
      let copy = "";
      const failed = await withCopy(tree, ({ root }) => {
        copy = root;
        return Promise.reject(new Error("no"));
      }).catch((error: Error) => error.message);
      assertEquals([failed, await exists(copy)], ["no", false]);
    });
  });
});
