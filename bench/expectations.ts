/**
 * The counts of requests that must come out exactly, whatever the machine does. `--quick` fails when
 * one of them is off; no time ever fails it.
 */
import type { Result } from "./results.ts";

/** A count that must be met. */
export interface Expectation {
  readonly scenario: string;
  readonly variant: string;
  /** The name of the count. */
  readonly of: string;
  /** The count, for so many messages. */
  readonly expected: (messages: number) => number;
}

const BACKEND = "melange AwsBackend";
const tenth = (messages: number) => messages / 10;
const all = (messages: number) => messages;
const none = () => 0;

/** All that must be met. */
export const EXPECTATIONS: readonly Expectation[] = [
  ...[BACKEND, `${BACKEND}, transport/node`, "melange awsSender"].flatMap((variant) =>
    exact("publish to a queue", variant, {
      "requests SendMessageBatch": tenth,
      "entries SendMessageBatch": all,
      "requests GetQueueUrl": none,
      signed: tenth,
    })
  ),
  ...exact("publish a burst to a queue", BACKEND, {
    "requests SendMessageBatch": tenth,
    "entries SendMessageBatch": all,
  }),
  ...exact("publish to a topic", BACKEND, {
    "requests PublishBatch": tenth,
    "entries PublishBatch": all,
    "requests CreateTopic": none,
    "requests GetCallerIdentity": none,
  }),
  ...["consume, 10 slots", "consume, 100 slots"].flatMap((scenario) =>
    exact(scenario, "melange", {
      "full receives": tenth,
      "entries ReceiveMessage": all,
      "requests DeleteMessageBatch": tenth,
      "entries DeleteMessageBatch": all,
      "requests ChangeMessageVisibilityBatch": none,
    })
  ),
];

function exact(
  scenario: string,
  variant: string,
  counts: Readonly<Record<string, (messages: number) => number>>,
): Expectation[] {
  return Object.entries(counts).map(([of, expected]) => ({ scenario, variant, of, expected }));
}

/** The sentences that say which counts are off. */
export function offCounts(results: readonly Result[]): string[] {
  return EXPECTATIONS.flatMap(({ scenario, variant, of, expected }) =>
    results
      .filter((result) => result.scenario === scenario && result.variant === variant)
      .flatMap((result) => {
        if (result.failure !== undefined) return [sentence(result, `failed: ${result.failure}`)];
        const wanted = expected(result.count);
        const [least, most] = countOf(result, of);
        if (least === wanted && most === wanted) return [];
        const found = least === most ? `${least}` : `${least} to ${most}`;
        return [sentence(result, `${of}: ${found} for ${result.count} messages, not ${wanted}`)];
      })
  );
}

function sentence({ runtime, scenario, variant }: Result, what: string): string {
  return `${scenario}, ${variant}, ${runtime}: ${what}`;
}

function countOf({ counts }: Result, name: string): readonly [number, number] {
  return counts[name] ?? [0, 0];
}
