import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { run } from "../../../../../tasks/process.ts";
import { serveEmulator } from "../server.ts";

/** The SDK, and what it needs here. */
const VERSION = "2.31.0";
const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>melange</groupId><artifactId>clients</artifactId><version>1</version>
  <dependencies>
${
  ["sqs", "sns", "url-connection-client"].map((name) =>
    `    <dependency><groupId>software.amazon.awssdk</groupId><artifactId>${name}</artifactId><version>${VERSION}</version></dependency>`
  ).join("\n")
}
  </dependencies>
</project>
`;

const TUTORIAL = new URL("./Tutorial.java", import.meta.url).pathname;

const NEEDED = "This suite needs a JDK and Maven: apt-get install default-jdk-headless maven";

describe("the AWS SDK for Java", () => {
  it("does its tutorial on the emulator, digests included", async () => {
    const folder = await Deno.makeTempDir();
    try {
      await Deno.writeTextFile(`${folder}/pom.xml`, POM);
      const copy = ["-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib"];
      const copied = await run("mvn", copy, { cwd: folder, timeoutMs: 240_000 }).catch((cause) => {
        throw new Error(NEEDED, { cause });
      });
      assertEquals(copied.code, 0, copied.output);
      await using server = serveEmulator();
      const args = ["-cp", `${folder}/lib/*`, TUTORIAL, server.endpoint];
      const { code, stdout, output } = await run("java", args, { timeoutMs: 60_000 });
      assertEquals([code, stdout.trim()], [0, "all of it works"], output);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
});
