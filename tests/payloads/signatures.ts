/** Compares the signatures of requests to S3 with those of botocore, as moto checks none. */
import { s3Payloads } from "../../backends/aws/payloads/s3.ts";
import { systemClock } from "../../src/support/clock.ts";
import { mustRun } from "../../tasks/process.ts";
import { KEYS } from "./store_checks.ts";

const SIGN = new URL("./sign.py", import.meta.url).pathname;

interface Sent {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly date: string;
  readonly signature: string;
}

/** Signs a write and reads of all keys; resolves to how many signatures there were, and differ. */
export async function compareSignatures(
  python: string,
): Promise<{ compared: number; different: string[] }> {
  const sent = await requests();
  const stdin = JSON.stringify(sent);
  const { stdout } = await mustRun(python, [SIGN], { stdin, timeoutMs: 60_000 });
  const theirs = stdout.trim().split("\n");
  const different = sent.filter(({ signature }, at) => signature !== theirs[at]);
  return { compared: sent.length, different: different.map(({ url }) => url) };
}

async function requests(): Promise<Sent[]> {
  const sent: Sent[] = [];
  const fetch = (input: string | URL | Request, init: RequestInit = {}) => {
    sent.push(sentOf(String(input), init));
    return Promise.resolve(new Response("x"));
  };
  const credentials = { accessKeyId: "AKID", secretAccessKey: "SECRET", sessionToken: "TOKEN" };
  const own = { bucket: "my-bucket", region: "eu-west-1", credentials };
  for (const endpoint of [{}, { endpoint: "http://127.0.0.1:9000" }]) {
    const store = s3Payloads({ ...own, ...endpoint, environment: () => undefined, fetch });
    for (const key of KEYS) {
      const s3 = { s3BucketName: "my-bucket", s3Key: key };
      const body = JSON.stringify(["software.amazon.payloadoffloading.PayloadS3Pointer", s3]);
      const message = { id: "m", body, attributes: {}, sentAt: new Date(), attempt: 1 };
      await store.restore(message, { clock: systemClock });
    }
    await store.offload({ body: "é".repeat(100), attributes: {} }, {
      destination: { queue: "q" },
      limits: { messageBytes: 262_144, delayMs: 0 },
      overBytes: 1,
      clock: systemClock,
      random: Math.random,
    });
  }
  return sent;
}

function sentOf(url: string, { method = "", headers: all }: RequestInit): Sent {
  const headers = new Headers(all);
  const [, names = "", signature = ""] =
    /SignedHeaders=([^,]+), Signature=(\w+)/.exec(headers.get("authorization") ?? "") ?? [];
  const signed = names.split(";").filter((name) => name !== "host");
  return {
    method,
    url,
    headers: Object.fromEntries(signed.map((name) => [name, headers.get(name) ?? ""])),
    date: headers.get("x-amz-date") ?? "",
    signature,
  };
}
