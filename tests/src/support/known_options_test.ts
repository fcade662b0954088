import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { AwsBackend, type AwsBackendOptions } from "../../../backends/aws/mod.ts";
import { MemoryBackend } from "../../../backends/memory/mod.ts";
import { MessageConsumer, type MessageConsumerOptions } from "../../../src/consume/consumer.ts";
import { EventBus, type EventBusOptions } from "../../../src/event_bus.ts";
import { Dispatcher, type DispatcherOptions } from "../../../src/handle/dispatcher.ts";
import { DeadLetters } from "../../../src/operate/dead_letters.ts";
import { BUS_OPTIONS, checkKnown } from "../../../src/support/known_options.ts";

/** All names, by the compiler: an option that is new has to be added here and in the table. */
const NAMES: Record<keyof (EventBusOptions & MessageConsumerOptions & DispatcherOptions), true> = {
  backend: true,
  queue: true,
  queues: true,
  dispatcher: true,
  publisher: true,
  concurrency: true,
  visibilityTimeoutMs: true,
  waitMs: true,
  drainMs: true,
  refillMs: true,
  ackLingerMs: true,
  redelivery: true,
  clock: true,
  random: true,
  middleware: true,
  serializers: true,
  payloads: true,
  typeOf: true,
  dataOf: true,
  defaultEvent: true,
  onUnknown: true,
  onUndecodable: true,
  deduplication: true,
  handlerTimeoutMs: true,
  maxAttempts: true,
  logger: true,
  format: true,
  lingerMs: true,
  eager: true,
  maxInFlight: true,
  maxPending: true,
  retry: true,
  telemetry: true,
  concurrencyPerGroup: true,
  limiter: true,
  killSwitch: true,
};

const backend = new MemoryBackend();
const queue = "q";

describe("a misspelt option", () => {
  const rows: [string, () => unknown, string][] = [
    [
      "of MessageConsumer",
      () => new MessageConsumer(loose({ backend, queue, concurency: 4 })),
      "concurrency",
    ],
    ["of Dispatcher", () => new Dispatcher(loose({ handlerTimeout: 5 })), "handlerTimeoutMs"],
    ["of EventBus", () => new EventBus(loose({ backend, qeue: "q" })), "queue"],
    ["of AwsBackend", () => new AwsBackend(loose({ regoin: "eu-west-1" })), "region"],
    ["of DeadLetters", () => new DeadLetters(loose({ backend, queue, lockms: 5 })), "lockMs"],
  ];
  for (const [what, make, meant] of rows) {
    it(`${what} is refused with the name that was meant`, () => {
      assertThrows(make, TypeError, `did you mean "${meant}"?`);
    });
  }

  it("of purge() deletes nothing, however it is misspelt", async () => {
    const dead = new DeadLetters({ backend, queue });
    const purge = (options: object) => () => dead.purge(loose(options));
    await assertRejects(purge({ wehre: () => false }), TypeError, '"where"');
    await assertRejects(purge({ filter: () => false }), TypeError, 'unknown option "filter"');
  });

  it("is told from the names of other things", () => {
    assertEquals(BUS_OPTIONS.split(" ").toSorted(), Object.keys(NAMES).toSorted());
    for (const name of BUS_OPTIONS.split(" ")) checkKnown({ [name]: 1 }, BUS_OPTIONS, "try");
    new Dispatcher(loose({ tenant: "a", host: "b", note: "c", que: 1 }));
    new AwsBackend(loose({ maxSockets: 5 } as AwsBackendOptions));
  });
});

/** Options as a program without the compiler passes them. */
// deno-lint-ignore no-explicit-any
function loose(options: object): any {
  return options;
}
