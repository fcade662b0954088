/** The other end of `broadcast_channel_bench.ts`. */
import { BroadcastChannelBackend } from "../backends/broadcast_channel/mod.ts";

interface Scope {
  onmessage: ((event: MessageEvent<number>) => void) | null;
  postMessage(message: unknown): void;
}

const scope = globalThis as unknown as Scope;
const name = new URL(import.meta.url).searchParams.get("name") ?? "";
// Bare posts have one receiver, too.
const bare = name === "bench-leader" ? new BroadcastChannel("bench-bare") : undefined;
if (bare) {
  bare.onmessage = ({ data }) => {
    if (data.isLast) bare.postMessage("acknowledged");
  };
}

const backend = new BroadcastChannelBackend({ name });
await backend.declareQueue("work", { subscribeTo: ["orders"] });
let awaited = 0;
scope.onmessage = ({ data }) => count(data);
for (let i = 0; i < 32; i++) void loop();
scope.postMessage("ready");

async function loop(): Promise<void> {
  // deno-lint-ignore melange/bounded-waits -- it works until it is terminated
  for (;;) {
    const options = { max: 10, waitMs: 20_000, visibilityMs: 60_000 };
    const deliveries = await backend.receive("work", options);
    await backend.acknowledge("work", deliveries.map(({ receipt }) => receipt));
    if (deliveries.length > 0) count(-deliveries.length);
  }
}

/** Either may come last: the number of messages, or the messages. */
function count(change: number): void {
  awaited += change;
  if (awaited === 0) scope.postMessage("done");
}
