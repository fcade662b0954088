/**
 * Measures `melange broker` beside fauxqs and other brokers: requests a second of 16 clients that
 * send, receive and delete, and the CPU time of the server for a request (Linux). Rounds alternate,
 * and the best of three counts, so that a busy machine disturbs all alike. Then the memory of a
 * million messages, and what a look at them costs.
 *
 * Usage: deno run -A tests/backends/aws/emulator/speed.ts [FOLDER_WITH_BROKERS NAME...]
 */
import { awsEmulator } from "../../../../backends/aws/emulator/mod.ts";
import { type Program, start } from "../../../../tasks/process.ts";
import { startOpponent } from "./differential/brokers.ts";
import { ask, type Wire } from "./wire.ts";

const CLIENTS = 16;
const ROUND_MS = 4_000;
const ROUNDS = 3;
const MESSAGES = 1_000_000;

interface Measured extends AsyncDisposable {
  readonly name: string;
  readonly wire: Wire;
  /** The process, where its CPU time is known. */
  readonly pid?: number;
  best: { perSecond: number; cpuUs?: number };
}

/** Starts a program of this repository in a process of its own, which prints its id and address. */
async function ofOurs(name: string, source: string): Promise<Measured> {
  const program: Program = start(Deno.execPath(), ["eval", "-q", "--no-check", source]);
  const [, pid, origin = ""] = await program.line(/^(\d+) (http.*)$/);
  return {
    name,
    wire: wireTo(origin),
    pid: Number(pid),
    best: { perSecond: 0 },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}

function wireTo(origin: string): Wire {
  return { fetch: (url, init) => fetch(url, init), origin };
}

const moduleAt = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);

const MELANGE = `
import { serveBroker } from ${moduleAt("../../../../cli/broker/server.ts")};
const { url } = await serveBroker({ port: 0, host: "127.0.0.1", names: [], region: "eu-west-1",
  sync: false, onFailure() {} });
console.log(Deno.pid, url);`;
const FAUXQS = `
import { startFauxqs } from ${moduleAt("../../../fauxqs.ts")};
const { options } = await startFauxqs();
console.log(Deno.pid, options.endpoint);`;

/** The CPU time of a process so far, in microseconds; `undefined` where it cannot be read. */
function cpuUs(pid: number | undefined): number | undefined {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // In hundredths of a second.
    return (Number(fields[11]) + Number(fields[12])) * 10_000;
  } catch {
    return undefined;
  }
}

async function round({ wire, pid, best }: Measured): Promise<void> {
  const call = async (action: string, input: Record<string, unknown>) => {
    const { status, output } = await ask(wire, "json", { service: "sqs", action, input });
    if (status !== 200) throw new Error(`${action} answered ${status}`);
    return output;
  };
  const { QueueUrl } = await call("CreateQueue", { QueueName: "speed" });
  const began = performance.now();
  const before = cpuUs(pid);
  let requests = 0;
  const client = async () => {
    while (performance.now() < began + ROUND_MS) {
      for (let n = 0; n < 4; n++, requests++) await call("SendMessage", message(QueueUrl));
      const all = { MaxNumberOfMessages: 10, MessageAttributeNames: ["All"] };
      const { Messages = [] } = await call("ReceiveMessage", { QueueUrl, ...all });
      const Entries = (Messages as { ReceiptHandle: string }[])
        .map(({ ReceiptHandle }, place) => ({ Id: `${place}`, ReceiptHandle }));
      if (Entries.length > 0) await call("DeleteMessageBatch", { QueueUrl, Entries });
      requests += Entries.length > 0 ? 2 : 1;
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  const seconds = (performance.now() - began) / 1_000;
  best.perSecond = Math.max(best.perSecond, requests / seconds);
  if (before === undefined) return;
  best.cpuUs = Math.min(best.cpuUs ?? Infinity, (cpuUs(pid)! - before) / requests);
}

const message = (QueueUrl: unknown) => ({
  QueueUrl,
  MessageBody: JSON.stringify({ orderId: "o-1", total: 42, text: "x".repeat(200) }),
  MessageAttributes: { type: { DataType: "String", StringValue: "OrderPlaced" } },
});

async function compareSpeed(folder: string | undefined, names: readonly string[]): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const all = [await ofOurs("melange", MELANGE), await ofOurs("fauxqs", FAUXQS)];
  for (const name of names) {
    const opponent = await startOpponent(name, folder!);
    const dispose = () => opponent[Symbol.asyncDispose]();
    const wire = wireTo(opponent.origin);
    all.push({ name, wire, best: { perSecond: 0 }, [Symbol.asyncDispose]: dispose });
  }
  for (const each of all) stack.use(each);
  for (let n = 0; n < ROUNDS; n++) for (const each of all) await round(each);
  for (const { name, best } of all) {
    const cpu = best.cpuUs === undefined ? "" : `, ${Math.round(best.cpuUs)} µs of CPU a request`;
    console.log(`${name}: ${Math.round(best.perSecond)} requests a second${cpu}`);
  }
}

/** Fills one queue, with a body of 100 bytes in each message. */
async function measureMemory(): Promise<void> {
  const aws = awsEmulator({ region: "eu-west-1", maxRequests: 0 });
  const wire: Wire = { fetch: aws.fetch, origin: "http://aws.test" };
  const call = (action: string, input: Record<string, unknown>) =>
    ask(wire, "json", { service: "sqs", action, input });
  const { output: { QueueUrl } } = await call("CreateQueue", { QueueName: "q" });
  const before = Deno.memoryUsage().heapUsed;
  for (let n = 0; n < MESSAGES; n += 10) {
    const Entries = Array.from({ length: 10 }, (_, place) => ({
      Id: `${place}`,
      MessageBody: `${n + place} ${"x".repeat(100)}`.slice(0, 100),
    }));
    await call("SendMessageBatch", { QueueUrl, Entries });
  }
  const bytes = (Deno.memoryUsage().heapUsed - before) / MESSAGES;
  console.log(`${MESSAGES} messages of 100 bytes: ${Math.round(bytes)} bytes a message`);
  const began = performance.now();
  for (let n = 0; n < 100; n++) aws.look({ queue: "arn:aws:sqs:eu-west-1:000000000000:q" });
  console.log(`a look at them: ${((performance.now() - began) / 100).toFixed(2)} ms`);
}

if (import.meta.main) {
  const [folder, ...names] = Deno.args;
  await compareSpeed(folder, names);
  await measureMemory();
}
