import type { Backend, Delivery, Guarantees, ReceiveOptions } from "../../../../src/backend.ts";
import { MemoryBackend, type MemoryLimits } from "../../../../backends/memory/mod.ts";
import { MelangeError } from "../../../../src/support/errors.ts";
import type {
  Attributes,
  Destination,
  OutgoingMessage,
  ReceivedMessage,
} from "../../../../src/wire/message.ts";
import { runSuite } from "../run_suite.ts";
import { createVirtualClock, type VirtualClock } from "../virtual_clock.ts";

/** A backend with one fault, and the checks that must see it. */
export interface Mutant {
  name: string;
  /** What must fail. */
  fails: readonly string[];
  /** What must pass nevertheless. Default: {@linkcode UNRELATED}. */
  spares?: readonly string[];
  /** What it declares other than the good one. */
  guarantees?: Partial<Guarantees>;
  /** The limits that it keeps; it declares those of the good one. */
  limits?: MemoryLimits;
  /** The verbs and facts in which it differs from the good backend. */
  mutate: (good: Backend, clock: VirtualClock) => Partial<Backend>;
}

/** Checks that few faults concern. */
const UNRELATED = [
  "send() carries text attributes",
  "receive() returns at most max messages",
  "deleteQueue() of a missing queue is success",
  "declareTopic() twice keeps the topic",
  "close() twice is success",
];

const GOOD = new MemoryBackend();

/** Runs the suite against the mutant: which of the checks it runs fail. */
export function failuresOf(
  mutant: Mutant,
  only: (check: string) => boolean,
): Promise<Map<string, Error>> {
  const guarantees = { ...GOOD.guarantees, ...mutant.guarantees };
  return runSuite({
    guarantees,
    patienceMs: Infinity,
    create: () => {
      const clock = createVirtualClock();
      const good = new MemoryBackend({ clock, ...mutant.limits ? { limits: mutant.limits } : {} });
      const facts = { guarantees, limits: GOOD.limits };
      const backend = withOverrides(good, { ...facts, ...mutant.mutate(good, clock) });
      const reopen = () => Promise.resolve<Backend>(new MemoryBackend({ clock }));
      return { backend, pass: clock.pass, close: () => good.close(), reopen };
    },
  }, only);
}

/** The checks that must pass with this mutant. */
export function sparedBy(mutant: Mutant): string[] {
  return (mutant.spares ?? UNRELATED).filter((name) => !mutant.fails.includes(name));
}

function withOverrides(good: Backend, overrides: Partial<Backend>): Backend {
  return new Proxy(good, {
    get(target, key) {
      if (key in overrides) return Reflect.get(overrides, key);
      const member: unknown = Reflect.get(target, key, target);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

/** Sends something else than it was given. */
export function onSend(
  good: Backend,
  change: (message: OutgoingMessage, destination: Destination) => OutgoingMessage,
): Pick<Backend, "send"> {
  return {
    send: (destination, messages, options) =>
      good.send(destination, messages.map((message) => change(message, destination)), options),
  };
}

/** Sends with other attributes. */
export function onAttributes(
  good: Backend,
  change: (attributes: Attributes) => Attributes,
): Pick<Backend, "send"> {
  return onSend(good, (message) => ({ ...message, attributes: change(message.attributes) }));
}

/** Receives with other options. */
export function onReceive(
  good: Backend,
  change: (options: ReceiveOptions) => Partial<ReceiveOptions>,
): Pick<Backend, "receive"> {
  return { receive: (queue, options) => good.receive(queue, { ...options, ...change(options) }) };
}

/** Hands out something else than it received. */
export function onMessage(
  good: Backend,
  change: (message: ReceivedMessage) => Partial<ReceivedMessage>,
): Pick<Backend, "receive"> {
  return onDeliveries(good, (deliveries) =>
    deliveries.map(({ receipt, message }) => ({
      receipt,
      message: { ...message, ...change(message) },
    })));
}

/** Hands out other deliveries than it received. */
export function onDeliveries(
  good: Backend,
  change: (deliveries: Delivery[], queue: string) => Delivery[] | Promise<Delivery[]>,
): Pick<Backend, "receive"> {
  return {
    receive: async (queue, options) => await change(await good.receive(queue, options), queue),
  };
}

export function error(code: string): MelangeError {
  return new MelangeError(code, "made up by a mutant");
}
