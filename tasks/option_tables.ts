/**
 * Writes docs/options.md: tables of all options, made from the doc comments and from the help of the
 * command line. With `--check` it writes nothing, and fails if the page is not what it would write.
 */
import { COMMANDS } from "../cli/main.ts";
import { taskArguments } from "./arguments.ts";
import { mustRun } from "./process.ts";

const PAGE = new URL("../docs/options.md", import.meta.url);
const ENTRIES = ["mod.ts", "backends/aws/mod.ts"];
const TABLES: Readonly<Record<string, string>> = {
  MessageConsumer: "MessageConsumerOptions",
  Dispatcher: "DispatcherOptions",
  MessagePublisher: "MessagePublisherOptions",
  AwsBackend: "AwsBackendOptions",
  EventBus: "EventBusOptions",
};
const PREAMBLE = `# Options

This page is for people who look for a setting. \`deno task option-tables\` writes the page from the
doc comments and the help texts, so do not edit the page by hand. Times of options that end in
\`Ms\` are in milliseconds.
`;

/** A property of an interface, as \`deno doc --json\` tells it. */
export interface Property {
  readonly name: string;
  readonly optional?: boolean;
  readonly jsDoc?: { readonly doc?: string };
  readonly location: { readonly filename: string; readonly byteIndex: number };
}

/** The part of an interface that is looked at. */
export interface Interface {
  readonly properties?: readonly Property[];
  readonly extends?: readonly { readonly value: unknown }[];
}

/** Interfaces by name. */
export type Interfaces = ReadonlyMap<string, Interface>;

if (import.meta.main) Deno.exit(await main());

async function main(): Promise<number> {
  const { values } = taskArguments(Deno.args, {
    name: "option-tables",
    options: { check: { type: "flag", help: "write nothing; fail if the page is old" } },
  });
  const page = await formatted(await pageOf(await readInterfaces()));
  if (!values.check) {
    await Deno.writeTextFile(PAGE, page);
    return 0;
  }
  if (await Deno.readTextFile(PAGE).catch(() => "") === page) return 0;
  console.error("docs/options.md is old: run `deno task option-tables`");
  return 1;
}

async function readInterfaces(): Promise<Interfaces> {
  const { stdout } = await mustRun(Deno.execPath(), ["doc", "--json", ...ENTRIES]);
  const nodes: Record<string, { symbols: { name: string; declarations: Declaration[] }[] }> =
    JSON.parse(stdout).nodes;
  return new Map(
    Object.values(nodes).flatMap(({ symbols }) =>
      symbols.flatMap(({ name, declarations }) =>
        declarations.filter(({ kind }) => kind === "interface").map(({ def }) => [name, def])
      )
    ),
  );
}

interface Declaration {
  readonly kind: string;
  readonly def: Interface;
}

async function pageOf(interfaces: Interfaces): Promise<string> {
  const parts = [PREAMBLE];
  for (const [owner, name] of Object.entries(TABLES)) {
    const rows = await Promise.all(propertiesOf(name, interfaces).map(rowOf));
    parts.push(`## ${owner}\n`, table(["option", "type", "default", "meaning"], rows));
  }
  parts.push("## The command line\n");
  for (const { spec } of COMMANDS) {
    const rows = Object.entries(spec.options).map(([name, { value, help }]) => [
      `\`--${name}${value ? ` ${value}` : ""}\``,
      cell(help),
    ]);
    parts.push(`### ${spec.name}\n`, table(["option", "meaning"], rows));
  }
  return parts.join("\n");
}

/** Lists the properties of an interface and of the interfaces that it extends, its own first. */
export function propertiesOf(name: string, interfaces: Interfaces): Property[] {
  const found = interfaces.get(name);
  if (!found) throw new Error(`Cannot find the interface ${name} in ${ENTRIES.join(", ")}`);
  const inherited = (found.extends ?? []).flatMap(({ value }) =>
    propertiesOf((value as { typeName: string }).typeName, interfaces)
  );
  const all = [...(found.properties ?? []), ...inherited];
  return all.filter(({ name }, index) => all.findIndex((other) => other.name === name) === index);
}

async function rowOf({ name, jsDoc, location, optional }: Property): Promise<string[]> {
  const { meaning, fallback = optional ? "none" : "must be given" } = partsOf(jsDoc?.doc ?? "");
  const type = await typeAt(location);
  return [`\`${name}\``, `\`${cell(type)}\``, cell(fallback), cell(meaning)];
}

/** Parts a doc comment into the default and all the rest. */
export function partsOf(comment: string): { meaning: string; fallback?: string } {
  const text = comment.replace(/\{@link(?:code)? ([^}]*)\}/g, "`$1`");
  const found = /^([\s\S]*?)\s*Default:\s([\s\S]*?)\.(?=\s|$)([\s\S]*)$/.exec(text);
  if (!found) return { meaning: text };
  const [, before = "", fallback = "", after = ""] = found;
  return { meaning: `${before}${after}`.trim(), fallback };
}

/** Reads the type from the source: all between the colon and the semicolon of the property. */
async function typeAt({ filename, byteIndex }: Property["location"]): Promise<string> {
  const bytes = await Deno.readFile(new URL(filename));
  const source = new TextDecoder().decode(bytes.subarray(byteIndex));
  let depth = 0;
  let end = 0;
  for (const [index, letter] of [...source].entries()) {
    if ("({[".includes(letter)) depth++;
    if (")}]".includes(letter)) depth--;
    end = index;
    if (letter === ";" && depth === 0) break;
  }
  const declared = source.slice(0, end);
  return declared.slice(declared.indexOf(":") + 1).replace(/\s+/g, " ").trim();
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`);
  return `${lines.join("\n")}\n`;
}

function cell(text: string): string {
  return text.replace(/\s+/g, " ").trim().replaceAll("|", "\\|");
}

/** Formats the page as `deno fmt` does. */
async function formatted(page: string): Promise<string> {
  const file = await Deno.makeTempFile({ suffix: ".md" });
  try {
    await Deno.writeTextFile(file, page);
    await mustRun(Deno.execPath(), ["fmt", "--quiet", "--line-width", "100", file]);
    return await Deno.readTextFile(file);
  } finally {
    await Deno.remove(file);
  }
}
