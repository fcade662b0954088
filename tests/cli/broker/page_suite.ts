/** The page of `melange broker` in Chromium. */
import { assert, assertEquals } from "@std/assert";
import { after, before, describe, it } from "@std/testing/bdd";
import { type BrokerServer, serveBroker } from "../../../cli/broker/server.ts";
import type { AwsBackend } from "../../../backends/aws/mod.ts";
import { startChromium } from "../../backends/broadcast_channel/chromium.ts";
import { backendAt } from "./program.ts";

type Browser = Awaited<ReturnType<typeof startChromium>>;
type Page = Awaited<ReturnType<Browser["newPage"]>>;

const DEAD = {
  body: '{"orderId":"o-9"}',
  attributes: {
    manifest: "OrderPlaced",
    serializer_id: 1,
    melange: JSON.stringify({
      id: "e-9",
      on: "2026-01-01T00:00:00Z",
      dead: { reason: "card-expired", queue: "billing", attempts: 3 },
    }),
  },
};

describe("the page of melange broker", () => {
  let browser: Browser;
  let server: BrokerServer;
  let backend: AwsBackend;
  let page: Page;
  const complaints: string[] = [];
  const asked: string[] = [];

  before(async () => {
    server = await serveBroker({
      port: 0,
      host: "127.0.0.1",
      names: [],
      region: "us-east-1",
      sync: false,
      onFailure(error) {
        throw error;
      },
    });
    backend = backendAt(server.url);
    const queue = { subscribeTo: ["orders"], deadLetterQueue: "billing-dlq" };
    await backend.declareQueue("billing", queue);
    await backend.send({ queue: "billing-dlq" }, [DEAD]);
    browser = await startChromium();
    page = await browser.newPage();
    page.setDefaultTimeout(10_000);
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("request", (request) => asked.push(new URL(request.url()).origin));
    page.on("dialog", (dialog) => dialog.accept());
    await page.goto(`${server.url}/`);
  });
  after(async () => {
    await browser.close();
    await backend.close();
    await server.close();
  });

  it("shows topics, queues and what is subscribed to what", async () => {
    await page.getByRole("status").filter({
      hasText: "1 topic, 2 queues, 1 subscription, 1 message",
    }).waitFor();
    await page.getByRole("img", { name: "1 topic, 2 queues; orders to billing" }).waitFor();
    assertEquals(await page.locator("svg path").count(), 2, "a subscription and dead letters");
  });

  it("sends an event by keyboard, and shows it, decoded, without taking it", async () => {
    await page.getByRole("combobox", { name: "To" }).selectOption({ label: "orders" });
    await page.getByLabel("Event type").fill("OrderPlaced");
    await page.getByLabel("Data").fill('{"orderId":"<b>o-1</b> 🙂"}');
    await page.getByRole("button", { name: "Send" }).focus();
    await page.keyboard.press("Enter");
    await page.getByText("Sent to orders").waitFor();
    await page.getByRole("button", { name: "billing", exact: true }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Newest messages of billing" }).waitFor();
    await page.getByRole("heading", { name: "OrderPlaced" }).waitFor();
    await page.getByText('"orderId": "<b>o-1</b> 🙂"').waitFor();
    const focused = await page.evaluate("document.activeElement.textContent");
    assertEquals(focused, "billing", "focus stays while the page is drawn again");
    const [delivery] = await backend.receive("billing", {
      max: 1,
      waitMs: 0,
      visibilityMs: 60_000,
    });
    assertEquals(delivery?.message.attempt, 1, "looking took nothing");
    await page.getByRole("row", { name: "billing 0 1 0" }).waitFor();
    await backend.acknowledge("billing", [delivery!.receipt]);
    await page.getByText("It is empty.").waitFor();
  });

  it("shows why a dead letter died, sends it back, and purges", async () => {
    await page.getByRole("button", { name: "billing-dlq" }).click();
    await page.getByText("card-expired, in billing after 3 tries").waitFor();
    await page.getByText("id e-9").waitFor();
    await page.getByRole("button", { name: "Redrive" }).click();
    await page.getByRole("row", { name: "billing 1 0 0", exact: true }).waitFor();
    await page.getByRole("button", { name: "billing", exact: true }).click();
    await page.getByText("id e-9").waitFor();
    assertEquals(await page.getByText("card-expired").count(), 0, "it is alive again");
    await page.getByRole("button", { name: "Purge" }).click();
    await page.getByText("Purged billing").waitFor();
    await page.getByRole("row", { name: "billing 0 0 0", exact: true }).waitFor();
    await page.getByRole("button", { name: "Purge" }).click();
    await page.getByText("Only one PurgeQueue").waitFor();
  });

  it("fits a phone, and is dark where that is preferred", async () => {
    const ground = () => page.evaluate("getComputedStyle(document.body).backgroundColor");
    const light = await ground();
    await page.setViewportSize({ width: 360, height: 720 });
    await page.emulateMedia({ colorScheme: "dark" });
    assert(await ground() !== light);
    assertEquals(await page.evaluate("document.documentElement.scrollWidth"), 360);
  });

  it("asks nobody else, and complains of nothing but the refused purge", () => {
    assertEquals([...new Set(asked)], [server.url]);
    assertEquals(complaints.filter((text) => !text.includes("400 (Bad Request)")), []);
  });
});
