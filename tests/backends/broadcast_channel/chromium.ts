/** Tabs of a real Chromium, without a web server. */
import { type Browser, type BrowserContext, chromium, type Page } from "npm:playwright-core@^1";
import { mustRun } from "../../../tasks/process.ts";
import { within } from "../../wait.ts";
import type { Thread } from "./workers/runtime.ts";

export type { Page };

/** Where Debian puts it. */
export const EXECUTABLE = "/usr/bin/chromium";
/** What Chromium is started with, whoever starts it. */
export const FLAGS: readonly string[] = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // So that a tab can tell how much memory it takes.
  "--enable-precise-memory-info",
  "--js-flags=--expose-gc",
];
/** Nobody listens here: the pages are served by the test. Locks need an origin that counts as safe. */
export const ORIGIN = "http://127.0.0.1:9";

/** Fails, and says what to install, where there is no Chromium. */
export async function requireChromium(): Promise<void> {
  await Deno.stat(EXECUTABLE).catch(() => {
    throw new Error(`${EXECUTABLE} is missing: apt-get install chromium`);
  });
}

/** Starts Chromium. */
export async function startChromium(): Promise<Browser> {
  await requireChromium();
  return await chromium.launch({ executablePath: EXECUTABLE, args: [...FLAGS] });
}

/** One browser profile; its tabs get these files at {@linkcode ORIGIN}. */
export async function openProfile(
  browser: Browser,
  files: Readonly<Record<string, string>>,
): Promise<BrowserContext> {
  const context = await browser.newContext({ viewport: { width: 1_000, height: 720 } });
  await context.route(`${ORIGIN}/**`, (route) => {
    const name = new URL(route.request().url()).pathname.slice(1) || "index.html";
    const body = files[name];
    const type = name.endsWith(".js") ? "text/javascript" : "text/html";
    if (body === undefined) return route.fulfill({ status: 404, body: "" });
    return route.fulfill({ body, headers: { "content-type": `${type}; charset=utf-8` } });
  });
  return context;
}

/** Opens a tab with the bundled worker in it. */
export async function openTab(context: BrowserContext): Promise<Thread> {
  const page = await context.newPage();
  const listeners: ((message: unknown) => void)[] = [];
  await page.exposeFunction("report", (message: unknown) => {
    for (const listener of listeners) listener(message);
  });
  await page.goto(`${ORIGIN}/index.html`);
  await page.waitForFunction("globalThis.receiveCommand");
  const session = await context.newCDPSession(page);
  return {
    post: (message) => {
      const call = page.evaluate(`receiveCommand(${JSON.stringify(message)})`);
      call.catch(() => {}); // The tab has been closed.
    },
    listen: (listener) => void listeners.push(listener),
    terminate: () => void page.close({ runBeforeUnload: false }),
    // The debugger stops more than freezing does: messages of the channel wait as well.
    pause: async (isPaused) => {
      if (!isPaused) return void await session.send("Debugger.resume");
      await session.send("Debugger.enable");
      const paused = new Promise((resolve) => session.once("Debugger.paused", resolve));
      await session.send("Debugger.pause");
      await within(paused, { what: "the debugger to stop a tab" });
    },
  };
}

/** Bundles a module for the browser. */
export async function bundleForBrowser(path: string): Promise<string> {
  const options = ["--quiet", "--no-check", "--platform=browser"];
  return (await mustRun(Deno.execPath(), ["bundle", ...options, path])).stdout;
}
