import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { appendTry, readTries, type Try } from "../../../tasks/demo/record.ts";

describe("a record", () => {
  it("has each try in order, but for one that is still being written", async () => {
    const path = await Deno.makeTempFile();
    try {
      assertEquals(await readTries(path), []);
      const tries: Try[] = [
        { eventId: "a", result: "failed", at: 1 },
        { eventId: "a", result: "handled", at: 2 },
      ];
      for (const item of tries) appendTry(path, item);
      assertEquals(await readTries(path), tries);
      await Deno.writeTextFile(path, `{"eventId":"b","res`, { append: true });
      assertEquals(await readTries(path), tries);
    } finally {
      await Deno.remove(path);
    }
  });
});
