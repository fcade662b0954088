/** A broker of SNS and SQS in this process: fauxqs, on a free port of 127.0.0.1. */
import type { AwsBackendOptions } from "../backends/aws/mod.ts";

/** A broker that runs. */
export interface Broker {
  /** Its address, for all services. */
  readonly endpoint: string;
  /** Options with which a backend uses it. */
  readonly options: AwsBackendOptions;
  /** Stops it. Connections are ended. */
  close(): Promise<void>;
}

/** Options of {@linkcode startBroker}. */
export interface BrokerOptions {
  /** Default: a free one. */
  port?: number;
  /** Called for each request that arrives. */
  onRequest?: (request: { readonly method?: string | undefined }) => void;
}

/** Starts a broker. Its own command line would listen on all addresses, so that is not used. */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const { buildApp } = await import("npm:fauxqs@^2.4");
  const app = buildApp({ logger: false });
  if (options.onRequest) app.server.on("request", options.onRequest);
  const endpoint = await app.listen({ host: "127.0.0.1", port: options.port ?? 0 });
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  return {
    endpoint,
    options: { endpoint, region: "us-east-1", credentials },
    close: () => app.close(),
  };
}
