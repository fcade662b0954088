/** The chart of the README: how many times as fast as its peers it is, on each runtime. */
import { GOALS, verdictsOn } from "./goals.ts";
import type { Result } from "./results.ts";

const RUNTIMES = [["node24", "Node"], ["bun", "Bun"], ["deno", "Deno"]] as const;
/** The goals that are drawn, and how the chart calls them. */
const DRAWN: readonly (readonly [number, string])[] = [
  [
    GOALS.findIndex(({ what }) => what.startsWith("publish to a queue ÷")),
    "publish, ÷ sqs-producer",
  ],
  [
    GOALS.findIndex(({ what }) => what.startsWith("publish to a topic")),
    "publish to a topic, ÷ AWS SDK",
  ],
  [GOALS.findIndex(({ what }) => what.startsWith("consume with 10 ")), "consume, ÷ sqs-consumer"],
];
const WIDTH = 720;
const LEFT = 270;
const BAR = 16;
const GROUP = RUNTIMES.length * (BAR + 4) + 18;

/** Draws the chart. */
export function chartOf(results: readonly Result[]): string {
  const bars = DRAWN.flatMap(([goal, title], group) =>
    RUNTIMES.map(([runtime, name], place) => {
      const verdict = verdictsOn(runtime, results).find((each) => each.goal === GOALS[goal]);
      return { title, name, group, place, value: verdict?.found?.median ?? 0 };
    })
  );
  const most = Math.max(1, ...bars.map(({ value }) => value));
  const scale = (WIDTH - LEFT - 60) / most;
  const shapes = bars.map(({ title, name, group, place, value }) => {
    const y = 30 + group * GROUP + place * (BAR + 4);
    const width = (value * scale).toFixed(1);
    const head = place === 0 ? text(0, y + 12, title, "b") : "";
    return `${head}${
      text(LEFT - 44, y + 12, name)
    }<rect x="${LEFT}" y="${y}" width="${width}" height="${BAR}" rx="2"/>${
      text(LEFT + Number(width) + 6, y + 12, value === 0 ? "–" : `${value.toFixed(1)}×`)
    }`;
  });
  const height = 30 + DRAWN.length * GROUP;
  const one = LEFT + scale;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="Throughput of Melange over that of its peers">
<style>text{font:12px system-ui,sans-serif;fill:#57606a}.b{font-weight:600}rect{fill:#d2691e}line{stroke:#8c959f;stroke-dasharray:3 3}</style>
${shapes.join("\n")}
<line x1="${one.toFixed(1)}" x2="${one.toFixed(1)}" y1="20" y2="${height - 10}"/>${
    text(one - 12, 14, "equal")
  }
</svg>
`;
}

function text(x: number, y: number, content: string, style = ""): string {
  const look = style === "" ? "" : ` class="${style}"`;
  return `<text x="${x.toFixed(1)}" y="${y}"${look}>${content}</text>`;
}
