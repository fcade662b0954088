/** Returns the room of a file: its first folder, or two where it lies deeper. */
export function roomOf(file: string): string {
  return file.split("/").slice(0, -1).slice(0, 2).join("/");
}

/**
 * Returns the tests that judge a file, of all tests given: first those of the file, then the
 * portable ones of its room, then those that need Deno. Only what is there is in the list.
 */
export function testsOf(file: string, tests: readonly string[]): string[][] {
  const inRoom = tests.filter((test) => test.startsWith(`tests/${roomOf(file)}/`)).sort();
  const own = inRoom.filter((test) => isTestOf(test, file));
  const others = inRoom.filter((test) => !own.includes(test));
  const portable = others.filter((test) => !test.endsWith("_deno_test.ts"));
  const rest = others.filter((test) => !portable.includes(test));
  return [own, portable, rest].filter((step) => step.length > 0);
}

/** `publisher_fifo_test.ts` tests `publisher.ts`, and `lambda_test.ts` tests `lambda_sns.ts`. */
function isTestOf(test: string, file: string): boolean {
  const tested = test.replace(/^tests\//, "").replace(/(_deno)?_test\.ts$/, "");
  const path = file.replace(/\.ts$/, "");
  return tested === path || tested.startsWith(`${path}_`) || path.startsWith(`${tested}_`);
}
