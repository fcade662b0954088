import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { roomOf, testsOf } from "../../../tasks/mutate/tests_of.ts";

describe("roomOf()", () => {
  it("is the folder, and never deeper than two", () => {
    assertEquals(roomOf("src/lease.ts"), "src");
    assertEquals(roomOf("src/middleware/retry.ts"), "src/middleware");
    assertEquals(roomOf("backends/aws/credentials/ini.ts"), "backends/aws");
  });
});

describe("testsOf()", () => {
  const tests = [
    "tests/backends/aws/credentials/ini_test.ts",
    "tests/backends/aws/lambda_test.ts",
    "tests/backends/aws/mod_deno_test.ts",
    "tests/backends/aws/sns_endpoint_deno_test.ts",
    "tests/backends/aws/sns_endpoint_test.ts",
    "tests/backends/aws/xml_test.ts",
    "tests/backends/memory/lambda_test.ts",
    "tests/src/middleware/retry_test.ts",
    "tests/src/publisher_fifo_test.ts",
    "tests/src/publisher_test.ts",
    "tests/src/publishers_test.ts",
    "tests/src/retry_test.ts",
  ];

  it("begins with the tests of the file, then takes its room: those that need Deno last", () => {
    assertEquals(testsOf("backends/aws/credentials/ini.ts", tests), [
      ["tests/backends/aws/credentials/ini_test.ts"],
      [
        "tests/backends/aws/lambda_test.ts",
        "tests/backends/aws/sns_endpoint_test.ts",
        "tests/backends/aws/xml_test.ts",
      ],
      ["tests/backends/aws/mod_deno_test.ts", "tests/backends/aws/sns_endpoint_deno_test.ts"],
    ]);
  });

  it("takes tests of a part, and of the whole, for tests of the file", () => {
    assertEquals(testsOf("src/publisher.ts", tests)[0], [
      "tests/src/publisher_fifo_test.ts",
      "tests/src/publisher_test.ts",
    ]);
    assertEquals(testsOf("backends/aws/lambda_sns.ts", tests)[0], [
      "tests/backends/aws/lambda_test.ts",
    ]);
  });

  it("takes only the room where the file has no test, and nothing of other rooms", () => {
    assertEquals(testsOf("src/middleware/timeout.ts", tests), [
      ["tests/src/middleware/retry_test.ts"],
    ]);
    assertEquals(testsOf("cli/log.ts", tests), []);
  });
});
