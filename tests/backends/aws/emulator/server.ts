/** An emulator behind a port of this machine, for programs that know nothing of it. */
import {
  type AwsEmulator,
  awsEmulator,
  type EmulatorOptions,
} from "../../../../backends/aws/emulator/mod.ts";

/** A server that runs. */
export interface EmulatorServer extends AsyncDisposable {
  /** Its address, for all services. */
  readonly endpoint: string;
  /** What answers. */
  readonly aws: AwsEmulator;
  /** Stops it. */
  close(): Promise<void>;
}

/** Starts a server on a free port of 127.0.0.1. */
export function serveEmulator(options: EmulatorOptions = {}): EmulatorServer {
  const aws = awsEmulator(options);
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, aws.fetch);
  const close = () => server.shutdown();
  const endpoint = `http://127.0.0.1:${server.addr.port}`;
  return { endpoint, aws, close, [Symbol.asyncDispose]: close };
}
