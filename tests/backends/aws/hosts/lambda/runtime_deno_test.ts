/** The same bundle of a function, run by a custom runtime on Node and on Deno. */
import { assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { standInImports } from "../../../../std.ts";
import { mustRun, start } from "../../../../../tasks/process.ts";
import { type RuntimeApi, serveRuntimeApi } from "./runtime/api.ts";
import { fifoRecord, snsRecord, sqsRecord } from "./samples.ts";

const LOOP = new URL("./runtime/loop.ts", import.meta.url).pathname;
const DENO = Deno.execPath();
const RUNTIMES: Record<string, (bundle: string, api: string) => [string, string[]]> = {
  Node: (bundle) => ["node", [bundle]],
  Deno: (bundle, api) => [DENO, ["run", `--allow-net=${api}`, "--allow-env", bundle]],
};

const messageAttributes = { manifest: { stringValue: "Job", dataType: "String" } };
const job = (what: string) => ({ body: JSON.stringify({ what }), messageAttributes });
const failures = (...ids: string[]) => ({
  path: "response",
  body: { batchItemFailures: ids.map((itemIdentifier) => ({ itemIdentifier })) },
});

describe("a Lambda function", () => {
  let folder: string;

  beforeAll(async () => {
    folder = await Deno.makeTempDir();
    await Deno.writeTextFile(`${folder}/map.json`, JSON.stringify({ imports: standInImports() }));
    const options = ["--quiet", "--no-check", "--platform=browser"];
    const map = `--import-map=${folder}/map.json`;
    await mustRun(DENO, ["bundle", ...options, map, "--output", `${folder}/index.mjs`, LOOP]);
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  for (const [name, command] of Object.entries(RUNTIMES)) {
    it(`on ${name} answers one invocation after the other`, async () => {
      const api = serveRuntimeApi();
      const [program, args] = command(`${folder}/index.mjs`, api.address);
      const env = { AWS_LAMBDA_RUNTIME_API: api.address };
      const runtime = start(program, args, { env });
      try {
        await runtime.during(invokeAll(api), { what: "the answers to all invocations" });
      } finally {
        await runtime[Symbol.asyncDispose]();
        await api.close();
      }
    });
  }
});

async function invokeAll(api: RuntimeApi): Promise<void> {
  const batch = ["succeed", "fail", "succeed", "giveUp"].map((what, index) =>
    sqsRecord(`m-${index}`, job(what))
  );
  assertEquals(await api.invoke({ Records: batch }), failures("m-1", "m-3"));

  const lanes = [["a", "succeed"], ["b", "fail"], ["a", "fail"], ["b", "succeed"]] as const;
  const fifo = lanes.map(([group, what], index) => fifoRecord(`m-${index}`, group, job(what)));
  assertEquals(await api.invoke({ Records: fifo }), failures("m-1", "m-2", "m-3"));

  const late = [sqsRecord("m-0", job("hang")), sqsRecord("m-1", job("succeed"))];
  assertEquals(await api.invoke({ Records: late }, { timeoutMs: 600 }), failures("m-0"));

  const malformed = [sqsRecord("m-0", { body: null }), sqsRecord("m-1", job("succeed"))];
  assertEquals(await api.invoke({ Records: malformed }), failures("m-0"));

  const { path, body } = await api.invoke({ Records: [{ eventSource: "aws:s3" }] });
  assertEquals([path, (body as { errorType: string }).errorType], ["error", "MelangeError"]);

  const published = (what: string) =>
    snsRecord("sns-1", {
      Message: JSON.stringify({ what }),
      MessageAttributes: { manifest: { Type: "String", Value: "Job" } },
    });
  assertEquals(await api.invoke({ Records: [published("succeed")] }), {
    path: "response",
    body: null,
  });
  assertEquals(await api.invoke({ Records: [published("fail")] }), {
    path: "error",
    body: {
      errorType: "MelangeError",
      errorMessage: "Cannot finish 1 of 1 messages of SNS: the invocation must be retried",
    },
  });
}
