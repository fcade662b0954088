import { assert, assertEquals } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { serveBroker } from "../../../cli/broker/server.ts";
import { start } from "../../../tasks/process.ts";
import { until } from "../../wait.ts";
import { backendAt, listening, sendUntil } from "./program.ts";

const PROGRAM = new URL("./compacting.ts", import.meta.url).pathname;
const message = (body: string) => ({ body, attributes: {} });

describe("the file of melange broker", () => {
  let folder: string;
  let file: string;

  beforeEach(async () => {
    folder = await Deno.makeTempDir({ prefix: "melange-broker-" });
    file = `${folder}/broker.log`;
  });
  afterEach(() => Deno.remove(folder, { recursive: true }));

  function serve() {
    const onFailure = (error: Error) => {
      throw error;
    };
    const address = { port: 0, host: "127.0.0.1", names: [], region: "us-east-1" };
    return serveBroker({ ...address, data: file, sync: false, compactBytes: 20_000, onFailure });
  }

  it("stays as short as what is in it, whatever has passed through", async () => {
    let server = await serve();
    let backend = backendAt(server.url);
    await backend.declareQueue("jobs");
    await backend.send({ queue: "jobs" }, [message("stays")]);
    await backend.declareQueue("busy");
    for (let round = 0; round < 30; round++) {
      const bodies = Array.from({ length: 10 }, (_, n) => message(`${round}-${n}`.padEnd(300)));
      await backend.send({ queue: "busy" }, bodies);
      const options = { max: 10, waitMs: 0, visibilityMs: 30_000 };
      const receipts = (await backend.receive("busy", options)).map(({ receipt }) => receipt);
      await backend.acknowledge("busy", receipts);
    }
    const { size } = await Deno.stat(file);
    assert(size < 120_000, `${size} bytes`);
    await backend.close();
    await server.close();
    server = await serve();
    backend = backendAt(server.url);
    const { available } = await backend.describeQueue("jobs");
    const busy = await backend.describeQueue("busy");
    assertEquals([available, busy.available, busy.inFlight], [1, 0, 0]);
    await backend.close();
    await server.close();
  });

  it("loses nothing to a kill while it is made short", async () => {
    const acknowledged: string[] = [];
    for (let round = 0; round < 5; round++) {
      await using program = start(Deno.execPath(), [
        "run",
        "-A",
        "-q",
        "--no-check",
        PROGRAM,
        file,
      ]);
      const { backend } = await listening(program);
      await backend.declareQueue("jobs");
      const killed = new AbortController();
      const before = acknowledged.length;
      const sending = sendUntil(killed.signal, { backend, round, acknowledged });
      await until(() => acknowledged.length >= before + 20 + 7 * round, { what: "sends" });
      program.kill("SIGKILL");
      await program.ended();
      killed.abort();
      await sending;
      await backend.close();
    }
    const server = await serve();
    const { queues } = server.aws.snapshot();
    const kept = new Set(queues[0]?.engine.messages.map(({ body }) => body));
    assertEquals(acknowledged.filter((body) => !kept.has(body)), []);
    await server.close();
  });
});
