import { realpathSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";

/**
 * Tells whether the runtime was started with a module. Node.js tells this from 22.18 and 24.2 on;
 * before, the path of the program is compared, through the links of `bin`.
 */
export function isMainModule(
  { main, url }: { main?: boolean | undefined; url: string },
  program: string | undefined = process.argv[1],
): boolean {
  if (main !== undefined) return main;
  if (program === undefined || !url.startsWith("file:")) return false;
  try {
    return realpathSync(program) === realpathSync(fileURLToPath(url));
  } catch {
    return false;
  }
}
