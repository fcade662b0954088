/**
 * A Cloudflare Worker that publishes: with `awsSender` nothing of the consumer is in its bundle.
 * `deno serve` and `bun` run the same module.
 */
import { defineEvent, MelangeError, MessagePublisher } from "@melange/melange";
import { awsSender } from "@melange/melange/aws";
import * as v from "valibot";

const PageViewed = defineEvent("PageViewed", {
  topic: "page-views",
  schema: v.object({ path: v.pipe(v.string(), v.startsWith("/")) }),
});

/** The bindings: AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY as secrets. */
export type Env = Record<string, string | undefined>;

/** What the runtime offers beside the request. */
export interface Context {
  /** Keeps the worker alive until the promise has settled. */
  waitUntil(promise: Promise<unknown>): void;
}

/** One for all requests: connections, credentials and names are remembered between them. */
let publisher: MessagePublisher | undefined;

export default {
  async fetch(request: Request, env: Env, context: Context): Promise<Response> {
    publisher ??= new MessagePublisher({
      backend: awsSender({ environment: (name) => env[name], createTopics: false }),
    });
    const path = new URL(request.url).pathname;
    if (request.method !== "POST") {
      // Answered before the event is stored: it may be lost, and only the log will tell.
      const published = publisher.publish(PageViewed({ path }));
      context.waitUntil(published.catch((error) => console.error("not published", error.code)));
      return new Response("hello");
    }
    try {
      // Answered when the event is stored.
      const { messageId } = await publisher.publish(PageViewed({ path }));
      return Response.json({ messageId }, { status: 202 });
    } catch (error) {
      return new Response(error instanceof MelangeError ? error.code : "failed", { status: 503 });
    }
  },
};
