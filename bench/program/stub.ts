/** The bench's side of the stub. */
import type { Counts } from "../stub/counts.ts";
import type { StubSettings } from "../stub/settings.ts";

/** The stub, as a program sees it. */
export interface Stub {
  /** Its address. */
  readonly url: string;
  /** The queue's URL. */
  readonly queueUrl: string;
  /** Forgets everything but the last message that was sent. */
  reset(settings: StubSettings): Promise<void>;
  /** Answers all receives at once from now on, without messages; resolves when no more come. */
  end(): Promise<void>;
  /** Resolves when so many messages have been deleted; rejects when a minute is over. */
  deleted(count: number): Promise<void>;
  /** What it counted since the reset. */
  counts(): Promise<Counts>;
}

/** The topic that variants publish to. */
export const TOPIC_ARN = "arn:aws:sns:eu-west-1:000000000000:bench";
/** The queue that variants send to and receive from. */
export const QUEUE = "bench";
/** The region that requests are signed for. */
export const REGION = "eu-west-1";
/** What requests are signed with: the example of AWS's documentation. */
export const CREDENTIALS = {
  accessKeyId: "AKIAIOSFODNN7EXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
};

const PATIENCE_MS = 70_000;

/** Creates a client of the stub at an address. */
export function createStub(url: string): Stub {
  const ask = async (path: string, body: string) => {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const answer = await fetch(`${url}/bench/${path}`, { method: "POST", body, signal });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`Cannot ${path} the stub: ${text}`);
    return JSON.parse(text);
  };
  return {
    url,
    queueUrl: `${url}/000000000000/${QUEUE}`,
    reset: (settings) => ask("reset", JSON.stringify(settings)),
    end: async () => {
      const { quiet } = await ask("end", "");
      if (!quiet) throw new Error("Somebody still asks the stub for messages");
    },
    deleted: async (count) => {
      const { deleted } = await ask("deleted", String(count));
      if (deleted < count) throw new Error(`Only ${deleted} of ${count} messages were deleted`);
    },
    counts: () => ask("counts", ""),
  };
}
