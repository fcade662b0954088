/** Publishing as events arrive, a few a second or many: requests a message, and how long one takes. */
import { Producer } from "sqs-producer";
import { MessagePublisher } from "../../mod.ts";
import { OrderPlaced, payload, plainMessage, sleep } from "./load.ts";
import { sdkSqs } from "./peers.ts";
import { backendOf } from "./publish.ts";
import type { Bench, Done, Scenario } from "./scenario.ts";
import { QUEUE, REGION } from "./stub.ts";

/** Events at a rate, each answer 10 ms away. */
export function arrivals(perSecond: number): (bench: Bench) => Scenario {
  return ({ stub, quick }) => {
    const durationMs = quick ? 600 : 1_500;
    const publisher = new MessagePublisher({ backend: backendOf(stub) });
    const { queueUrl } = stub;
    const producer = Producer.create({ queueUrl, region: REGION, sqs: sdkSqs(stub) });
    const prepare = () => stub.reset({ rttMs: 10 });
    const publish = (number: number) =>
      publisher.publish(OrderPlaced(payload(number)), { queue: QUEUE });
    return {
      name: `publish ${perSecond} a second, round trip of 10 ms`,
      sends: true,
      variants: [
        {
          name: "melange AwsBackend",
          prepare,
          run: () => arriving({ perSecond, durationMs }, publish),
        },
        {
          name: "sqs-producer",
          prepare,
          run: () =>
            arriving({ perSecond, durationMs }, (number) => producer.send(plainMessage(number))),
        },
      ],
    };
  };
}

async function arriving(
  { perSecond, durationMs }: { readonly perSecond: number; readonly durationMs: number },
  call: (number: number) => Promise<unknown>,
): Promise<Done> {
  const count = Math.round(perSecond * durationMs / 1_000);
  const latencies: number[] = [];
  const calls: Promise<void>[] = [];
  const one = async (number: number) => {
    const calledAt = performance.now();
    await call(number);
    latencies.push(performance.now() - calledAt);
  };
  const startedAt = performance.now();
  const deadline = startedAt + 10 * durationMs;
  while (calls.length < count && performance.now() < deadline) {
    const due = Math.ceil((performance.now() - startedAt) * perSecond / 1_000);
    while (calls.length < Math.min(due, count)) calls.push(one(calls.length));
    await sleep(1);
  }
  await Promise.all(calls);
  return { count, latencies };
}
