/**
 * Runs a bundle of the portable tests in a page of headless Chromium, and prints what it prints; with
 * `--version`, prints the version of Chromium.
 */
import { openProfile, ORIGIN, startChromium } from "../backends/broadcast_channel/chromium.ts";
import { within } from "../wait.ts";

/** All tests may take so long together, in milliseconds. */
const PATIENCE_MS = 240_000;
const INDEX = `<!doctype html><title>tests</title><script type="module" src="tests.js"></script>`;

if (import.meta.main) {
  const [argument = ""] = Deno.args;
  const browser = await startChromium();
  try {
    if (argument === "--version") console.log(browser.version());
    else Deno.exitCode = await passes(browser, argument) ? 0 : 1;
  } finally {
    await browser.close();
  }
}

async function passes(
  browser: Awaited<ReturnType<typeof startChromium>>,
  bundle: string,
): Promise<boolean> {
  const tests = await Deno.readTextFile(bundle);
  const context = await openProfile(browser, { "index.html": INDEX, "tests.js": tests });
  const page = await context.newPage();
  page.on("console", (message) => console.log(message.text()));
  await page.goto(`${ORIGIN}/index.html`);
  await page.waitForFunction("globalThis.testAll");
  const ended = page.evaluate("testAll('Chromium').then(() => true, (error) => String(error))");
  const outcome = await within(ended, { what: "the end of all tests", ms: PATIENCE_MS });
  if (outcome !== true) console.log(outcome);
  return outcome === true;
}
