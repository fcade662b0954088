import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { knownAs } from "./known.ts";
import { differences } from "./main.ts";

describe("the emulator beside fauxqs", () => {
  it("differs only where the page says so", async () => {
    const against = "fauxqs";
    const folder = await Deno.makeTempDir();
    try {
      const { seen, calls } = await differences({ against, folder, seed: 1, sequences: 150 });
      const unknown = [...seen.keys()].filter((signature) => !knownAs(against, signature));
      assertEquals(unknown, []);
      assertEquals(calls > 3_000, true, `${calls} calls`);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
});
