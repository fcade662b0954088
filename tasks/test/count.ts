/** How many tests passed and how many failed. */
export interface Count {
  /** Tests that passed. */
  passed: number;
  /** Tests that failed, and suites that failed by themselves, in a hook or a sanitizer. */
  failed: number;
}

/** What a JUnit report puts between the names of a suite and of what is in it. */
const SEPARATOR = " &gt; ";

/** A test that ran, or a suite that failed by itself. */
export interface Outcome {
  /** The names of its suites and its own. */
  readonly name: string;
  readonly failed: boolean;
}

/** Counts the tests of a JUnit report by `deno test`. */
export function countTests(junit: string): Count {
  return countOutcomes(testsIn(junit));
}

/** Counts tests. */
export function countOutcomes(outcomes: readonly Outcome[]): Count {
  const failed = outcomes.filter((outcome) => outcome.failed).length;
  return { passed: outcomes.length - failed, failed };
}

/**
 * The tests of a JUnit report by `deno test`. It lists suites as if they were tests, and what is in
 * them elsewhere, by a longer name: of those only the innermost are tests.
 */
export function testsIn(junit: string): Outcome[] {
  const outcomes: Outcome[] = [];
  const cases = [...junit.matchAll(/<testcase name="([^"]*)"[^>]*?(?:\/>|>(.*?)<\/testcase>)/gs)];
  const suites = new Set(cases.flatMap(([, name = ""]) => suitesOf(name)));
  for (const [, name = "", content = ""] of cases) {
    const failure = /<(?:failure|error)\b[^>]*?message="([^"]*)"/.exec(content)?.[1];
    if (failure === undefined) {
      const isTest = !suites.has(name) && !content.includes("<skipped");
      if (isTest) outcomes.push({ name, failed: false });
    } else if (!/^\d+ test steps? failed/.test(failure)) outcomes.push({ name, failed: true });
  }
  return outcomes;
}

/** The line that a CI counts by. */
export function closingLine({ passed, failed }: Count): string {
  return `${passed} passed, ${failed} failed`;
}

/** Sums the lines that end as {@linkcode closingLine} writes them. */
export function countLines(output: string): Count {
  const count: Count = { passed: 0, failed: 0 };
  for (const [, passed, failed] of output.matchAll(/(\d+) passed, (\d+) failed$/gm)) {
    count.passed += Number(passed);
    count.failed += Number(failed);
  }
  return count;
}

function suitesOf(name: string): string[] {
  const names = name.split(SEPARATOR);
  return names.slice(1).map((_, index) => names.slice(0, index + 1).join(SEPARATOR));
}
