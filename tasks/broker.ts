/**
 * Runs `melange broker` from the sources. The tasks `declare`, `publish` and `consume` use the broker
 * unless they are told otherwise.
 */
import { main } from "../cli/main.ts";

if (import.meta.main) Deno.exit(await main(["broker", ...Deno.args]));
