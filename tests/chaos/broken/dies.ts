/** A program of the laboratory that fails in the middle of its work. */
console.error("out of luck");
Deno.exit(3);
