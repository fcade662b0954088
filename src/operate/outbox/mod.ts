/**
 * Events that are published if, and only if, a transaction commits.
 *
 * A transaction writes its events into a table; a relay publishes them afterwards. An event that was
 * published, but not yet deleted when the relay was killed, is published again with the same id.
 *
 * @example
 * ```ts
 * import { defineEvent, MessagePublisher, typed } from "@melange/melange";
 * import { MemoryBackend } from "@melange/melange/memory";
 * import { OutboxRelay, SqliteOutbox } from "@melange/melange/outbox";
 * import { DatabaseSync } from "node:sqlite";
 *
 * const schema = typed<{ orderId: string }>();
 * const OrderPlaced = defineEvent("OrderPlaced", { topic: "orders", schema });
 * const backend = new MemoryBackend();
 * await backend.declareTopic("orders");
 * const database = new DatabaseSync(":memory:");
 * const outbox = new SqliteOutbox({ database });
 *
 * database.exec("BEGIN IMMEDIATE");
 * // … the order itself, and in the same transaction:
 * outbox.add(OrderPlaced({ orderId: "o-1" }));
 * database.exec("COMMIT");
 *
 * const publisher = new MessagePublisher({ backend });
 * const relay = new OutboxRelay({ outbox, publisher });
 * console.log(await relay.run()); // prints: 1
 * await publisher.close();
 * await backend.close();
 * database.close();
 * ```
 *
 * @module
 */
export { OutboxRelay, type OutboxRelayOptions } from "./relay.ts";
export { PostgresOutbox, SqliteOutbox, type SqliteOutboxDatabase } from "./stores.ts";
export type { AddOptions, Outbox, OutboxRow } from "./row.ts";
