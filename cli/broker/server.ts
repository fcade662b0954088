/** The broker of `melange broker`: the emulator behind a port, and, if asked for, in a file. */
import {
  type AwsEmulator,
  awsEmulator,
  type EmulatorAnswer,
  type Incoming,
} from "../../backends/aws/emulator/mod.ts";
import { AwsBackend } from "../../backends/aws/mod.ts";
import { type DataFile, openDataFile } from "./data_file.ts";
import { refusalOf } from "./guard.ts";
import { serveHttp } from "./http_server.ts";
import { createSite } from "./site.ts";
import { applyTopology, type Topology } from "./topology.ts";

/** The key for programs; the broker takes any. */
export const CREDENTIALS = { accessKeyId: "test", secretAccessKey: "test" } as const;

/** Options of {@linkcode serveBroker}. */
export interface BrokerOptions {
  /** The port; 0 takes a free one. */
  readonly port: number;
  /** The address to listen on. */
  readonly host: string;
  /** Other names of the broker, by which requests may ask. */
  readonly names: readonly string[];
  /** The region of what `topology` names. */
  readonly region: string;
  /** The file that keeps everything. Default: nothing is kept. */
  readonly data?: string | undefined;
  /** The mark of a broker whose answers wait for the disk. */
  readonly sync: boolean;
  /** Topics, queues and subscriptions to create first. Default: none. */
  readonly topology?: Topology | undefined;
  /** Operations of so many bytes in the file are replaced by a snapshot. Default: 16 MiB. */
  readonly compactBytes?: number | undefined;
  /** A function that is called when nothing can be kept any more; the broker answers nothing then. */
  readonly onFailure: (error: Error) => void;
}

/** A broker that runs. */
export interface BrokerServer {
  /** The address of the broker, without a slash at its end. */
  readonly url: string;
  readonly aws: AwsEmulator;
  /** The bytes that were cut off the end of the file, as a record there was not whole. */
  readonly torn: number;
  /** Ends the broker when all is written. */
  close(): Promise<void>;
}

type Answer = (request: Incoming, body: string) => EmulatorAnswer | Promise<EmulatorAnswer>;

/**
 * Starts a broker. It takes connections first, so that a second one on the same port does not touch
 * the file, and answers when everything is there.
 * @throws {MelangeError} `CONFIGURATION` if the port is taken, or the file damaged
 */
export async function serveBroker(options: BrokerOptions): Promise<BrokerServer> {
  let file: DataFile | undefined;
  let begin: (answer: Answer) => void = () => {};
  const ready = new Promise<Answer>((resolve) => begin = resolve);
  const server = await serveHttp({
    ...options,
    handle: async (request, body) => {
      const refusal = refusalOf(request, options);
      if (refusal !== undefined) return { status: 403, headers: {}, body: `${refusal}\n` };
      const answer = await ready;
      return await answer(request, body);
    },
  });
  const close = async () => {
    await server.close();
    await file?.close();
  };
  try {
    file = options.data === undefined
      ? undefined
      : openDataFile({ ...options, path: options.data });
    const aws = emulatorIn(file, options);
    if (options.topology) await declare(options.topology, { aws, url: server.url });
    const site = createSite(aws, server.url);
    begin((request, body) => site(request, body) ?? aws.answer(request, body));
    return { url: server.url, aws, torn: file?.torn ?? 0, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Creates the emulator with what the file holds, and lets it write there what happens. */
function emulatorIn(file: DataFile | undefined, { region }: BrokerOptions): AwsEmulator {
  const common = { region, maxRequests: 0 };
  if (!file) return awsEmulator(common);
  const [first] = file.records;
  const aws: AwsEmulator = awsEmulator({
    ...common,
    ...(first && "snapshot" in first ? { snapshot: first.snapshot } : {}),
    journal: (operation) => file.append(operation, () => aws.snapshot()),
  });
  for (const record of file.records) if ("operation" in record) aws.replay(record.operation);
  return aws;
}

async function declare(
  topology: Topology,
  { aws, url }: { aws: AwsEmulator; url: string },
): Promise<void> {
  const { fetch, region } = aws;
  const backend = new AwsBackend({ fetch, region, endpoint: url, credentials: CREDENTIALS });
  try {
    await applyTopology(backend, topology);
  } finally {
    await backend.close();
  }
}
