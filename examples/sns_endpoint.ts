/**
 * An HTTPS subscription of SNS, with the same handlers as the worker: `deno serve`, `bun` and
 * Cloudflare Workers run this module as it is, a Hono app takes
 * `app.post("/sns", (c) => endpoint(c.req.raw))`.
 *
 *     npx -y deno serve examples/sns_endpoint.ts
 */
import { snsEndpoint } from "@melange/melange/sns-endpoint";
import { dispatcher } from "./handlers.ts";

// Messages of other topics are refused, however well they are signed.
const TOPIC = "arn:aws:sns:eu-west-1:123456789012:orders";

export const endpoint = snsEndpoint({ dispatcher, topics: [TOPIC] });

export default { fetch: endpoint };

// Run as a program, it shows what it makes of someone who is not SNS.
if (import.meta.main) {
  const forged = {
    Type: "Notification",
    MessageId: "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
    TopicArn: TOPIC,
    Message: '{"orderId":"o-1","total":42}',
    Timestamp: new Date().toISOString(),
    SignatureVersion: "2",
    Signature: "Zm9yZ2Vk",
    SigningCertURL: "https://sns.eu-west-1.amazonaws.com.evil.example/cert.pem",
  };
  const post = (body: unknown) =>
    new Request("https://shop.example/sns", { method: "POST", body: JSON.stringify(body) });
  for (const body of [forged, { ...forged, TopicArn: `${TOPIC}-of-mine` }, "hello"]) {
    // Nothing was fetched to find out: this example has no permission to.
    const response = await endpoint(post(body));
    console.log(response.status, await response.text());
  }
}

// Prints:
// 403 SigningCertURL is not one of SNS in the region of the topic
// 403 the topic is not allowed
// 400 the body is not a JSON object
