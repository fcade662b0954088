/** The walk of docs/incident.md, with real workers, a real kill and a store. */
import { assertEquals } from "@std/assert";
import { it } from "@std/testing/bdd";
import { DatabaseSync } from "node:sqlite";
import { AwsBackend } from "../../backends/aws/mod.ts";
import { Dispatcher, MessagePublisher } from "../../mod.ts";
import { DeadLetters } from "../../src/operate/dead_letters.ts";
import { type Program, start } from "../../tasks/process.ts";
import { startBroker } from "../broker.ts";
import { until } from "../wait.ts";
import { OrderPlaced } from "./order_placed.ts";

const COUNT = 40;
const DIRECTORY = new URL(".", import.meta.url).pathname;

function worker(...args: string[]): Program {
  return start(Deno.execPath(), [
    "run",
    "-q",
    "-A",
    "--no-check",
    `${DIRECTORY}worker.ts`,
    ...args,
  ]);
}

it("an incident loses no order, and charges no card twice", async () => {
  const broker = await startBroker();
  const backend = new AwsBackend(broker.options);
  const file = await Deno.makeTempFile({ prefix: "melange-incident-", suffix: ".db" });
  const depth = async (queue: string) => {
    const { available, inFlight } = await backend.describeQueue(queue);
    return available + inFlight;
  };
  try {
    await backend.declareQueue("billing", {
      subscribeTo: ["orders"],
      deadLetterQueue: "billing-dlq",
    });
    const publisher = new MessagePublisher({ backend });
    const orders = Array.from({ length: COUNT }, (_, n) => {
      return OrderPlaced({ orderId: `o-${n}`, total: n === 7 ? -7 : n });
    });
    for (const result of await publisher.publishAll(orders)) assertEquals(result.ok, true);

    // A handler breaks: everything lands in the dead-letter queue.
    {
      await using broken = worker(broker.endpoint, file, "broken");
      await broken.until(async () => await depth("billing-dlq") === COUNT, {
        what: "all letters",
        ms: 60_000,
      });
    }

    // What failed, and why?
    const dispatcher = new Dispatcher();
    dispatcher.subscribe(OrderPlaced, () => {});
    const dead = new DeadLetters({ backend, queue: "billing-dlq", dispatcher });
    const reasons = new Map<string, number>();
    for await (const { facts } of dead.list()) {
      const reason = facts?.reason ?? "none";
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    }
    assertEquals(Object.fromEntries(reasons), { CARD_DOWN: COUNT - 1, BAD_TOTAL: 1 });

    // One letter is edited, and goes back to where it came from.
    const edited = await dead.redrive({
      where: ({ facts }) => facts?.reason === "BAD_TOTAL",
      edit: (event) => {
        const data = event.data as { orderId: string; total: number };
        return { ...event, data: { ...data, total: -data.total } };
      },
    });
    assertEquals(edited, { seen: COUNT, moved: 1, kept: COUNT - 1, failed: 0 });

    // The rest goes back, while two workers run, and one of them is killed.
    await using mended = worker(broker.endpoint, file, "mended");
    await using victim = worker(broker.endpoint, file, "victim");
    for (const each of [mended, victim]) await each.line(/working/);
    const killed = victim.line(/holding/).then(() => victim.kill("SIGKILL"));
    const report = await dead.redrive({
      where: ({ facts }) => facts?.reason === "CARD_DOWN",
      ratePerSecond: 50,
    });
    assertEquals(report, { seen: COUNT - 1, moved: COUNT - 1, kept: 0, failed: 0 });
    await mended.during(killed, { what: "the kill of a worker", ms: 60_000 });
    await mended.until(
      async () => await depth("billing") + await depth("billing-dlq") === 0,
      { what: "empty queues", ms: 60_000 },
    );
    mended.kill();
    await mended.ended();

    const database = new DatabaseSync(file);
    const charges = database.prepare("SELECT orderId, total FROM charges").all();
    database.close();
    const expected = orders.map(({ data }) => `${data.orderId} ${Math.abs(data.total)}`).sort();
    assertEquals(charges.map(({ orderId, total }) => `${orderId} ${total}`).sort(), expected);
  } finally {
    await backend.close();
    await broker.close();
    await until(() => Deno.remove(file).then(() => true), { what: "the end of the database" });
  }
});
