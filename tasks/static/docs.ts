/**
 * Refuses what lowers the score of the package on JSR, or leaves its reader alone: an entry point
 * without a module doc that has an example, an exported function or class without an example, and a
 * symbol of the entry point `.` without a `@category`.
 */
import config from "../../deno.json" with { type: "json" };
import { mustRun } from "../process.ts";

/** The part of the output of `deno doc --json` that is looked at. */
export interface Docs {
  readonly nodes: Readonly<Record<string, EntryDoc>>;
}

interface EntryDoc {
  readonly module_doc?: Comment;
  readonly symbols: readonly {
    readonly name: string;
    readonly declarations: readonly {
      readonly kind: string;
      readonly declarationKind: string;
      readonly jsDoc?: Comment;
    }[];
  }[];
}

interface Comment {
  readonly doc?: string;
  readonly tags?: readonly { readonly kind: string; readonly doc?: string }[];
}

if (import.meta.main) Deno.exit(await main());

async function main(): Promise<number> {
  const { stdout } = await mustRun(Deno.execPath(), [
    ...["doc", "--json"],
    ...Object.values(config.exports),
  ]);
  const complaints = complaintsOn(JSON.parse(stdout), config.exports);
  for (const complaint of complaints) console.error(complaint);
  return complaints.length > 0 ? 1 : 0;
}

/** Returns a line for each doc that is missing, by the files of the entry points. */
export function complaintsOn(
  { nodes }: Docs,
  exports: Readonly<Record<string, string>>,
): string[] {
  const complaints = Object.entries(exports).flatMap(([subpath, file]) => {
    const [, entry] = Object.entries(nodes).find(([url]) => url.endsWith(file.slice(1))) ?? [];
    if (!entry) return [`${subpath}: it is not documented at all`];
    const module = hasExample(entry.module_doc)
      ? []
      : [`${subpath}: its module doc has no example`];
    return [...module, ...symbolComplaints(entry, subpath)];
  });
  return [...new Set(complaints)];
}

function symbolComplaints({ symbols }: EntryDoc, subpath: string): string[] {
  return symbols.flatMap(({ name, declarations }) => {
    const exported = declarations.filter(({ declarationKind }) => declarationKind === "export");
    const comments = exported.map(({ jsDoc }) => jsDoc);
    const runs = exported.some(({ kind }) => kind === "function" || kind === "class");
    const lines: string[] = [];
    if (runs && !comments.some(hasExample)) lines.push(`${name}: it has no example`);
    const isGrouped = comments.some((comment) => tagsOf(comment, "category").length > 0);
    if (subpath === "." && exported.length > 0 && !isGrouped) lines.push(`${name}: no @category`);
    return lines;
  });
}

function hasExample(comment: Comment | undefined): boolean {
  const texts = [comment?.doc ?? "", ...tagsOf(comment, "example")];
  return texts.some((text) => /^```/m.test(text));
}

function tagsOf(comment: Comment | undefined, kind: string): string[] {
  return (comment?.tags ?? []).filter((tag) => tag.kind === kind).map(({ doc = "" }) => doc);
}
