/** The command `docs`: a document of AsyncAPI, and a page that shows who publishes and who listens. */
import { readFile, writeFile } from "node:fs/promises";
import { asyncApi, type AsyncApiDocument } from "../src/operate/asyncapi/mod.ts";
import { topologyOf } from "../src/operate/topology/mod.ts";
import { MelangeError } from "../src/support/errors.ts";
import {
  type CommandSpec,
  HELP,
  type OptionSpecs,
  type OptionValues,
  parseArguments,
  UsageError,
} from "./arguments.ts";
import { loadEvents, loadHandlers } from "./handlers.ts";
import type { Io } from "./io.ts";
import { createLogger } from "./log.ts";
import { type LoadedTopology, loadTopology, schemasOf } from "./topology/load.ts";
import { pageOf } from "./topology/page.ts";
import { DRIFT } from "./topology/plan.ts";

const OPTIONS = {
  topology: {
    type: "text",
    value: "PATH",
    help: "the module with all services: it exports `topology`, or `services`",
  },
  handlers: { type: "text", value: "PATH", help: "instead: a module with the handlers of a queue" },
  queue: { type: "text", value: "NAME", help: "with --handlers: the queue; default: handlers" },
  title: { type: "text", value: "TEXT", help: "the title of the document; default: Events" },
  "document-version": {
    type: "text",
    value: "TEXT",
    help: "the version of the document; default: 1.0.0",
  },
  out: { type: "text", value: "PATH", help: "write the document there; default: print it" },
  html: { type: "text", value: "PATH", help: "write a page with a picture there" },
  check: {
    type: "text",
    value: "PATH",
    help: "write nothing: exit code 2 if this file is not what would be written",
  },
  ...HELP,
} as const satisfies OptionSpecs;

/** The arguments of `docs`. */
export const DOCS: CommandSpec<typeof OPTIONS> = {
  name: "melange docs",
  help:
    "Writes a document of AsyncAPI 3.1 from the handlers and the published events: channels,\n" +
    "operations, messages and their JSON Schemas. Asks no service.",
  positionals: [],
  options: OPTIONS,
  example: "melange docs --topology ./topology.ts --out asyncapi.json --html events.html",
};

/** Runs `docs`: resolves to 2 if a checked file is not up to date. */
export async function docs(args: readonly string[], io: Io): Promise<number> {
  const { values } = parseArguments(args, DOCS);
  const { title = "Events", "document-version": version = "1.0.0", out, html, check } = values;
  if (check !== undefined && (out !== undefined || html !== undefined)) {
    throw new UsageError(
      "Cannot check and write at once: pass either --check, or --out and --html",
    );
  }
  const loaded = await loadedTopology(values, io);
  const jsonSchemaOf = await schemasOf(loaded);
  const document = asyncApi(loaded.topology, { title, version, jsonSchemaOf });
  if (check !== undefined) return await compared(document, check, io);
  if (html !== undefined) {
    await writeFile(html, pageOf(loaded.topology, title));
    io.err(`Wrote ${html}`);
  }
  if (out === undefined && html === undefined) io.out(textOf(document).trimEnd());
  if (out !== undefined) {
    await writeFile(out, textOf(document));
    io.err(`Wrote ${out}`);
  }
  return 0;
}

function textOf(document: AsyncApiDocument): string {
  return `${JSON.stringify(document, null, 2)}\n`;
}

async function loadedTopology(
  { topology, handlers, queue }: OptionValues<typeof OPTIONS>,
  io: Io,
): Promise<LoadedTopology> {
  const logger = createLogger(io, { json: false });
  if ((topology === undefined) === (handlers === undefined)) {
    throw new UsageError("Cannot tell the services: pass either --topology or --handlers");
  }
  if (topology !== undefined) {
    if (queue !== undefined) throw new UsageError("Cannot use --queue with --topology");
    return await loadTopology(topology, { logger });
  }
  const path = handlers as string;
  const { dispatcher } = await loadHandlers(path, { logger });
  const { toJsonSchema } = await loadEvents(path, { logger });
  return { topology: topologyOf({ dispatcher, queue: queue ?? "handlers" }), toJsonSchema };
}

async function compared(document: AsyncApiDocument, path: string, io: Io): Promise<number> {
  const written = await readFile(path, "utf8").catch((cause) => {
    throw new MelangeError("CONFIGURATION", `Cannot read ${path}: write it with --out`, { cause });
  });
  if (written === textOf(document)) {
    io.out(`${path} is up to date`);
    return 0;
  }
  io.err(`${path} is not up to date: write it again with --out ${path}`);
  return DRIFT;
}
