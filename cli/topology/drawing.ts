/** The picture of a topology: publishers, topics, queues and handlers in four columns. */
import type { Topology } from "../../src/operate/topology/mod.ts";
import { escaped } from "./escaped.ts";

const BOX = { width: 180, height: 44 };
const COLUMN = 260;
const ROW = 76;
const TOP = 40;
const HEADS = ["publishes", "topic", "queue", "handles"];
/** So many letters of a name fit into a box; the tables have the rest. */
const LETTERS = 22;

interface Box {
  readonly id: string;
  readonly text: string;
  readonly kind: string;
  readonly note?: string;
}

/** Draws a topology as SVG. */
export function drawing(topology: Topology): string {
  const columns = columnsOf(topology);
  const rows = Math.max(1, ...columns.map((boxes) => boxes.length));
  const width = COLUMN * (columns.length - 1) + BOX.width + 2;
  const height = TOP + rows * ROW;
  const places = new Map(
    columns.flatMap((boxes, column) =>
      boxes.map(({ id }, row) => [id, { x: column * COLUMN + 1, y: TOP + row * ROW }] as const)
    ),
  );
  const lines = edgesOf(topology).flatMap(([from, to]) => {
    const [start, end] = [places.get(from), places.get(to)];
    return start && end ? [line(start, end)] : [];
  });
  const boxes = columns.flat().map((box) => boxAt(box, places.get(box.id)!));
  const heads = HEADS.map((text, column) =>
    `<text class="head" x="${column * COLUMN + 1}" y="16">${text}</text>`
  );
  return `<svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Services, topics and queues; the tables say the same">${
    [...heads, ...lines, ...boxes].join("\n")
  }</svg>`;
}

function columnsOf({ services, topics, queues }: Topology): Box[][] {
  const isTarget = new Set(queues.flatMap(({ deadLetterQueue }) => deadLetterQueue ?? []));
  return [
    services.filter(({ publishes }) => publishes.length > 0)
      .map(({ name }) => ({ id: `from ${name}`, text: name, kind: "service" })),
    topics.map(({ name }) => ({ id: `topic ${name}`, text: name, kind: "topic" })),
    queues.filter(({ name }) => !isTarget.has(name)).map(({ name, deadLetterQueue }) => ({
      id: `queue ${name}`,
      text: name,
      kind: "queue",
      ...(deadLetterQueue === undefined ? {} : { note: `dead letters: ${deadLetterQueue}` }),
    })),
    services.filter(({ queue }) => queue !== undefined)
      .map(({ name }) => ({ id: `to ${name}`, text: name, kind: "service" })),
  ];
}

function edgesOf({ services, subscriptions }: Topology): [from: string, to: string][] {
  const edges = [
    ...services.flatMap(({ name, publishes }) =>
      publishes.map(({ topic, queue }) => [
        `from ${name}`,
        topic === undefined ? `queue ${queue}` : `topic ${topic}`,
      ])
    ),
    ...subscriptions.map(({ topic, queue }) => [`topic ${topic}`, `queue ${queue}`]),
    ...services.flatMap(({ name, queue }) =>
      queue === undefined ? [] : [[`queue ${queue}`, `to ${name}`]]
    ),
  ] as [string, string][];
  return [...new Map(edges.map((edge) => [edge.join("\n"), edge])).values()];
}

interface Point {
  readonly x: number;
  readonly y: number;
}

function line(from: Point, to: Point): string {
  const [x1, y1] = [from.x + BOX.width, from.y + BOX.height / 2];
  const [x2, y2] = [to.x, to.y + BOX.height / 2];
  const middle = (x1 + x2) / 2;
  return `<path d="M${x1} ${y1} C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}"/>`;
}

function boxAt({ text, kind, note }: Box, { x, y }: Point): string {
  const shown = text.length > LETTERS ? `${text.slice(0, LETTERS - 1)}…` : text;
  const below = note === undefined
    ? ""
    : `<text class="dead" x="${x}" y="${y + BOX.height + 14}">${escaped(note)}</text>`;
  return `<g><title>${kind} ${
    escaped(text)
  }</title><rect class="${kind}" x="${x}" y="${y}" width="${BOX.width}" height="${BOX.height}"/><text x="${
    x + 12
  }" y="${y + 27}">${escaped(shown)}</text>${below}</g>`;
}
