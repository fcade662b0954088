/** A second opinion on SNS and SQS: fauxqs in this process, on a free port of 127.0.0.1. */
import type { Broker } from "./broker.ts";

/** Starts the broker. Its own command line would listen on all addresses, so that is not used. */
export async function startFauxqs(): Promise<Pick<Broker, "options" | "close">> {
  const { buildApp } = await import("npm:fauxqs@^2.4");
  const app = buildApp({ logger: false });
  const endpoint = await app.listen({ host: "127.0.0.1", port: 0 });
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const options = { endpoint, region: "us-east-1", credentials };
  return { options, close: () => app.close() };
}
