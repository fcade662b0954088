/**
 * The name and the version of this package, for texts. `deno task release` writes them here and in
 * deno.json; a test compares the two.
 */

/** The name under which the package is published. */
export const NAME = "@melange/melange";

/** The version of the package. */
export const VERSION = "0.1.0";
