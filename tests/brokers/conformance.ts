/** The suite of conformance on a broker of others, as a list of what fails. */
import { AwsBackend } from "../../backends/aws/mod.ts";
import { testBackend, type TestBackendOptions } from "../../backends/conformance/mod.ts";
import type { BrokerKind, RunningBroker } from "./brokers.ts";

/** How many checks run at the same time: mostly they wait for locks. */
const AT_ONCE = 16;
/** How many of those that failed run at the same time, to see if they fail again. */
const AGAIN_AT_ONCE = 4;
/** Three times the shortest lock: checks that run beside each other hold each other up. */
const LOCK_MS = 3_000;

/** What came of the checks. */
export interface Conformance {
  /** How many ran. */
  readonly ran: number;
  /** The checks that failed, each with the first error. */
  readonly failures: ReadonlyMap<string, string>;
}

/** Runs every check on every way from a publisher to a queue that the broker has. */
export async function conformanceOf(
  broker: RunningBroker,
  { hasTopics }: Pick<BrokerKind, "hasTopics">,
): Promise<Conformance> {
  const options = { ...broker.options, ...(hasTopics ? {} : { topics: false as const }) };
  const create = () => {
    const backend = new AwsBackend(options);
    return {
      backend,
      pass: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
      close: () => backend.close(),
      reopen: () => Promise.resolve(new AwsBackend(options)),
    };
  };
  const waiting: TitledCheck[] = [];
  const { guarantees } = new AwsBackend(options);
  const common = { guarantees, create, visibilityMs: LOCK_MS };
  const routes: Pick<TestBackendOptions, "route" | "rawDelivery">[] = [
    {},
    ...(hasTopics ? [{ route: "topic" } as const] : []),
    ...(hasTopics ? [{ route: "topic", rawDelivery: false } as const] : []),
  ];
  for (const route of routes) {
    const name = route.route ?? "queue";
    const test = (title: string, check: () => void | Promise<void>) =>
      void waiting.push([title.slice(name.length + 2), async () => await check()]);
    testBackend({ ...common, ...route, name, test });
  }
  const ran = waiting.length;
  // A busy machine makes a check fail now and then, and hardly the same one twice.
  const doubtful = (await failuresOf(waiting, AT_ONCE)).map(([check]) => check);
  const failures = await failuresOf(doubtful, AGAIN_AT_ONCE);
  return { ran, failures: new Map(failures.map(([[title], error]) => [title, error])) };
}

/** A check by its title. */
type TitledCheck = readonly [title: string, run: () => Promise<void>];

/** Runs checks, so many at once; resolves to those that failed, each with its error. */
async function failuresOf(checks: readonly TitledCheck[], atOnce: number) {
  const waiting = [...checks];
  const failures: [check: TitledCheck, error: string][] = [];
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const check = next;
      await check[1]().catch((error) => failures.push([check, String(error)]));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return failures;
}
