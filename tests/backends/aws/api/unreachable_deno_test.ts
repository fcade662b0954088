/** Services that cannot be reached, on a real network, in little time. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { AwsBackend } from "../../../../backends/aws/mod.ts";
import { MelangeError } from "../../../../src/support/errors.ts";
import { run } from "../../../../tasks/process.ts";
import { withoutAws } from "../../../without_aws.ts";

const credentials = { accessKeyId: "AKID", secretAccessKey: "secret" };

/** A port of this machine on which nobody listens. */
function closedPort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}

const places: [what: string, options: () => { endpoint?: string; region: string }, says: string][] =
  [
    [
      "a closed port",
      () => ({ endpoint: `http://127.0.0.1:${closedPort()}`, region: "eu-west-1" }),
      "127.0.0.1",
    ],
    [
      "a host that does not exist",
      () => ({ endpoint: "https://sqs.nowhere.invalid", region: "eu-west-1" }),
      "sqs.nowhere.invalid",
    ],
  ];

describe("what cannot be reached", () => {
  for (const [what, options, says] of places) {
    it(`ends in under two seconds: ${what}`, async () => {
      const startedAt = performance.now();
      const backend = new AwsBackend({ ...options(), credentials, accountId: "123456789012" });
      const error = await assertRejects(() => backend.declareQueue("q"), MelangeError);
      assertEquals([error.code, error.retryable], ["CONFIGURATION", false]);
      assert(error.message.includes(says), error.message);
      assert(error.cause instanceof Error);
      assert(performance.now() - startedAt < 2_000);
      await backend.close();
    });
  }
});

const CLI = new URL("../../../../cli/mod.ts", import.meta.url).pathname;
const ROOT = new URL("../../../../", import.meta.url).pathname;
const HANDLERS = new URL("../../../cli/handlers/dispatcher.ts", import.meta.url).pathname;

/** Runs a command in a process of its own. */
async function runCommand(args: string[], permissions: string[]) {
  const startedAt = performance.now();
  const all = ["run", "-q", "--no-prompt", "-E", "-R", ...permissions, CLI, ...args];
  const env = {
    ...withoutAws(),
    AWS_ACCESS_KEY_ID: "AKID",
    AWS_SECRET_ACCESS_KEY: "secret",
    AWS_REGION: "eu-west-1",
    AWS_ACCOUNT_ID: "123456789012",
  };
  const { code, stdout, stderr } = await run(Deno.execPath(), all, { cwd: ROOT, env });
  return { code, said: stderr + stdout, ms: performance.now() - startedAt };
}

const COMMANDS: [command: string, args: string[]][] = [
  ["declare", ["declare", "--queue", "q", "--subscribe", "orders"]],
  ["publish", ["publish", "OrderPlaced", "{}", "--topic", "orders"]],
  ["publish to a queue", ["publish", "OrderPlaced", "{}", "--queue", "q"]],
  ["consume", ["consume", "--queue", "q", "--handlers", HANDLERS]],
];

describe("the command line", () => {
  for (const [command, args] of COMMANDS) {
    it(`ends ${command} on a closed port, with its address and the cause`, async () => {
      const endpoint = `http://127.0.0.1:${closedPort()}`;
      const { code, said, ms } = await runCommand([...args, "--endpoint", endpoint], ["-N"]);
      assertEquals(code, 1, said);
      assert(said.includes(endpoint) && said.includes("nothing listens there"), said);
      // Starting the process is in it.
      assert(ms < 5_000, `${ms} ms`);
    });

    it(`ends ${command} without --allow-net, and names that`, async () => {
      const { code, said, ms } = await runCommand(args, []);
      assertEquals(code, 1, said);
      assert(/s[nq]s\.eu-west-1\.amazonaws\.com/.test(said), said);
      assert(said.includes("not permitted"), said);
      assert(ms < 5_000, `${ms} ms`);
    });
  }
});
