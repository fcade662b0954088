/** The `package.json` of the npm package, made of deno.json. Pure. */

import { DESCRIPTION } from "../release/jsr.ts";

/** What deno.json says of the package. */
export interface PackageConfig {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  /** Source files by subpath. */
  readonly exports: Readonly<Record<string, string>>;
  readonly imports: Readonly<Record<string, string>>;
}

/** Where the sources are, for people who find the package. */
export const REPOSITORY = "https://github.com/melange-events/melange-typescript";

const KEYWORDS = [
  ...["events", "event-bus", "publish-subscribe", "pubsub", "messaging", "queue", "aws", "sns"],
  ...["sqs", "fifo", "lambda", "dead-letter-queue", "broadcastchannel", "deno", "bun", "workers"],
];

/** The packages that the sources import at run time. */
const DEPENDENCIES = ["aws4fetch"];

/**
 * Packages that users may install: the command `schemas` imports the first if it needs it, and the
 * entry point `serializers/any` the second.
 */
const OPTIONAL_PEERS: readonly (readonly [string, string])[] = [
  ["@valibot/to-json-schema", "^1.5.0"],
  ["devalue", "^6.0.3"],
];

/** The first version of Node.js 20 in which `require` takes ES modules. */
const NODE = ">=20.19.0";

/** The fields of a `package.json`, in the order in which they are written. */
export type Manifest = Readonly<Record<string, unknown>>;

/** Describes the package to npm, to Node.js, to bundlers and to TypeScript. */
export function manifestOf(config: PackageConfig): Manifest {
  const { name, version, license } = config;
  return {
    name,
    version,
    description: DESCRIPTION,
    keywords: KEYWORDS,
    license,
    homepage: `${REPOSITORY}#readme`,
    bugs: `${REPOSITORY}/issues`,
    repository: { type: "git", url: `git+${REPOSITORY}.git` },
    type: "module",
    engines: { node: NODE },
    sideEffects: ["./cli/bin.js"],
    bin: { melange: "cli/bin.js" },
    main: emitted(config.exports["."]),
    types: declared(config.exports["."]),
    exports: { ...exportsOf(config), "./package.json": "./package.json" },
    typesVersions: { "*": typesOf(config) },
    dependencies: Object.fromEntries(
      DEPENDENCIES.map((name) => [name, rangeOf(config.imports[name])]),
    ),
    peerDependencies: Object.fromEntries(OPTIONAL_PEERS),
    peerDependenciesMeta: Object.fromEntries(
      OPTIONAL_PEERS.map(([name]) => [name, { optional: true }]),
    ),
  };
}

/** The path of what is emitted for a source file. */
export function emitted(source = ""): string {
  return source.replace(/\.ts$/, ".js");
}

/** The path of the types of a source file. */
export function declared(source = ""): string {
  return source.replace(/\.ts$/, ".d.ts");
}

function exportsOf({ exports }: PackageConfig): Record<string, unknown> {
  const entries = Object.entries(exports).map(([subpath, source]) => {
    // The types come first: TypeScript takes the first condition that it knows.
    return [subpath, { types: declared(source), default: emitted(source) }];
  });
  return Object.fromEntries(entries);
}

/** Where TypeScript finds the types of subpaths when its `moduleResolution` does not read `exports`. */
function typesOf({ exports }: PackageConfig): Record<string, readonly string[]> {
  const subpaths = Object.entries(exports).filter(([subpath]) => subpath !== ".");
  return Object.fromEntries(
    subpaths.map(([subpath, source]) => [subpath.slice(2), [declared(source)]]),
  );
}

function rangeOf(address = ""): string {
  const range = /^npm:@?[^@]+@(.+)$/.exec(address)?.[1];
  if (range !== undefined) return range;
  throw new TypeError(`Cannot depend on a package without a range: current value is ${address}`);
}
