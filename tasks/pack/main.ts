/**
 * Builds the npm package from the sources: the folder `dist/npm`, and the tarball in `dist` whose
 * path it prints last. Fails if the package is larger than it may be.
 */
import { pack } from "./pack.ts";

if (import.meta.main) {
  const { folder, tarball, unpackedBytes, mapBytes } = await pack();
  console.log(`${folder}: ${kilobytes(unpackedBytes)}, and ${kilobytes(mapBytes)} of source maps`);
  console.log(tarball);
}

function kilobytes(bytes: number): string {
  return `${Math.round(bytes / 1_000)} kB`;
}
