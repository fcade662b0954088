/** The types of the npm package, as strict projects in an empty folder check them. */
import { assertEquals } from "@std/assert";
import { after, before, describe, it } from "@std/testing/bdd";
import { pinned } from "../../tasks/pack/tools.ts";
import { run } from "../../tasks/process.ts";
import { createProject, ENTRIES, PACKAGE, type Project } from "./project.ts";

/** The oldest TypeScript that understands the types: before, `Uint8Array` was not generic. */
const OLDEST = "5.7";

/** Module resolutions, and the kind of modules that each goes with. */
const RESOLUTIONS = { nodenext: "nodenext", bundler: "esnext", node16: "node16" } as const;

/** What a program may have beside the language. One of these must be there: all have `fetch`. */
const WORLDS: Record<string, World> = {
  "the types of DOM": { lib: ["es2022", "dom"], types: [] },
  "the types of Node.js": { lib: ["es2022"], types: ["node"] },
  "the types of DOM and Node.js": { lib: ["es2022", "dom"], types: ["node"] },
  "the types of Workers": { lib: ["es2022"], types: ["@cloudflare/workers-types"] },
};

interface World {
  readonly lib: readonly string[];
  readonly types: readonly string[];
}

const USE = `import { type Backend, defineEvent, EventBus, typed } from "${PACKAGE}";
import { AwsBackend } from "${PACKAGE}/aws";
import { BroadcastChannelBackend } from "${PACKAGE}/broadcast-channel";
import { MemoryBackend } from "${PACKAGE}/memory";
${ENTRIES.map((entry, index) => `import * as entry${index} from "${entry}";`).join("\n")}
import * as v from "valibot";

export const entries = [${ENTRIES.map((_, index) => `entry${index}`).join(", ")}];
const schema = v.object({ orderId: v.string(), total: v.number() });
export const OrderPlaced = defineEvent("OrderPlaced", { topic: "orders", schema });
export const Ping = defineEvent("Ping", { schema: typed<{ at: number }>() });
export const backends: Backend[] = [
  new MemoryBackend(),
  new AwsBackend({ region: "eu-west-1" }),
  new BroadcastChannelBackend({ name: "shop" }),
];
export async function use(backend: Backend): Promise<number> {
  const bus = new EventBus({ backend, queue: "billing" });
  let sum = 0;
  bus.subscribe(OrderPlaced, (event) => void (sum += event.data.total), { name: "sum" });
  await bus.publish(OrderPlaced({ orderId: "o-1", total: 1 }));
  // @ts-expect-error: a total is a number
  await bus.publish(OrderPlaced({ orderId: "o-1", total: "1" }));
  return sum;
}
`;

/** Only programs whose types know the symbol can write this. */
const USING = `import { EventBus } from "${PACKAGE}";
import { MemoryBackend } from "${PACKAGE}/memory";
import { testBus } from "${PACKAGE}/testing";
export async function use(): Promise<void> {
  await using backend = new MemoryBackend();
  await using bus = new EventBus({ backend, queue: "billing" });
  await using test = await testBus();
  console.log(bus.running, test.bus.running);
}
`;

describe("the types of the npm package", () => {
  let project: Project;
  before(async () => {
    project = await createProject({
      ...pinned(["typescript", "valibot"]),
      "typescript-oldest": `npm:typescript@~${OLDEST}`,
      "@types/node": "^20",
      "@cloudflare/workers-types": "^4",
    });
    await project.write("use.ts", USE);
    await project.write("using.ts", USING);
  });
  after(async () => await project[Symbol.asyncDispose]());

  for (const [moduleResolution, module] of Object.entries(RESOLUTIONS)) {
    for (const [name, world] of Object.entries(WORLDS)) {
      it(`have no error under ${moduleResolution} with ${name}`, async () => {
        await compiles("typescript", { module, moduleResolution, ...world }, "use.ts");
      });
    }
  }

  it("let `await using` dispose of what has an end", async () => {
    const world = { lib: ["esnext", "dom"], types: [] };
    await compiles("typescript", { ...NODENEXT, ...world }, "using.ts");
  });

  it(`are understood by TypeScript ${OLDEST}`, async () => {
    const world = { lib: ["es2022", "dom"], types: [] };
    await compiles("typescript-oldest", { ...NODENEXT, ...world }, "use.ts");
  });

  it("are found by a resolution that does not read `exports`", async () => {
    const options = { module: "esnext", moduleResolution: "node10", lib: ["es2022", "dom"] };
    await compiles("typescript-oldest", { ...options, types: [] }, "use.ts");
  });

  async function compiles(compiler: string, options: Record<string, unknown>, file: string) {
    const compilerOptions = { ...STRICT, ...options };
    const config = JSON.stringify({ compilerOptions, files: [file] });
    await project.write("tsconfig.json", config);
    const args = [`${project.folder}/node_modules/${compiler}/bin/tsc`, "--project", "."];
    const { code, output } = await run("node", args, { cwd: project.folder });
    assertEquals([code, output], [0, ""]);
  }
});

const NODENEXT = { module: "nodenext", moduleResolution: "nodenext" };

/** The strictest that projects are, which check the types of their packages as well. */
const STRICT = {
  noEmit: true,
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  target: "es2022",
};
