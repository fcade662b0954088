/** Returns the room of a file: its first folder, or two where it lies deeper. */
export function roomOf(file: string): string {
  return file.split("/").slice(0, -1).slice(0, 2).join("/");
}

/**
 * Returns the tests that judge a file, of all tests given: first those of the file, then the
 * portable ones of its room, then those that need Deno. The other rooms of `src` come last, as the
 * floors above use what stands below. Only what is there is in the list.
 */
export function testsOf(file: string, tests: readonly string[]): string[][] {
  const inHouse = tests.filter((test) => test.startsWith(`tests/${houseOf(file)}/`)).sort();
  const own = inHouse.filter((test) => isTestOf(test, file));
  const inRoom = (test: string) => test.startsWith(`tests/${roomOf(file)}/`);
  const others = inHouse.filter((test) => !own.includes(test) && inRoom(test));
  const portable = others.filter((test) => !test.endsWith("_deno_test.ts"));
  const rest = others.filter((test) => !portable.includes(test));
  const above = inHouse.filter((test) => !own.includes(test) && !inRoom(test));
  return [own, portable, rest, above].filter((step) => step.length > 0);
}

function houseOf(file: string): string {
  return file.startsWith("src/") ? "src" : roomOf(file);
}

/**
 * `publisher_fifo_test.ts` tests `publisher.ts`, `sns_test.ts` tests `sns_post.ts`, and `mod_test.ts`
 * the files beside its `mod.ts`.
 */
function isTestOf(test: string, file: string): boolean {
  const tested = test.replace(/^tests\//, "").replace(/(_deno)?_test\.ts$/, "");
  const path = file.replace(/\.ts$/, "");
  const beside = `${file.split("/").slice(0, -1).join("/")}/mod`;
  return tested === path || tested === beside || tested.startsWith(`${path}_`) ||
    path.startsWith(`${tested}_`);
}
