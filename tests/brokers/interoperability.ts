/** What each writer sends and each reader finds, over a broker. */
import type { RunningBroker } from "./brokers.ts";
import { AwsBackend } from "../../backends/aws/mod.ts";
import { DATA, type Reader, type Route, type Trip, type Writer } from "./peers.ts";

/** The ways on which a reader found the data of a writer. */
export interface Cell {
  readonly writer: string;
  readonly reader: string;
  readonly routes: readonly Route[];
}

/** Options of {@linkcode cellsOf}. */
export interface CellOptions {
  readonly writers: readonly Writer[];
  readonly readers: readonly Reader[];
  /** The ways that the broker has. */
  readonly routes: readonly Route[];
}

interface Planned {
  readonly writer: Writer;
  readonly reader: Reader;
  readonly trip: Trip;
}

/** Sends a message from each writer to each reader on each way; resolves to what arrived. */
export async function cellsOf(
  broker: RunningBroker,
  { writers, readers, routes }: CellOptions,
): Promise<Cell[]> {
  const plan: Planned[] = [];
  for (const writer of writers) {
    for (const reader of readers) {
      for (const route of writer.routes.filter((route) => routes.includes(route))) {
        const name = `i${plan.length}`;
        const end = route.startsWith("FIFO") ? ".fifo" : "";
        const trip = { route, queue: `${name}${end}`, topic: `${name}-topic${end}` };
        plan.push({ writer, reader, trip });
      }
    }
  }
  const backend = new AwsBackend(broker.options);
  for (const one of plan) await declare(backend, one);
  await backend.close();
  for (const writer of writers) {
    const trips = plan.filter((one) => one.writer === writer).map(({ trip }) => trip);
    await writer.write(trips, broker);
  }
  const found = new Map<Planned, unknown>();
  for (const reader of readers) {
    const own = plan.filter((one) => one.reader === reader);
    const read = await reader.read(own.map(({ trip }) => trip), broker);
    own.forEach((one, index) => found.set(one, read[index]));
  }
  const arrived = ({ data }: { data: unknown }) => JSON.stringify(data) === JSON.stringify(DATA);
  return writers.flatMap((writer) =>
    readers.map((reader) => ({
      writer: writer.name,
      reader: reader.name,
      routes: plan.filter((one) =>
        one.writer === writer && one.reader === reader && arrived({ data: found.get(one) })
      ).map(({ trip }) => trip.route),
    }))
  );
}

async function declare(backend: AwsBackend, { reader, trip }: Planned): Promise<void> {
  const { queue, topic, route } = trip;
  const raw = !reader.envelope;
  const subscribeTo = route.endsWith("topic") ? [{ topic, raw }] : [];
  await backend.declareQueue(queue, { subscribeTo });
}

/** Stands for all ways that a broker has. */
const ALL = "all";
/** Stands for no way at all. */
const NONE = "none";

/** The cells as a table: a row for each writer, a column for each reader. */
export function tableOf(cells: readonly Cell[], { writers, readers, routes }: CellOptions): string {
  const head = ["writer", ...readers.map(({ name }) => name)];
  const rows = writers.map((writer) => [
    writer.name,
    ...readers.map((reader) => {
      const cell = cells.find((cell) => cell.writer === writer.name && cell.reader === reader.name);
      if (!cell) return "not run";
      return cell.routes.length === routes.length ? ALL : cell.routes.join(", ") || NONE;
    }),
  ]);
  return [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

/** Reads the cells of a table, for a broker that has these ways. */
export function cellsIn(table: string, routes: readonly Route[]): Cell[] {
  const [head = [], , ...rows] = table.trim().split("\n").map((line) =>
    line.split("|").slice(1, -1).map((cell) => cell.trim())
  );
  return rows.flatMap(([writer = "", ...cells]) =>
    cells.map((cell, index) => ({
      writer,
      reader: head[index + 1] ?? "",
      routes: routes.filter((route) => cell === ALL || cell.split(", ").includes(route)),
    }))
  );
}
