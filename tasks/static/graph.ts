/**
 * Checks the imports of the library, type-only ones included: none goes up a floor, none closes a
 * circle, no backend reaches into another one, and the signer stays with the client of AWS. Prints
 * each fault with its path, and fails if there is one.
 */

/** A file and the files that it imports, as paths from the root. */
export type Graph = ReadonlyMap<string, readonly string[]>;

/**
 * The floors of the house from the ground up: files, or folders that end in a slash. A file may
 * import from its own floor and from those below it.
 */
const FLOORS: readonly (readonly string[])[] = [
  ["src/support/"],
  ["src/event/"],
  ["src/wire/"],
  ["src/backend.ts"],
  ["src/publish/"],
  ["src/handle/"],
  ["src/consume/"],
  ["src/event_bus.ts", "src/synchronous_event_bus.ts"],
  ["src/operate/"],
  ["mod.ts"],
  ["backends/"],
  ["cli/"],
];

/** Parts of a backend that another one may use: pairs of who imports and what is imported. */
const SHARED: readonly (readonly [string, string])[] = [
  ["backends/broadcast_channel/", "backends/memory/"],
  ["backends/aws/emulator/", "backends/memory/"],
];

/** The places that may import a package: each reaches only users of the entry point that needs it. */
const PACKAGES: Readonly<Record<string, { place: string; only: string }>> = {
  aws4fetch: { place: "backends/aws/api/", only: "signs requests" },
  devalue: { place: "src/wire/serializers/any.ts", only: "needs the package" },
};

/** The faults of a graph: a sentence each. */
export function faultsIn(graph: Graph): string[] {
  const edges = [...graph].flatMap(([from, files]) => files.map((to) => ({ from, to })));
  return [
    ...edges.flatMap(({ from, to }) => faultOf(from, to) ?? []),
    ...circlesIn(graph).map((path) => `${path.join(" -> ")}: these import each other in a circle`),
  ];
}

function faultOf(from: string, to: string): string | undefined {
  const kept = PACKAGES[to];
  if (kept) {
    if (from.startsWith(kept.place)) return undefined;
    return `${from} -> ${to}: only ${kept.place} ${kept.only}`;
  }
  if (floorOf(from) < floorOf(to)) return `${from} -> ${to}: an import may not go up a floor`;
  const [own, other] = [backendOf(from), backendOf(to)];
  const shared = SHARED.some(([user, used]) => from.startsWith(user) && to.startsWith(used));
  if (own === undefined || other === undefined || own === other || shared) return undefined;
  return `${from} -> ${to}: a backend may not reach into another one`;
}

function floorOf(file: string): number {
  const floor = FLOORS.findIndex((places) =>
    places.some((place) => place.endsWith("/") ? file.startsWith(place) : file === place)
  );
  if (floor < 0) throw new Error(`Cannot check ${file} as it stands on no floor: see FLOORS`);
  return floor;
}

function backendOf(file: string): string | undefined {
  return /^backends\/(\w+)\//.exec(file)?.[1];
}

/** One path for each circle that a walk from any file meets, its first file also last. */
function circlesIn(graph: Graph): string[][] {
  const circles: string[][] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]) => {
    const start = path.indexOf(file);
    if (start >= 0) return void circles.push([...path.slice(start), file]);
    if (done.has(file)) return;
    for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return circles;
}

/** Reads the imports of all files below these places; of packages only the signer counts. */
export async function readGraph(places: readonly string[]): Promise<Graph> {
  const files = (await Promise.all(places.map(filesIn))).flat().sort();
  const graph = new Map<string, string[]>();
  for (const file of files) graph.set(file, importsOf(file, await Deno.readTextFile(file)));
  return graph;
}

/** The files that a module imports, re-exports or loads, and the signer. */
export function importsOf(file: string, source: string): string[] {
  const code = source.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
  const specifiers = [...code.matchAll(/(?:\bfrom|\bimport\(?)\s*"([^"]+)"/g)].map(([, name]) =>
    name!
  );
  return specifiers.flatMap((specifier) => {
    if (Object.hasOwn(PACKAGES, specifier)) return [specifier];
    if (!specifier.startsWith(".")) return [];
    return [new URL(specifier, `file:///${file}`).pathname.slice(1)];
  });
}

/** Lists the sources below a folder; a source is its own list. */
export async function filesIn(place: string): Promise<string[]> {
  if (place.endsWith(".ts")) return [place];
  const inner: Promise<string[]>[] = [];
  for await (const { name, isDirectory } of Deno.readDir(place)) {
    if (isDirectory || name.endsWith(".ts")) inner.push(filesIn(`${place}/${name}`));
  }
  return (await Promise.all(inner)).flat();
}

if (import.meta.main) {
  const faults = faultsIn(await readGraph(["mod.ts", "src", "backends", "cli"]));
  for (const fault of faults) console.error(fault);
  Deno.exit(faults.length > 0 ? 1 : 0);
}
