/**
 * Runs a broker of SNS and SQS on 127.0.0.1 until it is interrupted: `deno task broker --port 4566`.
 * Nothing is kept when it ends.
 */
import { MelangeError } from "../src/support/errors.ts";
import { taskArguments } from "./arguments.ts";
import { startBroker } from "../tests/broker.ts";
import { LOCAL } from "./local.ts";

const OPTIONS = {
  port: { type: "count", value: "N", help: "the port; 0 takes a free one; default: 4566" },
} as const;

if (import.meta.main) await main(Deno.args);

async function main(args: string[]): Promise<void> {
  const { values } = taskArguments(args, { name: "broker", options: OPTIONS });
  const { port = Number(new URL(LOCAL.AWS_ENDPOINT_URL).port) } = values;
  const interrupted = signal("SIGINT", "SIGTERM");
  const broker = await start(port);
  console.log(`SNS and SQS are at ${broker.endpoint}. For programs that should use them:\n`);
  for (const [name, value] of Object.entries({ ...LOCAL, AWS_ENDPOINT_URL: broker.endpoint })) {
    console.log(`export ${name}=${value}`);
  }
  if (broker.endpoint === LOCAL.AWS_ENDPOINT_URL) {
    console.log("\n`npx -y deno task declare`, `publish` and `consume` come here without that.");
  }
  await interrupted;
  await broker.close();
}

function start(port: number) {
  return startBroker({ port }).catch((error) => {
    if (!(error instanceof MelangeError)) throw error;
    console.error(error.message);
    Deno.exit(1);
  });
}

function signal(...names: Deno.Signal[]): Promise<void> {
  return new Promise((resolve) => {
    for (const name of names) Deno.addSignalListener(name, () => resolve());
  });
}
