/** What bundles of the package may weigh. */
import config from "../../deno.json" with { type: "json" };
import type { Bundler } from "./bundle.ts";

/** A bundle that is measured. */
export interface Budget {
  /** The name of it in the table. */
  readonly name: string;
  /** The module that is bundled. */
  readonly code: string;
  /** The most bytes that it may have, minified and gzipped, made by any bundler of either package. */
  readonly limit: number;
  /** What it is to come down to, in bytes, where that is less. */
  readonly goal?: number;
}

/** A bundle that was measured. */
export interface Size {
  readonly name: string;
  /** The package that it was made of: that of `deno task pack`, or that of `deno pack`. */
  readonly form: "npm" | "jsr";
  readonly bundler: Bundler;
  /** Bytes after minifying. */
  readonly minified: number;
  /** Bytes after minifying and gzip. */
  readonly gzipped: number;
}

const { name: PACKAGE } = config;

/** An edge function as people write it, with the part of valibot that it needs. */
const EDGE = `import { defineEvent, MessagePublisher } from "${PACKAGE}";
import { awsSender } from "${PACKAGE}/aws";
import * as v from "valibot";
const schema = v.object({ orderId: v.string(), total: v.number() });
const OrderPlaced = defineEvent("OrderPlaced", { topic: "orders", schema });
export default {
  async fetch(request, env) {
    const backend = awsSender({ environment: (name) => env[name] });
    const publisher = new MessagePublisher({ backend });
    await publisher.publish(OrderPlaced(await request.json()));
    return new Response("accepted");
  },
};
`;

/** The bundles, the smallest last. */
export const BUDGETS: readonly Budget[] = [
  {
    name: "AWS worker",
    code: `export { defineEvent, Dispatcher, MessageConsumer, MessagePublisher } from "${PACKAGE}";
export { AwsBackend } from "${PACKAGE}/aws";
`,
    limit: 55_200,
    goal: 32 * 1024,
  },
  {
    name: "memory bus",
    code: `export { defineEvent, EventBus } from "${PACKAGE}";
export { MemoryBackend } from "${PACKAGE}/memory";
`,
    limit: 37_800,
    goal: 22 * 1024,
  },
  { name: "edge publisher", code: EDGE, limit: 16_650, goal: 12 * 1024 },
  { name: "awsSender", code: `export { awsSender } from "${PACKAGE}/aws";\n`, limit: 8 * 1024 },
  { name: "defineEvent", code: `export { defineEvent } from "${PACKAGE}";\n`, limit: 1024 },
  { name: "import alone", code: `import "${PACKAGE}";\n`, limit: 0 },
];

/** Tells whether a bundle exceeds its budget. */
export function isTooLarge({ name, gzipped }: Size): boolean {
  return gzipped > budgetOf(name).limit;
}

/** The sizes as lines: a row for each bundle, a column for each package and bundler. */
export function tableOf(sizes: readonly Size[]): string {
  const column = ({ form, bundler }: Size) => `${form} ${bundler}`;
  const columns = [...new Set(sizes.map(column))];
  const rows = [...new Set(sizes.map(({ name }) => name))].map((name) => {
    const ofName = sizes.filter((size) => size.name === name);
    const cells = columns.map((each) => ofName.find((size) => column(size) === each)?.gzipped);
    const { limit, goal = "" } = budgetOf(name);
    return [name, ...cells, limit, goal];
  });
  return [["gzipped bytes of", ...columns, "budget", "goal"], ...rows].map(lineOf).join("\n");
}

function budgetOf(name: string): Budget {
  const budget = BUDGETS.find((budget) => budget.name === name);
  if (budget) return budget;
  throw new TypeError(`Cannot tell the budget of an unknown bundle: current value is ${name}`);
}

function lineOf([name, ...cells]: readonly (string | number | undefined)[]): string {
  return `${name}`.padEnd(18) + cells.map((cell) => `${cell ?? "?"}`.padStart(13)).join("");
}
