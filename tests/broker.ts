/** SNS and SQS in this process: the emulator behind a free port of 127.0.0.1. */
import { type AwsEmulator, awsEmulator } from "../backends/aws/emulator/mod.ts";
import type { AwsBackendOptions } from "../backends/aws/mod.ts";
import { serveHttp } from "../cli/broker/http_server.ts";

/** A broker that runs. */
export interface Broker {
  /** The address of the broker, for all services. */
  readonly endpoint: string;
  /** Options with which a backend uses the broker. */
  readonly options: AwsBackendOptions;
  /** The emulator behind the port, for those who look past the network. */
  readonly aws: AwsEmulator;
  /** Stops the broker. Connections are ended. */
  close(): Promise<void>;
}

/** Options of {@linkcode startBroker}. */
export interface BrokerOptions {
  /** Default: a free one. */
  port?: number;
  /** Called for each request that arrives. */
  onRequest?: (request: { readonly method: string }) => void;
}

/**
 * Starts a broker. Nothing is kept when it ends.
 * @throws {MelangeError} `CONFIGURATION` if something listens on the port
 */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  // Nobody reads the log of requests.
  const aws = awsEmulator({ maxRequests: 0 });
  const { url: endpoint, close } = await serveHttp({
    port: options.port ?? 0,
    host: "127.0.0.1",
    handle(request, body) {
      options.onRequest?.(request);
      return aws.answer(request, body);
    },
  });
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  return { endpoint, options: { endpoint, region: "us-east-1", credentials }, aws, close };
}
