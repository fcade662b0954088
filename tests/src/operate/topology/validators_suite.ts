/** Exports before the validators of those who read them: cfn-lint, and the parser of AsyncAPI. */
import { Parser } from "@asyncapi/parser";
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { asyncApi } from "../../../../src/operate/asyncapi/mod.ts";
import { toCloudFormation, topologyOf } from "../../../../src/operate/topology/mod.ts";
import { mustRun, run } from "../../../../tasks/process.ts";
import { shop } from "./services.ts";

const CFN_LINT = "cfn-lint==1.58.0";
const FOLDER = "dist/tests/cfn_lint";
const INSTALL_MS = 240_000;

const FIFO = topologyOf({
  queue: "ledger.fifo",
  deadLetterQueue: "ledger-dlq.fifo",
  contentBasedDeduplication: true,
  visibilityTimeoutMs: 12_000,
  subscribeTo: [{ topic: "entries.fifo", filter: { tenant: [{ prefix: "a" }] }, raw: false }],
});

const TEMPLATES = {
  standard: toCloudFormation(shop()),
  fifo: toCloudFormation(FIFO),
  functions: toCloudFormation(shop(), {
    functions: [
      { queue: "billing", codeUri: "dist/", handler: "main.handler", maximumConcurrency: 5 },
      {
        queue: "shipping",
        codeUri: "dist/",
        handler: "main.handler",
        provisionedPollers: { minimum: 2, maximum: 20 },
      },
    ],
  }),
};

describe("cfn-lint", () => {
  it("finds no fault in the templates", async () => {
    await Deno.mkdir(FOLDER, { recursive: true });
    await mustRun("python3", ["-m", "venv", `${FOLDER}/venv`], { timeoutMs: INSTALL_MS });
    const quiet = ["--quiet", "--disable-pip-version-check"];
    await mustRun(`${FOLDER}/venv/bin/pip`, ["install", ...quiet, CFN_LINT, "setuptools"], {
      timeoutMs: INSTALL_MS,
    });
    const files = Object.keys(TEMPLATES).map((name) => `${FOLDER}/${name}.json`);
    for (const [index, template] of Object.values(TEMPLATES).entries()) {
      await Deno.writeTextFile(files[index]!, JSON.stringify(template, null, 2));
    }
    const { code, stdout, stderr } = await run(`${FOLDER}/venv/bin/cfn-lint`, files);
    assertEquals([code, stdout, stderr], [0, "", ""]);
  });
});

describe("the parser of AsyncAPI", () => {
  for (const [name, topology] of [["standard", shop()], ["FIFO", FIFO]] as const) {
    it(`finds no fault in the document: ${name}`, async () => {
      const document = asyncApi(topology, { title: "Shop", version: "1.0.0" });
      const { diagnostics } = await new Parser().parse(JSON.stringify(document));
      // 0 is an error, 1 a warning; others are advice, such as to name a licence.
      const faults = diagnostics.filter(({ severity }) => severity < 2);
      assertEquals(faults.map(({ message, path }) => [path.join("."), message]), []);
    });
  }
});
