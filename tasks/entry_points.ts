/** Prints the file of every entry point of the package, for tools that want them as arguments. */
import config from "../deno.json" with { type: "json" };

if (import.meta.main) console.log(Object.values(config.exports).join(" "));
