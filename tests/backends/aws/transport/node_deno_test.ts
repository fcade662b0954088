/** `nodeFetch()` on Node, beside the fetch that is built in: against servers that behave, and others. */
import { assert, assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { mustRun } from "../../../../tasks/process.ts";

const CHECKS = new URL("./node_checks.ts", import.meta.url).pathname;

/** What comes of each check. Of errors the name, and the code of the cause. */
const EXPECTED: Record<string, unknown> = {
  body: [200, true, "POST", "/a?b=1", "é🙂", "1", "6"],
  bytes: ["bytes", "2", "PUT", "a=b", "GET", ""],
  kept: 1,
  redirect: 302,
  nothing: [204, ""],
  large: 500_000,
  refused: "TypeError ECONNREFUSED",
  scheme: "TypeError Cannot fetch as the URL must be http(s)",
  header: 'TypeError Invalid character in header content ["x-a"]',
  garbage: "TypeError HPE_INVALID_CONSTANT",
  status: "TypeError fetch failed",
  hangUp: "TypeError ECONNRESET",
  headHangs: "TimeoutError The operation was aborted due to timeout",
  short: "TypeError ECONNRESET",
  chunks: "TypeError ECONNRESET",
  badChunks: "TypeError HPE_INVALID_CHUNK_SIZE",
  twoLengths: "TypeError HPE_UNEXPECTED_CONTENT_LENGTH",
  compressed: "TypeError fetch failed",
  longHead: "TypeError HPE_HEADER_OVERFLOW",
  abortBefore: "mine",
  abortBody: "mine",
  endless: "cancelled",
  backend: "OUTCOME_UNKNOWN",
};

/** Cases in which they may differ: Node opens more connections than it must, and takes any status. */
const DIFFERENT = ["kept", "status"];

/** An error by its name; codes differ between the two. */
function kind(result: unknown): unknown {
  return typeof result === "string" ? result.split(" ")[0] : result;
}

describe("nodeFetch()", () => {
  let folder: string;
  let results: Map<string, [ours: unknown, builtIn: unknown]>;

  beforeAll(async () => {
    folder = await Deno.makeTempDir();
    const output = `${folder}/checks.mjs`;
    const options = ["--quiet", "--no-check", "--platform=deno"];
    await mustRun(Deno.execPath(), ["bundle", ...options, "--output", output, CHECKS]);
    const { stdout } = await mustRun("node", [output], { timeoutMs: 60_000 });
    const lines = stdout.trim().split("\n").map((line) => JSON.parse(line));
    results = new Map(lines.map(([name, ...both]) => [name, both]));
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  for (const [name, expected] of Object.entries(EXPECTED)) {
    it(`${name}: ${JSON.stringify(expected)}`, () => {
      assert(results.has(name), "the check did not run");
      const [ours, builtIn] = results.get(name)!;
      assertEquals(ours, expected);
      if (DIFFERENT.includes(name)) return;
      assertEquals(kind(ours), kind(builtIn), `the fetch of Node gives ${builtIn}`);
    });
  }
});
