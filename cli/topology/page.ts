/** A page that shows who publishes and who listens: a picture, and the same as tables. */
import type { EventTopology, Topology } from "../../src/operate/topology/mod.ts";
import { drawing } from "./drawing.ts";
import { escaped } from "./escaped.ts";

/** Makes the page: one file, without scripts and without requests. */
export function pageOf(topology: Topology, title: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escaped(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escaped(title)}</h1>
<figure>${drawing(topology)}</figure>
<h2>Services</h2>
${
    table(
      ["Service", "Publishes", "Handles"],
      topology.services.map((service) => [
        service.name,
        listed(service.publishes),
        service.handlesEverything ? "every event" : listed(service.handles),
      ]),
    )
  }
<h2>Subscriptions</h2>
${
    table(
      ["Topic", "Queue", "Lets through"],
      topology.subscriptions.map((subscription) => [
        subscription.topic,
        subscription.queue,
        subscription.events?.join(", ") ?? "every event",
      ]),
    )
  }
<h2>Queues</h2>
${
    table(
      ["Queue", "Dead letters go to", "After"],
      topology.queues.map((queue) => [
        queue.name,
        queue.deadLetterQueue ?? "nowhere",
        queue.maxReceives === undefined ? "" : `${queue.maxReceives} receives`,
      ]),
    )
  }
</body>
</html>
`;
}

function listed(events: readonly EventTopology[]): string {
  return events.map(({ type, topic, queue }) => `${type} (${topic ?? queue ?? "nowhere"})`)
    .join(", ") || "nothing";
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (tag: string, texts: readonly string[]) =>
    texts.map((text) => `<${tag}>${escaped(text)}</${tag}>`).join("");
  const body = rows.map((row) => `<tr>${cells("td", row)}</tr>`).join("\n");
  return `<div class="scroll"><table><thead><tr>${
    cells('th scope="col"', head).replaceAll('</th scope="col">', "</th>")
  }</tr></thead><tbody>${body}</tbody></table></div>`;
}

const STYLE = `
:root { color-scheme: light dark; --ink: #1d1d1f; --paper: #fff; --line: #6e6e73; --box: #f2f2f5; --mark: #8a4b00; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #f0f0f3; --paper: #161618; --line: #a0a0a8; --box: #26262a; --mark: #ffb454; }
}
body { margin: 0 auto; padding: 1rem; max-width: 70rem; background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
figure { margin: 0; overflow-x: auto; }
svg { min-width: 40rem; max-width: 100%; height: auto; }
svg text { fill: var(--ink); font: 14px system-ui, sans-serif; }
svg .head { fill: var(--line); font-size: 12px; }
svg rect { fill: var(--box); stroke: var(--line); }
svg .topic { rx: 16; }
svg path { fill: none; stroke: var(--line); }
svg .dead { fill: var(--mark); font-size: 12px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { padding: 0.25rem 1rem 0.25rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
`;
