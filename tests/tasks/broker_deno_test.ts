import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { AwsBackend } from "../../backends/aws/mod.ts";
import { start } from "../../tasks/process.ts";

const PROGRAM = new URL("../../tasks/broker.ts", import.meta.url).pathname;

describe("deno task broker", () => {
  it("carries characters of four bytes, to queues and to topics", async () => {
    await using program = start(Deno.execPath(), ["run", "-q", "-A", PROGRAM, "--port", "0"]);
    const [endpoint] = await program.line(/http:\/\/127\.0\.0\.1:\d+/);
    const credentials = { accessKeyId: "test", secretAccessKey: "test" };
    const backend = new AwsBackend({ endpoint, region: "us-east-1", credentials });
    await backend.declareTopic("orders");
    await backend.declareQueue("billing", { subscribeTo: ["orders"] });
    const message = { body: "o-1 🙂 𝄞", attributes: { mood: "🎉" } };
    const sent = [
      ...await backend.send({ queue: "billing" }, [message]),
      ...await backend.send({ topic: "orders" }, [message]),
    ];
    assertEquals(sent.map(({ ok }) => ok), [true, true]);
    const options = { max: 10, waitMs: 1_000, visibilityMs: 30_000 };
    const received = await backend.receive("billing", options);
    const texts = received.map(({ message: { body, attributes } }) => [body, attributes.mood]);
    assertEquals(texts, [["o-1 🙂 𝄞", "🎉"], ["o-1 🙂 𝄞", "🎉"]]);
    await backend.close();
    program.kill("SIGINT");
    assertEquals((await program.ended()).code, 0);
  });
});
