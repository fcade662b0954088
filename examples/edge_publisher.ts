/**
 * A Cloudflare Worker that publishes: with `awsSender` nothing of the consumer is in its bundle.
 *
 *     npx -y deno bundle --platform=browser --output worker.js examples/edge_publisher.ts
 */
import { defineEvent, MelangeError, MessagePublisher } from "@melange/melange";
import { awsSender } from "@melange/melange/aws";
import * as v from "valibot";

const PageViewed = defineEvent("PageViewed", {
  topic: "page-views",
  schema: v.object({ path: v.pipe(v.string(), v.startsWith("/")) }),
});

/**
 * The bindings: AWS_REGION, and AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY as secrets. With
 * AWS_ACCOUNT_ID nobody has to be asked whose topic it is.
 */
export type Env = Record<string, string | undefined>;

/** The help of the runtime beside the request. */
export interface Context {
  /** Keeps the worker alive until the promise has settled. */
  waitUntil(promise: Promise<unknown>): void;
}

export default {
  async fetch(request: Request, env: Env, context: Context): Promise<Response> {
    // One for each request: Workers end a request that waits for the input or output of another.
    const publisher = new MessagePublisher({
      backend: awsSender({ environment: (name) => env[name] }),
    });
    if (request.method !== "POST") {
      // Answered before the event is stored: it may be lost, and only the log will tell.
      const { pathname: path } = new URL(request.url);
      publisher.publish(PageViewed({ path })).catch((error) => console.error("lost", error.code));
      context.waitUntil(publisher.flush());
      return new Response("hello");
    }
    const data = await request.json().catch(() => undefined);
    if (data === undefined) return new Response("The body is not JSON", { status: 400 });
    try {
      // Answered when the event is stored.
      const { messageId } = await publisher.publish(PageViewed(data));
      return Response.json({ messageId }, { status: 202 });
    } catch (error) {
      return refusal(error);
    }
  },
};

/** The message of an error tells what is wrong with an event and where, and quotes nothing of it. */
function refusal(error: unknown): Response {
  const { code = "FAILED", message = "" } = error instanceof MelangeError ? error : {};
  if (code.startsWith("INVALID_")) return new Response(message, { status: 400 });
  return new Response(code, { status: 503 });
}
