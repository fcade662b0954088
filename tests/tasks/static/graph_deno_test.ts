import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { faultsIn, importsOf, readGraph } from "../../../tasks/static/graph.ts";

function faultsOf(imports: Record<string, string[]>): string[] {
  return faultsIn(new Map(Object.entries(imports)));
}

describe("faultsIn()", () => {
  it("takes imports of the same floor and of floors below", () => {
    const graph = {
      "src/event/event.ts": ["src/event/schema.ts", "src/support/errors.ts"],
      "backends/memory/mod.ts": ["src/backend.ts", "backends/memory/broker.ts"],
      "backends/broadcast_channel/state.ts": ["backends/memory/broker.ts"],
      "backends/aws/api/signing.ts": ["aws4fetch"],
      "cli/consume.ts": ["backends/aws/mod.ts", "mod.ts"],
    };
    assertEquals(faultsOf(graph), []);
  });

  for (
    const [from, to, rule] of [
      ["src/support/retry.ts", "src/backend.ts", "an import may not go up a floor"],
      ["src/wire/message.ts", "src/publish/publisher.ts", "an import may not go up a floor"],
      ["src/consume/consumer.ts", "backends/memory/mod.ts", "an import may not go up a floor"],
      ["mod.ts", "backends/memory/mod.ts", "an import may not go up a floor"],
      ["backends/aws/mod.ts", "cli/io.ts", "an import may not go up a floor"],
      [
        "backends/memory/mod.ts",
        "backends/broadcast_channel/mod.ts",
        "a backend may not reach into another one",
      ],
      [
        "backends/aws/sender.ts",
        "backends/memory/uuid.ts",
        "a backend may not reach into another one",
      ],
      ["backends/aws/sender.ts", "aws4fetch", "only backends/aws/api/ signs requests"],
      [
        "src/wire/serializer_registry.ts",
        "devalue",
        "only src/wire/serializers/any.ts needs the package",
      ],
    ] as const
  ) {
    it(`refuses ${from} -> ${to}`, () => {
      assertEquals(faultsOf({ [from]: [to] }), [`${from} -> ${to}: ${rule}`]);
    });
  }

  it("names the path of a circle once, however many files lead to it", () => {
    const graph = {
      "src/event/a.ts": ["src/event/b.ts"],
      "src/event/b.ts": ["src/event/c.ts"],
      "src/event/c.ts": ["src/event/b.ts"],
      "src/event/d.ts": ["src/event/c.ts"],
    };
    assertEquals(faultsOf(graph), [
      "src/event/b.ts -> src/event/c.ts -> src/event/b.ts: these import each other in a circle",
    ]);
  });
});

describe("importsOf()", () => {
  it("finds types, re-exports and what is loaded later, and nothing in comments", () => {
    const source = `
      import { a } from "./a.ts";
      import type { B } from "../b.ts";
      export * from "./c.ts";
      import "./d.ts";
      const late = await import("./e.ts");
      /** import { f } from "./f.ts"; */
      // import { g } from "./g.ts";
      import { AwsV4Signer } from "aws4fetch";
      import * as v from "valibot";
    `;
    const files = ["src/x/a.ts", "src/b.ts", "src/x/c.ts", "src/x/d.ts", "src/x/e.ts"];
    assertEquals(importsOf("src/x/mod.ts", source), [...files, "aws4fetch"]);
  });
});

describe("the house", () => {
  it("has no upward import and no circle", async () => {
    assertEquals(faultsIn(await readGraph(["mod.ts", "src", "backends", "cli"])), []);
  });
});
