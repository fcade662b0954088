/** The variants that run on workerd: a request names one, and how many batches it sends. */
import { awsSender } from "../../backends/aws/mod.ts";
import { MessagePublisher } from "../../mod.ts";
import { postTen, rawFetch, signedFetch } from "./by_hand.ts";
import { events, PER_CALL, underWay } from "./load.ts";
import { CREDENTIALS, QUEUE, REGION } from "./stub.ts";

interface Environment {
  readonly STUB: string;
}

/** The variants by their paths. */
const VARIANTS: Readonly<Record<string, (url: string) => () => Promise<unknown>>> = {
  "/melange": (url) => {
    const backend = awsSender({ region: REGION, endpoint: url, credentials: CREDENTIALS });
    const publisher = new MessagePublisher({ backend });
    // A worker starts often, so it is told the address of its queue.
    const queue = addressOf(url);
    return async () => {
      const results = await publisher.publishAll(events(PER_CALL), { queue });
      if (results.some(({ ok }) => !ok)) throw new Error("Not all were published");
    };
  },
  "/fetch": (url) => byHand(url, rawFetch({ url })),
  "/aws4fetch": (url) => byHand(url, signedFetch({ url })),
};

function byHand(url: string, post: ReturnType<typeof rawFetch>): () => Promise<void> {
  return () => postTen(post, { queueUrl: addressOf(url) });
}

function addressOf(url: string): string {
  return `${url}/000000000000/${QUEUE}`;
}

export default {
  /** Runs the variant that the path names; `?calls` tells how many batches of ten. */
  async fetch(request: Request, { STUB }: Environment): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const variant = VARIANTS[pathname];
    if (!variant) return new Response("No such variant", { status: 404 });
    return Response.json(await underWay(Number(searchParams.get("calls")), variant(STUB)));
  },
};
