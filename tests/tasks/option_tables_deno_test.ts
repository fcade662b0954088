import { assertEquals } from "@std/assert";
import { partsOf, propertiesOf } from "../../tasks/option_tables.ts";

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

Deno.test("propertiesOf() prefers the comment of the interface itself", () => {
  const property = (name: string, doc: string) => ({
    name,
    jsDoc: { doc },
    location: { filename: "", byteIndex: 0 },
  });
  const interfaces = new Map([
    ["Wide", { properties: [property("region", "wide"), property("clock", "wide")] }],
    ["Narrow", {
      properties: [property("region", "narrow")],
      extends: [{ value: { typeName: "Wide" } }],
    }],
  ]);
  const found = propertiesOf("Narrow", interfaces).map(({ name, jsDoc }) => [name, jsDoc?.doc]);
  assertEquals(found, [["region", "narrow"], ["clock", "wide"]]);
});
