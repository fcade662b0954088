import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { roomOf, testsOf } from "../../../tasks/mutate/tests_of.ts";

describe("roomOf()", () => {
  it("is the folder, and never deeper than two", () => {
    assertEquals(roomOf("src/event_bus.ts"), "src");
    assertEquals(roomOf("src/consume/leases.ts"), "src/consume");
    assertEquals(roomOf("src/handle/middleware/retry.ts"), "src/handle");
    assertEquals(roomOf("backends/aws/credentials/ini.ts"), "backends/aws");
  });
});

describe("testsOf()", () => {
  const tests = [
    "tests/backends/aws/credentials/ini_test.ts",
    "tests/backends/aws/hosts/lambda/mod_test.ts",
    "tests/backends/aws/mod_deno_test.ts",
    "tests/backends/aws/hosts/sns_endpoint/mod_deno_test.ts",
    "tests/backends/aws/hosts/sns_endpoint/mod_test.ts",
    "tests/backends/aws/api/xml_test.ts",
    "tests/backends/memory/lambda_test.ts",
    "tests/src/handle/middleware/retry_test.ts",
    "tests/src/publish/publisher_fifo_test.ts",
    "tests/src/publish/publisher_test.ts",
    "tests/src/publish/publishers_test.ts",
    "tests/src/support/retry_test.ts",
  ];

  it("begins with the tests of the file, then takes its room: those that need Deno last", () => {
    assertEquals(testsOf("backends/aws/credentials/ini.ts", tests), [
      ["tests/backends/aws/credentials/ini_test.ts"],
      [
        "tests/backends/aws/api/xml_test.ts",
        "tests/backends/aws/hosts/lambda/mod_test.ts",
        "tests/backends/aws/hosts/sns_endpoint/mod_test.ts",
      ],
      [
        "tests/backends/aws/hosts/sns_endpoint/mod_deno_test.ts",
        "tests/backends/aws/mod_deno_test.ts",
      ],
    ]);
  });

  it("takes tests of a part, and of the whole, for tests of the file", () => {
    assertEquals(testsOf("src/publish/publisher.ts", tests)[0], [
      "tests/src/publish/publisher_fifo_test.ts",
      "tests/src/publish/publisher_test.ts",
    ]);
    assertEquals(testsOf("src/publish/publisher_fifo.ts", tests)[0], [
      "tests/src/publish/publisher_fifo_test.ts",
      "tests/src/publish/publisher_test.ts",
    ]);
  });

  it("takes the tests of a folder's mod.ts for tests of the files beside it", () => {
    assertEquals(testsOf("backends/aws/hosts/lambda/sns.ts", tests)[0], [
      "tests/backends/aws/hosts/lambda/mod_test.ts",
    ]);
  });

  it("takes the room where the file has no test, and then what stands above it in src", () => {
    assertEquals(testsOf("src/handle/middleware/timeout.ts", tests), [
      ["tests/src/handle/middleware/retry_test.ts"],
      [
        "tests/src/publish/publisher_fifo_test.ts",
        "tests/src/publish/publisher_test.ts",
        "tests/src/publish/publishers_test.ts",
        "tests/src/support/retry_test.ts",
      ],
    ]);
  });

  it("takes nothing of other rooms outside src", () => {
    assertEquals(testsOf("cli/log.ts", tests), []);
    assertEquals(testsOf("backends/memory/queue.ts", tests), [
      ["tests/backends/memory/lambda_test.ts"],
    ]);
  });
});
