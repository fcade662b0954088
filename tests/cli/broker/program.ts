/** `melange broker` as a program, for tests. */
import { AwsBackend } from "../../../backends/aws/mod.ts";
import { type Program, start } from "../../../tasks/process.ts";
import { withoutAws } from "../../without_aws.ts";

const CLI = new URL("../../../cli/mod.ts", import.meta.url).href;

/** A broker that runs as a program. */
export interface BrokerProgram {
  readonly program: Program;
  /** The address of the broker. */
  readonly endpoint: string;
  /** What sends and receives there. */
  readonly backend: AwsBackend;
}

/** Starts the command line on a free port. */
export function startCli(args: readonly string[]): Program {
  const all = ["run", "--quiet", "--no-check", "--no-prompt", "-N", "-R", "-W", CLI];
  const port = args.includes("--port") ? [] : ["--port", "0"];
  return start(Deno.execPath(), [...all, "broker", ...port, ...args], { env: withoutAws() });
}

/** Waits until the broker says where it is. */
export async function listening(program: Program): Promise<BrokerProgram> {
  const [endpoint] = await program.line(/http:\/\/[\w.:[\]]+:\d+/);
  return { program, endpoint, backend: backendAt(endpoint) };
}

/** Creates a backend that uses the broker. */
export function backendAt(endpoint: string): AwsBackend {
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  return new AwsBackend({ endpoint, region: "us-east-1", credentials });
}

/** Sends from four senders until the signal aborts; notes what the broker has acknowledged. */
export async function sendUntil(
  signal: AbortSignal,
  { backend, round, acknowledged }: {
    backend: AwsBackend;
    round: number;
    acknowledged: string[];
  },
): Promise<void> {
  const sender = async (name: string) => {
    for (let number = 0; !signal.aborted; number++) {
      const body = `${round}-${name}-${number}`;
      const [result] = await backend.send({ queue: "jobs" }, [{ body, attributes: {} }], { signal })
        .catch(() => [undefined]);
      if (result?.ok) acknowledged.push(body);
    }
  };
  await Promise.all(["a", "b", "c", "d"].map(sender));
}
