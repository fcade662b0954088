/** The settings of the package on the site of JSR, which no file that is published can hold. */

/** The line below the name; JSR takes 250 characters. */
export const DESCRIPTION =
  "Events between programs that do not know each other, at least once, on any JavaScript runtime: " +
  "Amazon SNS and SQS without the AWS SDK, in memory, or between browser tabs.";

/** The runtimes that are marked as supported: those that the tests run on. */
export const RUNTIMES = ["Deno", "Node.js", "Bun", "Cloudflare Workers", "Browsers"] as const;

/** Returns what to set on the site, for the summary of a release. */
export function settings(): string {
  return [
    "Settings of the package on JSR:",
    `- Description: ${DESCRIPTION}`,
    `- Runtime compatibility, all marked as supported: ${RUNTIMES.join(", ")}`,
    "- Readme source: README.md",
  ].join("\n");
}
