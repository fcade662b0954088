import { assert, assertEquals, assertMatch } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { until, untilEmpty } from "../../wait.ts";
import type { AwsBackend } from "../../../backends/aws/mod.ts";
import { listening, sendUntil, startCli } from "./program.ts";

const TEXT = { max: 10, waitMs: 0, visibilityMs: 30_000 };
const message = (body: string) => ({ body, attributes: {} });

let folder: string;
let file: string;

/** Starts a broker on the file, lets something be done, and ends it with SIGINT. */
async function once<T>(act: (backend: AwsBackend) => Promise<T>): Promise<T> {
  await using program = startCli(["--data", file]);
  const { backend } = await listening(program);
  const result = await act(backend);
  await backend.close();
  program.kill("SIGINT");
  assertEquals((await program.ended()).code, 0);
  return result;
}

/** Starts a broker that cannot start; what it says. */
async function refused(): Promise<string> {
  await using program = startCli(["--data", file]);
  assertEquals((await program.ended()).code, 1);
  assertEquals(program.stderr.length, 1);
  return program.stderr[0] ?? "";
}

describe("melange broker --data", () => {
  beforeEach(async () => {
    folder = await Deno.makeTempDir({ prefix: "melange-broker-" });
    file = `${folder}/broker.log`;
  });
  afterEach(() => Deno.remove(folder, { recursive: true }));

  it("keeps queues, topics, subscriptions, messages and locks across restarts", async () => {
    const taken = await once(async (backend) => {
      await backend.declareQueue("billing", { subscribeTo: ["orders"] });
      await backend.send({ topic: "orders" }, [message("a 🙂"), message("b"), message("c")]);
      return await backend.receive("billing", { ...TEXT, max: 1 });
    });
    await once(async (backend) => {
      const { available, inFlight } = await backend.describeQueue("billing");
      assertEquals([available, inFlight], [2, 1]);
      const [done] = await backend.acknowledge("billing", taken.map(({ receipt }) => receipt));
      assertEquals(done?.ok, true, "a receipt from before the restart");
      await backend.send({ topic: "orders" }, [message("d")]);
    });
    const bodies = await once(async (backend) => {
      const received = await backend.receive("billing", TEXT);
      return received.map(({ message: { body } }) => body);
    });
    assertEquals(bodies.sort(), ["b", "c", "d"]);
  });

  for (const flags of [["--sync"], []]) {
    it(`loses nothing that was acknowledged when it is killed ${flags}`, async () => {
      const acknowledged: string[] = [];
      for (let round = 0; round < 3; round++) {
        await using program = startCli(["--data", file, ...flags]);
        const { backend } = await listening(program);
        await backend.declareQueue("jobs");
        const killed = new AbortController();
        const before = acknowledged.length;
        const sending = sendUntil(killed.signal, { backend, round, acknowledged });
        await until(() => acknowledged.length >= before + 40, { what: "40 acknowledgements" });
        program.kill("SIGKILL");
        await program.ended();
        killed.abort();
        await sending;
        await backend.close();
      }
      const kept = await once(async (backend) => {
        const what = "messages";
        const received = await untilEmpty(() => backend.receive("jobs", TEXT), { what });
        return new Set(received.map(({ message: { body } }) => body));
      });
      assertEquals(acknowledged.filter((body) => !kept.has(body)), []);
      assert(kept.size >= 120);
    });
  }

  it("cuts a last record that was not written to its end, and says so", async () => {
    await once(async (backend) => {
      await backend.declareQueue("jobs");
      await backend.send({ queue: "jobs" }, [message("a")]);
      await backend.send({ queue: "jobs" }, [message("b")]);
    });
    const { size } = await Deno.stat(file);
    await Deno.truncate(file, size - 7);
    await using program = startCli(["--data", file]);
    const { backend } = await listening(program);
    assertMatch(program.stderr[0] ?? "", /warn: The last record of .* \d+ bytes are cut off/);
    assertEquals((await backend.describeQueue("jobs")).available, 1);
    await backend.send({ queue: "jobs" }, [message("c")]);
    await backend.close();
    program.kill("SIGKILL");
    await program.ended();
    const { available } = await once((backend) => backend.describeQueue("jobs"));
    assertEquals(available, 2);
  });

  const damages: [string, (lines: string[]) => string[]][] = [
    ["a letter is another one", ([a, b, ...rest]) => [a!, b!.replace("jobs", "jobz"), ...rest]],
    ["a line is missing", ([a, _, ...rest]) => [a!, ...rest]],
    ["two lines changed places", ([a, b, c, ...rest]) => [a!, c!, b!, ...rest]],
    ["a line is there twice", ([a, b, ...rest]) => [a!, b!, b!, ...rest]],
  ];
  for (const [what, damage] of damages) {
    it(`refuses a file in which ${what}, names the place, and leaves it alone`, async () => {
      await once(async (backend) => {
        await backend.declareQueue("jobs");
        await backend.send({ queue: "jobs" }, [message("a")]);
        await backend.send({ queue: "jobs" }, [message("b")]);
      });
      const text = damage((await Deno.readTextFile(file)).split("\n")).join("\n");
      await Deno.writeTextFile(file, text);
      assertMatch(await refused(), /line [23] of it, at byte \d+, is damaged .*: restore the file/);
      assertEquals(await Deno.readTextFile(file), text);
    });
  }

  it("refuses a file of another kind, whatever its end, and leaves it alone", async () => {
    for (const text of ["my notes", "my notes\n", "{}\n{}"]) {
      await Deno.writeTextFile(file, text);
      assertMatch(await refused(), /not that of a file of melange broker.*: name another file/);
      assertEquals(await Deno.readTextFile(file), text);
    }
  });

  it("ends rather than answer what it cannot keep: another broker uses the file", async () => {
    await using first = startCli(["--data", file]);
    await using second = startCli(["--data", file]);
    const brokers = [await listening(first), await listening(second)] as const;
    await brokers[0].backend.declareQueue("jobs");
    const refused = brokers[1].backend.declareQueue("other").catch(() => "refused");
    assertEquals((await second.ended()).code, 1);
    assertMatch(second.stderr.join(""), /Cannot write to .*something else has changed it/);
    for (const { backend } of brokers) await backend.close();
    assertEquals(await refused, "refused");
    first.kill("SIGINT");
    await first.ended();
    assertEquals((await once((backend) => backend.describeQueue("jobs"))).available, 0);
  });
});
