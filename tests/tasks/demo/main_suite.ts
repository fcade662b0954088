import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { run } from "../../../tasks/process.ts";

async function demo(args: string[], env: Record<string, string> = {}) {
  const all = ["run", "--quiet", "-A", "tasks/demo/main.ts", "--events", "100", ...args];
  return await run(Deno.execPath(), all, { env, timeoutMs: 120_000 });
}

const preload = `--preload=${new URL("./drop_one.ts", import.meta.url).href}`;

describe("demo", () => {
  it("ends with 0 when publisher, workers and broker agree", async () => {
    const { code, output } = await demo([]);
    assertEquals(code, 0, output);
    assertMatch(output, /^billing +100 +98 +7 +2$/m);
    assertMatch(output, /^shipping +100 +100 +4 +0$/m);
    assertStringIncludes(output, "1 given up by a handler (card-expired), 1 moved by the broker");
    assertMatch(output, /^0\.\d\d requests per message: \d+ requests/m);
    assertStringIncludes(output, "broker's queues agree");
  });

  it("ends with 1 when one send is lost", async () => {
    const { code, output } = await demo([preload], { DROP: "PublishBatch" });
    assertEquals(code, 1, output);
    assertStringIncludes(output, "billing: 10 published, and neither handled nor dead");
    assertStringIncludes(output, "shipping: 10 published, and neither handled nor dead");
  });

  it("ends with 1 when one delete is lost", async () => {
    const { code, output } = await demo([preload], { DROP: "DeleteMessageBatch" });
    assertEquals(code, 1, output);
    assertMatch(output, /^ {2}(billing|shipping): \d+ still in the queue$/m);
  });
});
