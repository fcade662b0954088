/** The handlers of one example, on every host: whatever the host, the outcome is the same. */
import { assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { stub } from "@std/testing/mock";
import { dispatcher, OrderCancelled, OrderPlaced } from "../examples/handlers.ts";
import { defineEvent, typed } from "../src/event/event.ts";
import type { OutgoingMessage } from "../src/wire/message.ts";
import { type Host, type HostKind, messageOf, type OpenHost } from "./hosts/host.ts";
import { LAMBDA_SNS } from "./hosts/lambda_sns.ts";
import { lambdaSqsHost } from "./hosts/lambda_sqs.ts";
import { SNS_ENDPOINT } from "./hosts/sns_endpoint.ts";
import { WORKERS } from "./hosts/workers.ts";
import { within } from "./wait.ts";

/** How long a host may take for a message, in milliseconds. */
const PATIENCE_MS = 10_000;

const HOSTS: readonly Host[] = [
  ...WORKERS,
  lambdaSqsHost({ fifo: false, sender: false }),
  lambdaSqsHost({ fifo: false, sender: true }),
  lambdaSqsHost({ fifo: true, sender: false }),
  lambdaSqsHost({ fifo: true, sender: true }),
  LAMBDA_SNS,
  SNS_ENDPOINT,
];

/** What can be seen of the outcomes from outside. `!` stands for an error in the log. */
interface Effects {
  acknowledge: string;
  retry: (facts: Facts) => string;
  deadLetter: (facts: Facts) => string;
}

/** Why a message was given up, and by whom. */
interface Facts {
  reason: string;
  by: string;
}

const dead = ({ reason, by }: Facts, tries = 1) =>
  `copied to the DLQ: ${reason} by ${by}, tries: ${tries}`;
const AGAIN = "visible again, receives: 2";
const IN_PLACE = "tried again in place";
const GIVEN_BACK = `${IN_PLACE}; given back at the stop: it, the follower; !`;
const FAILED = "in batchItemFailures: it";
const FAILED_GROUP = `${FAILED}, its follower`;

/** Host × outcome. */
const EFFECTS: Record<HostKind, Effects> = {
  "queue": {
    acknowledge: "deleted",
    retry: () => AGAIN,
    deadLetter: (facts) => `deleted; ${dead(facts)}`,
  },
  "queue without DLQ": {
    acknowledge: "deleted",
    retry: () => AGAIN,
    deadLetter: () => `${AGAIN}; !`,
  },
  "FIFO queue": {
    acknowledge: "both deleted",
    retry: ({ by }) => `${IN_PLACE}; both deleted; ${dead({ reason: "MAX_ATTEMPTS", by }, 5)}`,
    deadLetter: (facts) => `both deleted; ${dead(facts)}`,
  },
  "FIFO queue without DLQ": {
    acknowledge: "both deleted",
    retry: () => GIVEN_BACK,
    deadLetter: () => GIVEN_BACK,
  },
  "Lambda, SQS": {
    acknowledge: "batchItemFailures is empty",
    retry: () => FAILED,
    deadLetter: () => `${FAILED}; !`,
  },
  "Lambda, SQS, with sender": {
    acknowledge: "batchItemFailures is empty",
    retry: () => FAILED,
    deadLetter: (facts) => `batchItemFailures is empty; ${dead(facts)}`,
  },
  "Lambda, FIFO": {
    acknowledge: "batchItemFailures is empty",
    retry: () => FAILED_GROUP,
    deadLetter: () => `${FAILED_GROUP}; !`,
  },
  "Lambda, FIFO, with sender": {
    acknowledge: "batchItemFailures is empty",
    retry: () => FAILED_GROUP,
    deadLetter: (facts) => `batchItemFailures is empty; ${dead(facts)}`,
  },
  "Lambda, SNS": {
    acknowledge: "returned",
    retry: () => "threw HANDLER_FAILED",
    deadLetter: () => "threw HANDLER_FAILED",
  },
  "SNS endpoint": {
    acknowledge: "200",
    retry: () => "503",
    deadLetter: () => "422",
  },
};

/** A message, the outcome it must have on every host, and what is printed and logged meanwhile. */
interface Row {
  what: string;
  message: OutgoingMessage;
  outcome: keyof Effects;
  facts?: Facts;
  /** What handlers print, `name failed`, and the reasons of messages that reach no handler. */
  says: string[];
}

const OrderShipped = defineEvent("OrderShipped", { schema: typed<{ orderId: string }>() });
const order = (data: { total: number; quantity?: number }) =>
  messageOf(OrderPlaced({ orderId: "o-1", ...data }));
const SOLD_OUT = 1_000;
const NOT_POSITIVE = { reason: "total-not-positive", by: "charge-card" };
const UNDECODABLE = { reason: "UNDECODABLE", by: "nobody" };
const UNKNOWN_TYPE = { reason: "UNKNOWN_TYPE", by: "nobody" };

const ROWS: readonly Row[] = [
  {
    what: "a handler resolves",
    message: messageOf(OrderCancelled({ orderId: "o-1" })),
    outcome: "acknowledge",
    says: ["refund o-1"],
  },
  {
    what: "a handler throws",
    message: messageOf(OrderCancelled({ orderId: "o-1", shipped: true })),
    outcome: "retry",
    facts: { reason: "", by: "refund" },
    says: ["refund failed"],
  },
  {
    what: "a handler throws DeadLetter",
    message: messageOf(OrderCancelled({ orderId: "legacy-1" })),
    outcome: "deadLetter",
    facts: { reason: "order-of-old-shop", by: "refund" },
    says: ["refund failed"],
  },
  {
    what: "the body cannot be decoded",
    message: { ...order({ total: 42 }), body: "{" },
    outcome: "deadLetter",
    facts: UNDECODABLE,
    says: ["Cannot read a message as its body is not JSON"],
  },
  {
    what: "the data violate their schema",
    message: { ...order({ total: 42 }), body: '{"orderId":"o-1","total":"42"}' },
    outcome: "deadLetter",
    facts: UNDECODABLE,
    says: [
      'Cannot read a message as its data violates the schema of "OrderPlaced" at total (expected number)',
    ],
  },
  {
    what: "nobody subscribed to the type",
    message: messageOf(OrderShipped({ orderId: "o-1" })),
    outcome: "deadLetter",
    facts: UNKNOWN_TYPE,
    says: ["has no subscriber"],
  },
  {
    what: "the message names no type",
    message: { body: '{"orderId":"o-1","total":42}', attributes: {} },
    outcome: "deadLetter",
    facts: UNKNOWN_TYPE,
    says: ["names no event type"],
  },
  {
    what: "all of several handlers resolve",
    message: order({ total: 42 }),
    outcome: "acknowledge",
    says: ["charge 42 for o-1"],
  },
  {
    what: "of several handlers one throws",
    message: order({ total: 42, quantity: SOLD_OUT }),
    outcome: "retry",
    facts: { reason: "", by: "reserve-stock" },
    says: ["charge 42 for o-1", "reserve-stock failed"],
  },
  {
    what: "of several handlers one throws DeadLetter",
    message: order({ total: 0 }),
    outcome: "deadLetter",
    facts: NOT_POSITIVE,
    says: ["charge-card failed"],
  },
  {
    what: "of several handlers one throws, one throws DeadLetter",
    message: order({ total: 0, quantity: SOLD_OUT }),
    outcome: "deadLetter",
    facts: NOT_POSITIVE,
    says: ["charge-card failed", "reserve-stock failed"],
  },
];

for (const { name, kind, open } of HOSTS) {
  describe(`examples/handlers.ts on ${name}`, () => {
    let host: OpenHost;
    beforeAll(async () => {
      host = await open(dispatcher);
    });
    afterAll(() => host.close());

    for (const { what, message, outcome, facts = { reason: "", by: "" }, says } of ROWS) {
      it(`${what}: ${outcome}`, async () => {
        const { effect, lines } = await listening(() => host.deliver(message));
        const wanted = EFFECTS[kind][outcome];
        assertEquals(effect, typeof wanted === "string" ? wanted : wanted(facts));
        // What the host still has was not handled, and what it has not was handled behind the first.
        const follows = kind.includes("FIFO") && !effect.includes("follower");
        const last = follows ? lines.pop() : undefined;
        assertEquals(last, follows ? "refund o-follower" : undefined);
        assertEquals(lines.sort(), says.toSorted());
      });
    }
  });
}

/** The effect of a delivery, and the different lines of print and log, of all its tries. */
async function listening(deliver: () => Promise<string>) {
  const lines = new Set<string>();
  let errors = 0;
  const stubs = [
    stub(console, "log", (line: string) => void lines.add(line.replace(/ \(attempt \d+\)$/, ""))),
    stub(console, "warn", (line: string) => {
      const subscriber = fieldIn(line, "subscriber");
      lines.add(subscriber ? `${subscriber} failed` : fieldIn(line, "reason") ?? line);
    }),
    stub(console, "error", () => void errors++),
  ];
  try {
    const effect = await within(deliver(), {
      what: "an outcome",
      ms: PATIENCE_MS,
      saw: () => lines,
    });
    const told = [...lines].filter((line) => !line.includes("o-other"));
    return { effect: errors > 0 ? `${effect}; !` : effect, lines: told };
  } finally {
    for (const each of stubs) each.restore();
  }
}

/** A field of a log line: a word, or a text in JSON. */
function fieldIn(line: string, name: string): string | undefined {
  const [, text] = new RegExp(`  ${name}=("(?:[^"\\\\]|\\\\.)*"|\\S+)`).exec(line) ?? [];
  return text?.startsWith('"') ? JSON.parse(text) : text;
}
