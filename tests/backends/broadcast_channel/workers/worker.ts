/**
 * One context of the suite for several workers. It does what it is told, and reports what its
 * consumer receives and has acknowledged, message by message.
 */
import { BroadcastChannelBackend } from "../../../../backends/broadcast_channel/mod.ts";
import { heapUsed, parentPort, sleep } from "./runtime.ts";

/** What the main context asks for, and the number of the answer. */
export interface Command {
  readonly number: number;
  readonly verb: keyof typeof verbs;
  readonly args: readonly unknown[];
}

/** What a worker says. */
export type Report =
  | { readonly number: number; readonly value?: unknown; readonly error?: string }
  | { readonly received: readonly string[] }
  /** It acknowledges when it is told to `settle` this: what is reported last may be lost. */
  | { readonly settling: readonly string[]; readonly turn: number }
  | { readonly acknowledged: readonly string[] };

/** How the consumer of a worker works. */
export interface ConsumeOptions {
  readonly queue: string;
  /** How many receives are under way at once. */
  readonly loops: number;
  /** How long each batch takes, in milliseconds. */
  readonly handlingMs: number;
  /** Whether it blocks its thread meanwhile. */
  readonly blocks?: boolean;
}

const port = await parentPort();
let backend: BroadcastChannelBackend;
let isHolding = false;
let stops: AbortController[] = [];
let loops: Promise<void>[] = [];
let turns = 0;
const waiting = new Map<number, () => void>();

const verbs = {
  open: async (...args: readonly unknown[]) => {
    const [name, options] = args as [string, object | undefined];
    backend = new BroadcastChannelBackend({ name, ...options });
    await backend.declareTopic("ready");
    return backend.id;
  },
  role: () => backend.role,
  call: (...args: readonly unknown[]) => {
    const [method, ...rest] = args as [string, ...unknown[]];
    const verb = Reflect.get(backend, method) as (...args: unknown[]) => unknown;
    return verb.apply(backend, rest);
  },
  publish: (...args: readonly unknown[]) => publish(args[0] as string, args[1] as string[]),
  consume: (...args: readonly unknown[]) => consume(args[0] as ConsumeOptions),
  hold: () => void (isHolding = true),
  settle: (...args: readonly unknown[]) => {
    const turn = Number(args[0]);
    waiting.get(turn)?.();
    waiting.delete(turn);
  },
  finish,
  block: (...args: readonly unknown[]) => block(Number(args[0])),
  heap: () => heapUsed(),
  overhear: (...args: readonly unknown[]) => overhear(args[0] as string, Number(args[1])),
};

port.listen((message) => void answer(message as Command));

async function answer({ number, verb, args }: Command): Promise<void> {
  try {
    port.post({ number, value: await verbs[verb](...args) });
  } catch (error) {
    port.post({ number, error: String(error) });
  }
}

/** Publishes in batches of ten, all at once; resolves to the bodies that were accepted. */
async function publish(destination: string, bodies: readonly string[]): Promise<string[]> {
  const calls = [];
  const fifo = destination.endsWith(".fifo");
  for (let at = 0; at < bodies.length; at += 10) {
    const messages = bodies.slice(at, at + 10).map((body) => ({
      body,
      attributes: {},
      ...(fifo ? { group: body.split(":")[0] ?? "", deduplicationId: body } : {}),
    }));
    calls.push(backend.send({ topic: destination }, messages));
  }
  const results = (await Promise.all(calls)).flat();
  return bodies.filter((_, place) => results[place]?.ok);
}

function consume(options: ConsumeOptions): void {
  stops = Array.from({ length: options.loops }, () => new AbortController());
  loops = stops.map(({ signal }) => loop(options, signal));
}

async function loop(
  { queue, handlingMs, blocks }: ConsumeOptions,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const options = { max: 10, waitMs: 20_000, visibilityMs: 60_000, signal };
    const deliveries = await backend.receive(queue, options).catch(() => []);
    if (deliveries.length === 0) continue;
    const bodies = deliveries.map(({ message }) => message.body);
    port.post({ received: bodies });
    if (blocks) block(handlingMs);
    else await sleep(handlingMs);
    if (isHolding) continue;
    const receipts = deliveries.map(({ receipt }) => receipt);
    await new Promise<void>((resolve) => {
      waiting.set(++turns, resolve);
      port.post({ settling: bodies, turn: turns });
    });
    const results = await backend.acknowledge(queue, receipts);
    port.post({ acknowledged: bodies.filter((_, place) => results[place]?.ok) });
  }
}

async function finish(): Promise<void> {
  for (const stop of stops) stop.abort();
  await Promise.all(loops);
}

/** How many messages there are on a channel in so many milliseconds. */
async function overhear(name: string, ms: number): Promise<number> {
  const channel = new BroadcastChannel(name);
  let count = 0;
  channel.onmessage = () => void count++;
  await sleep(ms);
  channel.close();
  return count;
}

/** Not with `Atomics.wait`: the main thread of a page may not. */
function block(ms: number): void {
  const end = Date.now() + ms;
  while (Date.now() < end);
}
