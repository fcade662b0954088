/** One signature of a batch of 12 KiB. */
import { AwsClient } from "aws4fetch";
import { quickestSigner } from "../../backends/aws/api/template_signing.ts";
import { sqsHeaders, tenEntries } from "./by_hand.ts";
import type { Bench, Scenario } from "./scenario.ts";
import { CREDENTIALS, QUEUE, REGION } from "./stub.ts";

/** Signing as the backend does it, and as aws4fetch does. */
export function signing({ quick }: Bench): Scenario {
  const count = quick ? 300 : 2_000;
  const url = "https://sqs.eu-west-1.amazonaws.com/";
  const body = JSON.stringify({ QueueUrl: `${url}000000000000/${QUEUE}`, Entries: tenEntries() });
  const headers = sqsHeaders("SendMessageBatch");
  const sign = quickestSigner();
  const client = new AwsClient({ ...CREDENTIALS, service: "sqs", region: REGION });
  const inTurn = async (call: () => unknown) => {
    for (let number = 0; number < count; number++) await call();
    return { count };
  };
  return {
    name: "sign 12 KiB",
    sends: false,
    variants: [
      {
        name: "melange",
        run: () =>
          inTurn(() =>
            sign(
              { url, service: "sqs", region: REGION, headers, body, now: Date.now() },
              CREDENTIALS,
            )
          ),
      },
      {
        name: "AwsClient.sign of aws4fetch",
        run: () => inTurn(() => client.sign(url, { method: "POST", headers, body })),
      },
    ],
  };
}
