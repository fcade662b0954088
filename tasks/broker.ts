/**
 * Runs a broker of SNS and SQS on 127.0.0.1 until it is interrupted: `deno task broker --port 4566`.
 * Nothing is kept when it ends.
 */
import { parseArgs } from "node:util";
import { startBroker } from "../tests/broker.ts";
import { LOCAL } from "./local.ts";

if (import.meta.main) await main(Deno.args);

async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { port: { type: "string" } } });
  const port = Number(values.port ?? new URL(LOCAL.AWS_ENDPOINT_URL).port);
  const interrupted = signal("SIGINT", "SIGTERM");
  const broker = await start(port);
  console.log(`SNS and SQS are at ${broker.endpoint}. For programs that should use them:\n`);
  for (const [name, value] of Object.entries({ ...LOCAL, AWS_ENDPOINT_URL: broker.endpoint })) {
    console.log(`export ${name}=${value}`);
  }
  if (broker.endpoint === LOCAL.AWS_ENDPOINT_URL) {
    console.log("\n`deno task declare`, `publish` and `consume` come here without that.");
  }
  await interrupted;
  await broker.close();
}

function start(port: number) {
  return startBroker({ port }).catch((error) => {
    if (error?.code !== "EADDRINUSE") throw error;
    console.error(`Cannot use port ${port} as something listens there already: pass --port N`);
    Deno.exit(1);
  });
}

function signal(...names: Deno.Signal[]): Promise<void> {
  return new Promise((resolve) => {
    for (const name of names) Deno.addSignalListener(name, () => resolve());
  });
}
