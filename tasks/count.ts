/** How many tests passed and how many failed. */
export interface Count {
  /** Tests that passed. */
  passed: number;
  /** Tests that failed, and suites that failed by themselves, in a hook or a sanitizer. */
  failed: number;
}

/**
 * Counts the tests of a JUnit report by `deno test`. It lists suites as if they were tests, each
 * followed by what is in it: of those only the innermost count.
 */
export function countTests(junit: string): Count {
  const count: Count = { passed: 0, failed: 0 };
  const cases = [...junit.matchAll(/<testcase name="([^"]*)"[^>]*?(?:\/>|>(.*?)<\/testcase>)/gs)];
  cases.forEach(([, name = "", content = ""], index) => {
    const isSuite = cases[index + 1]?.[1]?.startsWith(`${name} &gt; `) ?? false;
    const failure = /<(?:failure|error)\b[^>]*?message="([^"]*)"/.exec(content)?.[1];
    if (failure === undefined) {
      if (!isSuite && !content.includes("<skipped")) count.passed++;
    } else if (!/^\d+ test steps? failed/.test(failure)) count.failed++;
  });
  return count;
}

/** The line that a CI counts by. */
export function closingLine({ passed, failed }: Count): string {
  return `${passed} passed, ${failed} failed`;
}
