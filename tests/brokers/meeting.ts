/** The test that lets all writers meet all readers on a broker. */
import { assertEquals } from "@std/assert";
import { it } from "@std/testing/bdd";
import type { BrokerKind, RunningBroker } from "./brokers.ts";
import { tableIn, writeTable } from "./documents.ts";
import { cellsIn, cellsOf, tableOf } from "./interoperability.ts";
import { READERS, ROUTES, WRITERS } from "./peers.ts";

/** The page with the table, and the argument that has it written anew. */
const PAGE = "interoperability.md";
const WRITE = "--write";

/** Registers the test. The table of the docs holds on each broker, for the ways that it has. */
export function testMeeting({ hasTopics }: BrokerKind, broker: () => RunningBroker): void {
  const routes = ROUTES.filter((route) => hasTopics || route.endsWith("queue"));
  const options = { writers: WRITERS, readers: READERS, routes };

  it("every writer meets every reader, as docs/interoperability.md says", async () => {
    const cells = await cellsOf(broker(), options);
    if (hasTopics && Deno.args.includes(WRITE)) await writeTable(PAGE, tableOf(cells, options));
    assertEquals(cells, cellsIn(await tableIn(PAGE), routes));
  });
}
