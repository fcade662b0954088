import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { manifestOf } from "../../../tasks/pack/manifest.ts";

const config = {
  name: "@some/package",
  version: "1.2.3",
  license: "MIT",
  exports: { ".": "./mod.ts", "./aws": "./backends/aws/mod.ts" },
  imports: { aws4fetch: "npm:aws4fetch@^1.0.20", esbuild: "npm:esbuild@0.28.1" },
};

describe("manifestOf()", () => {
  it("points every subpath to its module and its types, types first", () => {
    const { exports } = manifestOf(config);
    assertEquals(JSON.stringify((exports as Record<string, unknown>)["./aws"]), AWS);
    assertEquals((exports as Record<string, unknown>)["./package.json"], "./package.json");
  });

  it("tells the types of subpaths to resolutions that do not read `exports`", () => {
    const { typesVersions, types, main } = manifestOf(config);
    assertEquals(typesVersions, { "*": { aws: ["./backends/aws/mod.d.ts"] } });
    assertEquals([types, main], ["./mod.d.ts", "./mod.js"]);
  });

  it("depends on aws4fetch alone, in the range of deno.json", () => {
    const manifest = manifestOf(config);
    assertEquals(manifest.dependencies, { aws4fetch: "^1.0.20" });
    assertEquals("optionalDependencies" in manifest, false);
    const peers = Object.keys(manifest.peerDependencies as object);
    assertEquals(peers, ["@valibot/to-json-schema", "devalue"]);
    assertEquals(
      manifest.peerDependenciesMeta,
      Object.fromEntries(peers.map((name) => [name, { optional: true }])),
    );
    assertThrows(() => manifestOf({ ...config, imports: {} }), TypeError);
  });

  it("has what registries show, and a program, the only module with side effects", () => {
    const { name, version, license, engines, bin, sideEffects } = manifestOf(config);
    assertEquals([name, version, license], ["@some/package", "1.2.3", "MIT"]);
    assertEquals(engines, { node: ">=20.19.0" });
    assertEquals(bin, { melange: "cli/bin.js" });
    assertEquals(sideEffects, ["./cli/bin.js"]);
  });
});

const AWS = `{"types":"./backends/aws/mod.d.ts","default":"./backends/aws/mod.js"}`;
