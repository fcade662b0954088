/** The endpoint behind a server, asked over the network of this machine. */
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { snsEndpoint } from "../../../../../backends/aws/hosts/sns_endpoint/mod.ts";
import { Dispatcher } from "../../../../../src/handle/dispatcher.ts";
import { fakeSns, TOPIC } from "./fake_sns.ts";

describe("snsEndpoint() behind Deno.serve", () => {
  it("answers posts, and cuts those off that are too long", async () => {
    const sns = await fakeSns();
    const types: string[] = [];
    const nothing = () => {};
    const dispatcher = new Dispatcher({
      logger: { debug: nothing, info: nothing, warn: nothing, error: nothing },
    });
    dispatcher.subscribeAll((event) => void types.push(event.type));
    const { clock, fetch: fakeFetch } = sns;
    const endpoint = snsEndpoint({ dispatcher, topics: [TOPIC], clock, fetch: fakeFetch });
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, endpoint);
    const ask = async (method: string, body: BodyInit | null) => {
      const url = `http://127.0.0.1:${server.addr.port}/sns`;
      const response = await fetch(url, { method, body });
      await response.body?.cancel();
      return response.status;
    };
    try {
      assertEquals(await ask("POST", JSON.stringify(await sns.confirmation())), 200);
      assertEquals(await ask("POST", JSON.stringify(await sns.notification())), 200);
      assertEquals(await ask("POST", "x".repeat(1_400_000)), 413);
      assertEquals(await ask("POST", null), 400);
      assertEquals(await ask("GET", null), 405);
      assertEquals(types, ["OrderPlaced"]);
    } finally {
      await server.shutdown();
    }
  });
});
