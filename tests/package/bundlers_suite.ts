/** The npm package in bundles of an empty folder: by Vite in Chromium, by esbuild in workerd. */
import { assertEquals, assertMatch } from "@std/assert";
import { after, before, describe, it } from "@std/testing/bdd";
import { AwsBackend } from "../../backends/aws/mod.ts";
import { pinned } from "../../tasks/pack/tools.ts";
import { mustRun } from "../../tasks/process.ts";
import {
  openProfile,
  ORIGIN,
  type Page,
  startChromium,
} from "../backends/broadcast_channel/chromium.ts";
import { startBroker } from "../broker.ts";
import { serveWorkerd } from "../runtimes/serve_workerd.ts";
import { within } from "../wait.ts";
import { createProject, PACKAGE, type Project } from "./project.ts";

const SCHEMA = `v.object({ orderId: v.string(), total: v.number() })`;

/** What runs in the browser: a bus in memory, and one that tabs share. */
const PAGE = `import { defineEvent, EventBus } from "${PACKAGE}";
import { BroadcastChannelBackend } from "${PACKAGE}/broadcast-channel";
import { MemoryBackend } from "${PACKAGE}/memory";
import * as v from "valibot";

const OrderPlaced = defineEvent("OrderPlaced", { topic: "orders", schema: ${SCHEMA} });

async function totalOn(backend) {
  const bus = new EventBus({ backend, queue: "billing" });
  const total = new Promise((resolve) => {
    bus.subscribe(OrderPlaced, (event) => resolve(event.data.total), { name: "bill" });
  });
  await bus.declare();
  bus.start();
  await bus.publish(OrderPlaced({ orderId: "o-1", total: 42 }));
  const sum = await total;
  await bus.stop();
  await backend.close();
  return sum;
}

const totals = [
  await totalOn(new MemoryBackend()),
  await totalOn(new BroadcastChannelBackend({ name: "shop" })),
];
document.title = "totals " + totals.join(" ");
`;

const INDEX = `<!doctype html><title>waiting</title><script type="module" src="/main.js"></script>`;

/** An edge function as people write it. */
const WORKER = `import { defineEvent, MessagePublisher } from "${PACKAGE}";
import { awsSender } from "${PACKAGE}/aws";
import * as v from "valibot";

const OrderPlaced = defineEvent("OrderPlaced", { topic: "orders", schema: ${SCHEMA} });

export default {
  async fetch(request, env) {
    const backend = awsSender({ environment: (name) => env[name] });
    const publisher = new MessagePublisher({ backend });
    try {
      const { messageId } = await publisher.publish(OrderPlaced(await request.json()));
      return new Response(messageId);
    } catch (error) {
      return new Response(error.code, { status: 400 });
    }
  },
};
`;

describe("bundles of the npm package", () => {
  let project: Project;
  before(async () => {
    project = await createProject({ ...pinned(["esbuild", "valibot"]), vite: "^8" });
  });
  after(async () => await project[Symbol.asyncDispose]());

  it("by Vite run in Chromium", async () => {
    await project.write("index.html", INDEX);
    await project.write("main.js", PAGE);
    const vite = `${project.folder}/node_modules/vite/bin/vite.js`;
    await mustRun("node", [vite, "build", "--logLevel", "warn"], { cwd: project.folder });
    assertEquals(await titleIn(await built(`${project.folder}/dist`)), "totals 42 42");
  });

  it("by esbuild run in workerd, with AWS in the form of a local broker", async () => {
    const broker = await startBroker();
    const backend = new AwsBackend(broker.options);
    try {
      await backend.declareQueue("billing", { subscribeTo: ["orders"] });
      await project.write("worker.js", WORKER);
      const esbuild = `${project.folder}/node_modules/.bin/esbuild`;
      const options = ["--bundle", "--minify", "--format=esm", "--outfile=out/worker.js"];
      await mustRun(esbuild, ["worker.js", ...options], { cwd: project.folder });
      const env = bindings(broker.endpoint);
      const worker = await serveWorkerd({ bundle: `${project.folder}/out/worker.js`, env });
      try {
        const accepted = await post(worker.url, { orderId: "o-1", total: 42 });
        assertEquals(accepted.status, 200, accepted.text);
        assertMatch(accepted.text, /^[0-9a-f-]{36}$/);
        assertEquals((await backend.describeQueue("billing")).available, 1);
        const refused = await post(worker.url, { orderId: "o-1", total: "42" });
        assertEquals(refused, { status: 400, text: "INVALID_EVENT" });
      } finally {
        await worker.close();
      }
    } finally {
      await backend.close();
      await broker.close();
    }
  });
});

/** The files of a build, by the names that the page asks for. */
async function built(folder: string): Promise<Record<string, string>> {
  const files = { "index.html": await Deno.readTextFile(`${folder}/index.html`) };
  const assets: [string, string][] = [];
  for await (const { name } of Deno.readDir(`${folder}/assets`)) {
    assets.push([`assets/${name}`, await Deno.readTextFile(`${folder}/assets/${name}`)]);
  }
  return { ...files, ...Object.fromEntries(assets) };
}

/** The title that the page gives itself when it is done, or what it threw. */
async function titleIn(files: Readonly<Record<string, string>>): Promise<string> {
  const browser = await startChromium();
  try {
    const context = await openProfile(browser, files);
    const page = await context.newPage();
    const failed = new Promise<never>((_, reject) => page.on("pageerror", reject));
    await page.goto(`${ORIGIN}/index.html`);
    return await within(Promise.race([titled(page), failed]), { what: "the title of the page" });
  } finally {
    await browser.close();
  }
}

async function titled(page: Page): Promise<string> {
  await page.waitForFunction('document.title !== "waiting"');
  return await page.title();
}

function bindings(endpoint: string): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: "us-east-1",
    AWS_ACCOUNT_ID: "000000000000",
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
  };
}

async function post(url: string, body: unknown): Promise<{ status: number; text: string }> {
  const signal = AbortSignal.timeout(10_000);
  const response = await fetch(url, { method: "POST", body: JSON.stringify(body), signal });
  return { status: response.status, text: await response.text() };
}
