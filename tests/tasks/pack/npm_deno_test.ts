import { assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { installFailure } from "../../../tasks/pack/npm.ts";

describe("installFailure()", () => {
  it("tells a machine without a registry from a package that is not there", () => {
    const packages = { esbuild: "1.0.0" };
    const offline = installFailure(packages, "npm error code ENOTFOUND");
    assertMatch(offline, /^Cannot install esbuild@1\.0\.0\. .*offline\? npm said:\nnpm error/);
    assertMatch(installFailure(packages, "npm error code E404"), /may not have them/);
  });
});
