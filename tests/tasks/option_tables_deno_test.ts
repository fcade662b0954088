import { assertEquals } from "@std/assert";
import { partsOf } from "../../tasks/option_tables.ts";

Deno.test("partsOf() takes the default out of a doc comment", () => {
  assertEquals(partsOf("Time of a lock. Default: 1.5 s."), {
    meaning: "Time of a lock.",
    fallback: "1.5 s",
  });
  assertEquals(partsOf("Attempts. Default:\n8\nof them. Of {@linkcode Retry} each."), {
    meaning: "Attempts. Of `Retry` each.",
    fallback: "8\nof them",
  });
  assertEquals(partsOf("The queue."), { meaning: "The queue." });
});
